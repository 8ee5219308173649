"""Alpha by the number of donors: on planted cases, whatever the numbering; and what else alpha may be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from entmax import entmax_bisect
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import from_numpy

import sembridge.bridging.alpha as module
from sembridge.bridging.alpha import AUTO, DONORS, LADDER, check_field, choose_alpha, sampled
from sembridge.bridging.geometry import CENTERED, Compared, Geometry, compared
from sembridge.mixture.mixture import UnitVectors
from sembridge.semantic_bridge import SemBridge
from tests.helpers.bridges_made import bridged, moved, renumbered


def tokens_of(task, kind: str = CENTERED, csls: int = 0) -> Compared:
    transfer, vectors = task
    return compared(Geometry(kind, 0.1, 0, csls), transfer, vectors, transfer.missing, np.arange(len(transfer.source)))


def planted(width: float, near: int, targets: int = 20) -> Compared:
    """Return targets with `near` donors whose cosines are alike, and one behind them by `width`.

    At an alpha below 1 + 1 / (near * width) for sparsemax the farther one has weight too; see the test.
    """
    cosines = [0.9] * near + [0.9 - width]
    donors = np.array([[c, np.sqrt(1 - c * c)] for c in cosines], dtype=np.float32)
    queries = np.tile(np.array([[1, 0]], dtype=np.float32), (targets, 1))
    sides = UnitVectors(queries, np.arange(targets)), UnitVectors(donors, np.arange(near + 1))
    return Compared(((np.arange(targets), *sides),), np.arange(targets), 1.0)


@pytest.mark.parametrize(("near", "width", "donors"), [(2, 0.05, 2.0), (3, 0.02, 3.0), (1, 0.2, 1.0), (2, 0.05, 3.0)])
def test_the_planted_alpha_is_chosen(near, width, donors):
    """With (a w)^(1/a) >= 1 / near, a = alpha - 1, the near donors hold all the weight; else the farther one has some.

    Every alpha of the rung has the same number of donors, so the lowest one is chosen.
    """
    alone = [alpha for alpha in LADDER if near * ((alpha - 1) * width) ** (1 / (alpha - 1)) >= 1]
    wanted = min(alone) if donors == near else min(LADDER)
    assert alone and min(alone) > min(LADDER), "the case shall have both kinds of alphas"
    alpha, means = choose_alpha(planted(width, near), [f"t{i}" for i in range(20)], donors)
    assert alpha == wanted
    assert means == {alpha: near if alpha in alone else near + 1 for alpha in LADDER}


@given(seed=st.integers(0, 30), kind=st.sampled_from(["published", CENTERED]), csls=st.sampled_from([0, 3]))
@settings(deadline=None, max_examples=15)
def test_counts_fall_with_alpha_and_the_nearest_is_chosen(seed, kind, csls):
    task = bridged(80, 40, seed=seed)
    alpha, means = choose_alpha(tokens_of(task, kind, csls * (kind == CENTERED)), task[0].target.tokens)
    assert list(means) == list(LADDER)
    assert all(wide >= narrow >= 1 for wide, narrow in pairwise(means.values())) and means[1.5] > means[32.0]
    ratios = {a: max(m / DONORS, DONORS / m) for a, m in means.items()}
    assert ratios[alpha] == min(ratios.values())


def test_counts_are_those_of_the_package():
    task = bridged(80, 40)
    tokens = tokens_of(task)
    ((_, queries, donors),) = tokens.groups
    scores = from_numpy(queries.points() @ donors.points().T)
    _, means = choose_alpha(tokens, task[0].target.tokens)
    for alpha in (1.5, 2.0, 3.0, 4.0):
        assert means[alpha] == (entmax_bisect(scores, alpha, n_iter=200).numpy() > 0).sum(axis=1).mean()


def test_numbering_and_the_scale_of_the_bridge_change_nothing(monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", 25)  # of 46 targets
    task = bridged(80, 50)
    rng = np.random.default_rng(0)
    alpha, means = choose_alpha(tokens_of(task), task[0].target.tokens)
    others = [
        renumbered(task, rng.permutation(80), rng.permutation(50)),
        (task[0], moved(task[1], lambda x: 4 * x - 1, lambda x: x / 8 + 1)),
    ]
    for other in others:
        chosen, counts = choose_alpha(tokens_of(other), other[0].target.tokens)
        assert chosen == alpha and counts == pytest.approx(means, rel=0.05)


def test_a_flat_bridge_gets_a_higher_alpha_where_cosines_are_not_scaled():
    transfer, vectors = bridged(80, 50)
    flat = moved(vectors, lambda x: x + 6, lambda x: x + 6)
    chosen = {
        (kind, side): SemBridge(vectors if side == "wide" else flat, alpha=AUTO, geometry=kind)(transfer).statistics
        for kind in ("published", CENTERED)
        for side in ("wide", "flat")
    }
    alphas = {key: statistics["alpha"] for key, statistics in chosen.items()}
    assert alphas["published", "flat"] > alphas["published", "wide"]
    assert alphas[CENTERED, "flat"] == alphas[CENTERED, "wide"]


def test_a_sample_follows_names_alone(monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", 10)
    names = [f"token {i}" for i in range(100)]
    ids = np.arange(5, 100)
    chosen = sampled(ids, names)
    assert len(chosen) == 10 and (np.diff(chosen) > 0).all() and np.isin(chosen, ids).all()
    order = np.random.default_rng(0).permutation(100)
    again = sampled(np.flatnonzero(order >= 5), [names[i] for i in order])
    assert {names[order[i]] for i in again} == {names[i] for i in chosen}
    fewer = sampled(np.setdiff1d(ids, chosen[:1]), names)
    assert len(np.intersect1d(fewer, chosen)) == 9, "a token that is gone moves no other"
    assert np.array_equal(sampled(ids[:10], names), ids[:10])


def test_the_same_as_with_the_chosen_number():
    transfer, vectors = bridged(80, 50)
    chosen = SemBridge(vectors, alpha=AUTO, geometry=CENTERED)(transfer)
    alpha = chosen.statistics["alpha"]
    named = SemBridge(vectors, alpha=alpha, geometry=CENTERED)(transfer)
    assert alpha in LADDER and chosen.rows.tobytes() == named.rows.tobytes()
    assert {"alpha": alpha, **named.statistics} == chosen.statistics


def test_the_field_is_a_number_or_auto():
    assert SemBridge(alpha=AUTO) != SemBridge() == SemBridge(alpha=4)
    for alpha in (AUTO, 1, 2.5):
        check_field(alpha)
    for value in ("automatic", True, False, None):
        with pytest.raises(ValueError, match=f"^alpha {value!r} is neither a number from 1 on nor auto$"):
            SemBridge(alpha=value)
    for value in (0, 0.5, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="alpha >= 1"):
            SemBridge(alpha=value)
