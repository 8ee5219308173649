"""The invariants of `sembridge/initializer.py`, which every registered initializer keeps, whatever it computes.

So do three methods made for these tests, whose weights are signed and whose rows have residuals. A new method is tested
here as soon as its entry point exists. If it needs an input that no other method needs, add a line to INPUTS in
`cases_made`.
"""

from __future__ import annotations

import dataclasses
import random
import sys
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from entmax import sparsemax
from scipy.special import softmax

from sembridge.initializer import (
    ALWAYS,
    CONVEX,
    COPIED,
    FALLBACK,
    MIXED,
    NEVER,
    OWN,
    SAMPLED,
    SPECIAL,
    Initialization,
    Initializer,
    samples_of,
    weights_of,
)
from sembridge.registry import available_initializers
from sembridge.vocabulary.vocabulary import ROLES
from tests.helpers.cases_made import DIMENSION, FIELDS, METHODS, PAIRS, Case, build, made_case, method_class


@pytest.fixture(params=PAIRS, ids=lambda pair: "-to-".join(pair), scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return made_case(*request.param)


@pytest.fixture(params=METHODS, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@cache
def answered(name: str, case: Case, seed: int | None = None) -> Initialization:
    """Return what a method answers, computed once for all tests that only look at it; the arrays are read-only.

    seed  None: that of the case
    """
    answer = build(name, case)(case.transfer if seed is None else dataclasses.replace(case.transfer, seed=seed))
    for array in (answer.rows, answer.origin, answer.mixture.data, answer.mixture.indices, answer.residual):
        if array is not None:
            array.setflags(write=False)
    return answer


def test_is_a_registered_frozen_dataclass(name):
    method = method_class(name)
    initializer = build(name, made_case(*PAIRS[0]))
    assert isinstance(initializer, Initializer) and method.name == name
    fields = {field.name for field in dataclasses.fields(method)}
    assert {FIELDS.get(need, need) for need in method.needs} <= fields
    with pytest.raises(dataclasses.FrozenInstanceError):
        initializer.name = "other"


def test_rows_are_complete(name, case):
    answer = answered(name, case)
    assert answer.rows.shape == (len(case.transfer.target), DIMENSION)
    assert answer.rows.dtype == np.float32
    assert np.isfinite(answer.rows).all()
    assert (np.abs(answer.rows).max(axis=1) > 0).all()


def test_overlap_and_specials_are_copied_bit_for_bit(name, case):
    answer = answered(name, case)
    copied = case.transfer.copied
    has_source = copied >= 0
    assert answer.rows[has_source].tobytes() == case.transfer.rows[copied[has_source]].tobytes()
    assert set(np.unique(answer.origin[has_source])) == {COPIED, SPECIAL}
    assert not np.isin(answer.origin[~has_source], [COPIED, SPECIAL]).any()
    special = [i for i, role in enumerate(case.transfer.target.roles) if role in ROLES]
    assert (answer.origin[special] == SPECIAL).all() and (answer.origin == SPECIAL).sum() == len(special) == 5


def test_same_seed_same_bits_under_a_disturbed_global_generator(name, case):
    first = answered(name, case)
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    second = build(name, case)(case.transfer)
    assert first.rows.tobytes() == second.rows.tobytes()
    assert first.mixture.data.tobytes() == second.mixture.data.tobytes()
    assert np.array_equal(first.mixture.indices, second.mixture.indices)
    assert np.array_equal(first.origin, second.origin)
    assert (first.residual is None) == (second.residual is None)
    assert first.residual is None or first.residual.tobytes() == second.residual.tobytes()


def test_inputs_are_not_modified(name, case):
    def content():
        vectors = [getattr(case, field.name) for field in dataclasses.fields(case) if field.name != "transfer"]
        return [array.tobytes() for array in (*vectors, case.transfer.rows, case.transfer.copied)]

    before = content()
    build(name, case)(case.transfer)  # the arrays are read-only too: writing raises
    assert content() == before


def test_each_call_returns_its_own_arrays(name, case):
    initializer = build(name, case)
    initializer(case.transfer).rows[:] = 7
    assert not (initializer(case.transfer).rows == 7).any()


def test_mixture_and_residual_give_the_rows(name, case):
    answer, transfer = answered(name, case), case.transfer
    mixture = answer.mixture.toarray().astype(np.float64)
    assert mixture.shape == (len(transfer.target), len(transfer.source)) and answer.mixture.dtype == np.float32
    sampled, has_source = answer.origin == SAMPLED, np.flatnonzero(transfer.copied >= 0)
    mixed = mixture.any(axis=1)
    assert not mixed[sampled | (answer.origin == OWN)].any() and mixed[answer.origin == MIXED].all()
    assert np.array_equal(answer.support, np.count_nonzero(mixture, axis=1))
    residual = np.zeros_like(answer.rows) if answer.residual is None else answer.residual
    assert residual.shape == answer.rows.shape and residual.dtype == np.float32 and np.isfinite(residual).all()
    assert (
        not residual[sampled].any()
        and not residual[has_source].any()
        and residual[answer.origin == OWN].any(axis=1).all()
    )
    whole = mixture @ transfer.rows + residual
    np.testing.assert_allclose(answer.rows[~sampled], whole[~sampled], rtol=1e-6, atol=1e-6)
    assert (mixture[has_source, transfer.copied[has_source]] == 1).all()
    assert (np.count_nonzero(mixture[has_source], axis=1) == 1).all()


def test_weights_are_what_the_method_declares(name, case):
    weights = answered(name, case).mixture.toarray().astype(np.float64)
    assert np.isfinite(weights).all()
    if weights_of(method_class(name)) == CONVEX:
        assert (weights >= 0).all()
        np.testing.assert_allclose(weights[weights.any(axis=1)].sum(axis=1), 1, atol=1e-5)


def test_only_donors_donate(name, case):
    answer = answered(name, case)
    used = answer.mixture.toarray()[answer.origin == MIXED].any(axis=0)
    assert not (used & ~case.transfer.donors).any()


def test_origins_are_counted(name, case):
    answer, origins = answered(name, case), (COPIED, SPECIAL, MIXED, SAMPLED)
    origins += () if answer.residual is None else (OWN,)
    assert sum(answer.statistics[origin] for origin in origins) == len(case.transfer.target)
    assert all(answer.statistics[origin] == (answer.origin == origin).sum() for origin in origins)


def test_a_value_per_token_is_carried_over(name, case):
    values = np.linspace(1, 2, len(case.transfer.source))
    carried = answered(name, case).carry(values)
    has_source = case.transfer.copied >= 0
    np.testing.assert_allclose(carried[has_source], values[case.transfer.copied[has_source]], rtol=1e-6)
    assert (carried >= 1 - 1e-5).all() and (carried <= 2 + 1e-5).all()


def decided(answer) -> np.ndarray:
    """Return [T] bool: rows without chance: all but the sampled ones, and these too where they are alike (the mean)."""
    sampled = answer.origin == SAMPLED
    alike = sampled.sum() > 1 and (answer.rows[sampled] == answer.rows[sampled][0]).all()
    return ~sampled | alike


def test_decided_rows_follow_a_permutation_of_target_ids(name, case):
    order = np.random.default_rng(3).permutation(len(case.transfer.target))
    moved = case.with_target_ids(order)
    before, after = answered(name, case), build(name, moved)(moved.transfer)
    assert np.array_equal(after.origin, before.origin[order])
    same = decided(after)
    assert np.array_equal(same, decided(before)[order]) and (same.all() or name != "mean")
    np.testing.assert_allclose(after.rows[same], before.rows[order][same], atol=1e-5)


def test_decided_rows_ignore_a_permutation_of_source_ids(name, case):
    order = np.random.default_rng(4).permutation(len(case.transfer.source))
    moved = case.with_source_ids(order)
    before, after = answered(name, case), build(name, moved)(moved.transfer)
    assert np.array_equal(after.origin, before.origin)
    same = decided(after)
    np.testing.assert_allclose(after.rows[same], before.rows[same], atol=1e-5)
    np.testing.assert_allclose(after.mixture.toarray()[same], before.mixture.toarray()[same][:, order], atol=1e-5)


@pytest.mark.parametrize("block", [1, 50])
def test_does_not_depend_on_block_sizes(name, case, block, monkeypatch):
    """For the `_BLOCK` of every module, and the candidates and block that entmax begins with."""
    whole = answered(name, case)
    for module in [module for key, module in sys.modules.items() if key.startswith(("baselines.", "sembridge."))]:
        for constant in ("_BLOCK", "_FIRST_CANDIDATES"):
            if hasattr(module, constant):
                monkeypatch.setattr(module, constant, block)
    monkeypatch.setattr("sembridge.mixture.entmax.cosine_mixture.__defaults__", (block,))
    blocked = build(name, case)(case.transfer)
    assert np.array_equal(blocked.origin, whole.origin)
    np.testing.assert_allclose(blocked.rows, whole.rows, atol=1e-5)
    np.testing.assert_allclose(blocked.mixture.toarray(), whole.mixture.toarray(), atol=1e-5)


def test_every_method_copies_the_same_bits(case):
    """Copied and special rows, their bits and their origins are the same for all methods."""
    answers = {name: answered(name, case) for name in METHODS}
    has_source = case.transfer.copied >= 0
    assert len({answer.rows[has_source].tobytes() for answer in answers.values()}) == 1
    assert len({tuple(answer.origin[has_source]) for answer in answers.values()}) == 1


@pytest.mark.parametrize("toy", ["toy-residual", "toy-both"])
def test_toys_show_what_they_are_made_for(toy, case):
    """Length is restored to 1e-6; and there are rows with a residual, and rows that are nothing else."""
    answer, rows = answered(toy, case), case.transfer.rows.astype(np.float64)
    mixed = np.flatnonzero(answer.origin == MIXED)
    own = answer.own_share()
    assert len(mixed) > 20 and ((own[mixed] > 0) & (own[mixed] < 1)).all()
    if toy == "toy-both":
        assert (answer.origin == OWN).sum() > 3 and (own[answer.origin == OWN] == 1).all()
        assert (answer.mixture.toarray()[mixed] < 0).any(axis=1).all()
    else:
        wanted = answer.mixture[mixed].astype(np.float64) @ (rows**2).sum(axis=1)
        np.testing.assert_allclose((answer.rows[mixed].astype(np.float64) ** 2).sum(axis=1), wanted, rtol=1e-6)


def has_alpha(name: str) -> bool:
    return "alpha" in {field.name for field in dataclasses.fields(method_class(name))}


@pytest.fixture(params=filter(has_alpha, available_initializers()))
def entmax_method(request: pytest.FixtureRequest) -> str:
    return request.param


def test_support_shrinks_as_alpha_grows(entmax_method, case):
    supports = []
    for alpha in (1.0, 1.5, 2.0, 3.0, 4.0, 8.0):
        answer = build(entmax_method, case, alpha=alpha)(case.transfer)
        supports.append(np.diff(answer.mixture.indptr)[answer.origin == MIXED])
    for wider, narrower in pairwise(supports):
        assert (narrower <= wider).all() and narrower.sum() < wider.sum()


@pytest.mark.parametrize("position", [0.0, 0.1, 2.0])
@pytest.mark.parametrize(
    ("alpha", "oracle"), [(1.0, softmax), (2.0, lambda z, axis: sparsemax(torch.from_numpy(z), dim=axis).numpy())]
)
def test_alpha_1_is_softmax_and_alpha_2_sparsemax(case, alpha, oracle, position):
    """SemBridge over all donors that the bridge knows, with the weights of scipy and of the entmax package."""
    answer = build("sembridge", case, alpha=alpha, position=position)(case.transfer)
    donors = np.flatnonzero(case.transfer.donors & case.source_known)
    mixed = np.flatnonzero(answer.origin == MIXED)
    sides = (case.target_vectors[mixed], case.source_vectors[donors])
    targets, sources = (side / np.linalg.norm(side.astype(float), axis=1, keepdims=True) for side in sides)
    expected = np.zeros((len(mixed), len(case.transfer.source)))
    elsewhere = case.transfer.target.word_initial[mixed][:, None] != case.transfer.source.word_initial[donors]
    expected[:, donors] = oracle(targets @ sources.T - position * elsewhere, axis=1)
    np.testing.assert_allclose(answer.mixture.toarray()[mixed], expected, atol=1e-6)
    assert len(mixed) > 20


def test_the_seed_changes_no_decided_row(name, case):
    answers = [answered(name, case, seed) for seed in (1, 2)]
    same = decided(answers[0])
    assert answers[0].rows[same].tobytes() == answers[1].rows[same].tobytes()


@cache
def all_known(case: Case) -> Case:
    """Return the same transfer with a vector for every token."""
    rng = np.random.default_rng(11)
    sides = [rng.standard_normal((len(side), 8)).astype(np.float32) for side in (case.source_known, case.target_known)]
    return Case(case.transfer, sides[0], np.ones(len(sides[0]), bool), sides[1], np.ones(len(sides[1]), bool))


@pytest.mark.parametrize("complete", [False, True], ids=["some tokens have no vector", "every token has one"])
def test_the_seed_changes_rows_when_the_method_says_so(name, case, complete):
    """A grid computes rows that no seed changes once: a declaration too narrow would lose the other seeds."""
    chosen = all_known(case) if complete else case
    first, second = (answered(name, chosen, seed) for seed in (1, 2))
    same = first.rows.tobytes() == second.rows.tobytes()
    assert not same or (first.mixture != second.mixture).nnz == 0
    sampled = first.statistics["sampled"]
    assert same == {ALWAYS: False, FALLBACK: sampled == 0, NEVER: True}[samples_of(method_class(name))]
    if samples_of(method_class(name)) == FALLBACK and case is made_case("wordpiece", "wordpiece"):
        assert (sampled == 0) is complete, "both sides of the rule are tried"
