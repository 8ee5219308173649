"""Signet: what SemBridge mixes in the centered geometry, at an alpha by donors, and a direction of each token's own.

Its obligations as an initializer are in tests/baselines/test_contract.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sembridge.bridging.alpha import DONORS
from sembridge.bridging.geometry import CENTERED
from sembridge.bridging.method import POSITION
from sembridge.initializer import FALLBACK, MIXED, SAMPLED, samples_of, weights_of
from sembridge.options import with_bias
from sembridge.own_direction import quiet_directions
from sembridge.pipeline import make_task
from sembridge.semantic_bridge import SemBridge
from sembridge.signet import Signet
from tests.helpers.bridges_made import bridged, knowing, moved, renumbered
from tests.helpers.encoders_made import made_encoder
from tests.helpers.tokenizers_made import made_tokenizer


@pytest.fixture
def task():
    transfer, vectors = bridged(80, 50)
    return transfer, knowing(vectors, target=np.arange(50) != 20)


def test_the_mixture_is_that_of_sembridge_at_the_alpha_it_chooses(task):
    transfer, vectors = task
    answer = Signet(vectors)(transfer)
    alpha = answer.statistics["alpha"]
    plain = SemBridge(vectors, alpha=alpha, geometry=CENTERED)(transfer)
    assert (answer.mixture != plain.mixture).nnz == 0 and answer.origin.tolist() == plain.origin.tolist()
    shared = ("not_bridged", "mean_support", "max_support", "cosine_spread", MIXED, SAMPLED)
    assert all(answer.statistics[name] == plain.statistics[name] for name in shared)
    assert answer.origin[20] == SAMPLED and answer.statistics["not_bridged"] == 1


@pytest.mark.parametrize("own", [0.5, 1.0])
def test_length_is_given_back(task, own):
    transfer, vectors = task
    answer = Signet(vectors, own=own, donors=4)(transfer)
    several = answer.support > 1
    rows = transfer.rows.astype(np.float64)
    mixed, wanted = answer.mixture.astype(np.float64) @ rows, answer.mixture.astype(np.float64) @ (rows**2).sum(axis=1)
    lost = wanted - (mixed**2).sum(axis=1)
    gained = (answer.rows.astype(np.float64) ** 2).sum(axis=1) - (mixed**2).sum(axis=1)
    assert several.sum() > 30 and (lost[several] > 0).all()
    np.testing.assert_allclose(gained[several] / lost[several], own**2, rtol=1e-4)
    if own == 1:
        squares = (answer.rows[several].astype(np.float64) ** 2).sum(axis=1)
        np.testing.assert_allclose(squares, wanted[several], rtol=1e-6)
    assert not answer.residual[~several].any()
    share = answer.own_share()
    assert ((share[several] > 0) & (share[several] < 1)).all() and answer.statistics["mean_own"] > 0.02


def test_the_directions_are_those_of_the_seed_and_not_of_the_transfer(task):
    transfer, vectors = task
    first, same = Signet(vectors)(transfer), Signet(vectors)(replace(transfer, seed=7))
    other = Signet(vectors, seed=1)(transfer)
    mixed = first.origin == MIXED
    assert first.rows[mixed].tobytes() == same.rows[mixed].tobytes()
    several = mixed & (first.support > 1)
    assert (np.abs(first.rows - other.rows).max(axis=1)[several] > 1e-3).all()
    assert (first.mixture != other.mixture).nnz == 0
    named = quiet_directions(transfer, [transfer.target.tokens[i] for i in np.flatnonzero(several)], 0)
    own = first.residual[several] / np.linalg.norm(first.residual[several], axis=1, keepdims=True)
    assert (own * named).sum(axis=1).min() > 0.5, "turned off its name's direction by the right angle alone"


def test_without_a_direction_of_its_own_it_is_sembridge(task):
    transfer, vectors = task
    answer = Signet(vectors, own=0.0, donors=DONORS)(transfer)
    assert answer.residual is None and "mean_own" not in answer.statistics
    plain = SemBridge(vectors, alpha="auto", geometry=CENTERED)(transfer)
    assert answer.rows.tobytes() == plain.rows.tobytes() and answer.statistics == plain.statistics


def test_more_donors_are_a_lower_alpha(task):
    transfer, vectors = task
    chosen = [Signet(vectors, donors=donors)(transfer).statistics for donors in (1, DONORS, 8, 1000)]
    alphas = [statistics["alpha"] for statistics in chosen]
    assert alphas == sorted(alphas, reverse=True) and alphas[0] == 32.0 and alphas[-1] == 1.5
    assert abs(chosen[1]["mean_support"] - DONORS) < 0.5


def test_a_shift_and_a_numbering_change_nothing(task):
    transfer, vectors = task
    rng = np.random.default_rng(0)
    expected = Signet(vectors)(transfer)
    same = expected.origin != SAMPLED
    shifted = Signet(moved(vectors, lambda x: 2 * x + 1, lambda x: x - 3))(transfer)
    np.testing.assert_allclose(shifted.rows[same], expected.rows[same], atol=2e-2)  # the alpha's root of float32
    assert shifted.statistics["alpha"] == expected.statistics["alpha"]
    source, target = rng.permutation(80), rng.permutation(50)
    again = Signet(renumbered(task, source, target)[1])(renumbered(task, source, target)[0])
    np.testing.assert_allclose(again.rows[same[target]], expected.rows[target][same[target]], atol=1e-5)


def test_rows_of_an_encoder_under_both_profiles(tmp_path):
    """The compat profile has no penalty for the place in a word, and to it all tokens are at one place."""
    encoder, tokenizer = made_encoder(tmp_path), made_tokenizer("wordpiece", "russian")
    for profile, position in (("fixed", POSITION), ("compat", 0.0)):
        transfer = make_task(encoder, tokenizer, profile=profile)
        rng = np.random.default_rng(1)
        _, vectors = bridged(len(transfer.source), len(transfer.target), copied=0)
        vectors = knowing(vectors, rng.random(len(transfer.source)) < 0.9, rng.random(len(transfer.target)) < 0.9)
        answer = Signet(vectors)(transfer)
        named = Signet(vectors, position=position)(transfer)
        assert answer.rows.tobytes() == named.rows.tobytes()
        assert np.isfinite(answer.rows).all() and (answer.origin == MIXED).sum() > 30
        other = Signet(vectors, position=0.1 - position)(transfer)
        assert (answer.rows.tobytes() == other.rows.tobytes()) == (profile == "compat")


def test_its_own_part_is_whole_where_the_bias_is_calibrated_and_half_where_it_is_not(task):
    transfer, vectors = task
    half, whole = Signet(vectors, own=0.5)(transfer), Signet(vectors, own=1.0)(transfer)
    assert Signet(vectors)(transfer).rows.tobytes() == half.rows.tobytes() != whole.rows.tobytes()
    assert with_bias(Signet(vectors), "calibrated")(transfer).rows.tobytes() == whole.rows.tobytes()
    for bias in ("transfer", "zero", "keep"):
        assert with_bias(Signet(vectors), bias)(transfer).rows.tobytes() == half.rows.tobytes()
    for own in (0.0, 0.25):
        assert with_bias(Signet(vectors, own=own), "calibrated").own == own, "what the user sets stays"
    plain = SemBridge(vectors)
    assert with_bias(plain, "calibrated") is plain


def test_what_it_declares():
    assert samples_of(Signet) == FALLBACK and weights_of(Signet) == "convex"
    assert Signet.needs == ("bridge",) and Signet().pieces == "words" and Signet().geometry == CENTERED


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"donors": 0.5}, "donors 0.5 is not a number of donors; give one from 1 to 1000, as 2.5"),
        ({"donors": float("nan")}, "donors nan is not a number of donors; give one from 1 to 1000, as 2.5"),
        ({"own": 1.5}, "own 1.5 is not a share; give one from 0 (no direction of its own) to 1"),
        ({"own": -0.1}, "own -0.1 is not a share; give one from 0 (no direction of its own) to 1"),
        ({"pieces": "word"}, "pieces 'word' is unknown; did you mean 'words'? known: own, words"),
        ({"position": 3.0}, "position 3.0 is not between 0 and 2; it is taken off cosines: 0 leaves them alone, "),
        ({"geometry": "published", "csls": 3}, "csls 3 has no effect on geometry 'published'; add geometry=centered"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError) as refused:
        Signet(**options)
    assert str(refused.value).startswith(message)
