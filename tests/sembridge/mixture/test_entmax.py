"""alpha-entmax against the `entmax` package, against solutions written by hand, and against the full score matrix."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from entmax import entmax15, entmax_bisect, sparsemax
from hypothesis import given, settings
from hypothesis import strategies as st

import sembridge.mixture.entmax as module
from sembridge.mixture.entmax import cosine_mixture, entmax, support_sizes

ALPHAS = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 8.0)


def resolution(alpha: float, usual: float) -> float:
    """Return how well float64 scores decide a weight: at alpha 8 one rounding of a score (.006^7 = 3e-16) is .006."""
    return usual if alpha <= 4 else 1e-2


def dense(queries: np.ndarray, donors: np.ndarray, alpha: float) -> np.ndarray:
    """[n, S] the definition: every cosine in float64, then entmax of the package (softmax for 1)."""
    unit = [
        torch.nn.functional.normalize(torch.from_numpy(side.astype(np.float64)), dim=1) for side in (queries, donors)
    ]
    cosines = unit[0] @ unit[1].T
    return (torch.softmax(cosines, 1) if alpha == 1 else entmax_bisect(cosines, alpha, n_iter=200)).numpy()


def scores_for(weights: np.ndarray, alpha: float, tau: float) -> np.ndarray:
    """Scores whose alpha-entmax is `weights` with threshold tau; weightless scores lie exactly on the threshold."""
    return (weights ** (alpha - 1) + tau) / (alpha - 1)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("spread", [0.06, 1.0, 30.0])
def test_equals_the_package(alpha, spread):
    scores = np.random.default_rng(1).standard_normal((40, 300)) * spread + 0.45
    p, tau = entmax(scores, alpha)
    expected = entmax_bisect(torch.from_numpy(scores), alpha, n_iter=200).numpy()
    np.testing.assert_allclose(p, expected, atol=resolution(alpha, 1e-9))
    np.testing.assert_allclose(
        p, np.maximum((alpha - 1) * scores - tau[:, None], 0) ** (1 / (alpha - 1)), atol=resolution(alpha, 1e-5)
    )
    exact = {2.0: sparsemax, 1.5: entmax15}
    if alpha in exact:
        np.testing.assert_allclose(p, exact[alpha](torch.from_numpy(scores), dim=1).numpy(), atol=1e-9)


def test_alpha_1_is_softmax_and_not_uniform():
    scores = np.random.default_rng(2).standard_normal((10, 50)) * 3
    p, tau = entmax(scores, 1)
    np.testing.assert_allclose(p, torch.softmax(torch.from_numpy(scores), 1).numpy(), rtol=1e-12)
    assert (tau == -np.inf).all() and (p > 0).all() and p.std() > 0.01
    np.testing.assert_allclose(entmax(scores, 1 + 1e-4)[0], p, atol=1e-3)


SOLVED = [
    # sparsemax: z - tau summed over the support is 1
    (2.0, [0.5, 0.3, -1.0], [0.6, 0.4, 0.0], -0.1),
    (2.0, [1.0, 0.0], [1.0, 0.0], 0.0),
    (2.0, [3.0, 1.0, 1.0], [1.0, 0.0, 0.0], 2.0),
    # alpha 1.5: (z / 2 - tau)^2
    (1.5, [0.0, 2 / 5, -9.0], [(3 / 5) ** 2, (4 / 5) ** 2, 0.0], -3 / 5),
    (1.5, [2.0, 0.0], [1.0, 0.0], 0.0),
    # alpha 3: sqrt(2 z - tau)
    (3.0, [9 / 200, 49 / 200, -1 / 10], [0.3, 0.7, 0.0], 0.0),
    # alpha 4: cube root of 3 z - tau
    (4.0, [1 / 24, 1 / 24, -1.0], [0.5, 0.5, 0.0], 0.0),
    (4.0, [8 / 3000, 512 / 3000, 0.0], [0.2, 0.8, 0.0], 0.0),
    # softmax of logarithms
    (1.0, [0.0, float(np.log(2)), float(np.log(5))], [1 / 8, 2 / 8, 5 / 8], float("-inf")),
    # alpha 1.25: fourth power of z / 4 - tau; 3 * 3^4 + 13 * 1^4 = 4^4
    (1.25, [3.0] * 3 + [1.0] * 13 + [-0.5], [81 / 256] * 3 + [1 / 256] * 13 + [0.0], 0.0),
    # alpha 2.5: (3 z / 2 - tau)^(2 / 3); .6^3 and .8^3, whose cubes' roots squared are .36 and .64
    (2.5, [0.6**3 / 1.5, 0.8**3 / 1.5, -0.1], [0.36, 0.64, 0.0], 0.0),
    # alpha 8: seventh root of 7 z - tau
    (8.0, [0.2**7 / 7, 0.8**7 / 7, -0.1], [0.2, 0.8, 0.0], 0.0),
]


@pytest.mark.parametrize(("alpha", "scores", "weights", "tau"), SOLVED)
def test_solved_by_hand(alpha, scores, weights, tau):
    p, threshold = entmax(np.array([scores]), alpha)
    np.testing.assert_allclose(p[0], weights, atol=2e-6)  # a score on the threshold: the cube root of one rounding
    np.testing.assert_allclose(threshold, [tau], atol=1e-12)


@pytest.mark.parametrize("alpha", (1.0, *ALPHAS, 10.0, 50.0))
@pytest.mark.parametrize("count", [1, 2, 7, 1000])
@pytest.mark.parametrize("value", [0.0, 0.7, -3.0])
def test_identical_scores_share_alike(alpha, count, value):
    p, _ = entmax(np.full((2, count), value), alpha)
    np.testing.assert_allclose(p, 1 / count, rtol=1e-9)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_ties_get_the_same_bits(alpha):
    scores = np.array([[0.1, 0.7, 0.3, 0.7, 0.3, 0.69]])
    p = entmax(scores, alpha)[0][0]
    assert p[1] == p[3] >= p[5] >= p[2] == p[4] >= p[0]
    assert p[1] > 1 / 6


@pytest.mark.parametrize("alpha", ALPHAS)
def test_scores_near_the_threshold(alpha):
    weights = np.array([0.5, 0.25, 0.2498, 1e-4, 1e-4, 0.0, 0.0])
    scores = scores_for(weights, alpha, tau=0.4)
    scores[-1] = np.nextafter(scores[-1], -1)
    p, tau = entmax(scores[None], alpha)
    np.testing.assert_allclose(p[0], weights, atol=resolution(alpha, 1e-5))
    np.testing.assert_allclose(tau, [0.4], atol=1e-9)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_scores_below_the_top_by_the_width_of_the_support_get_nothing(alpha):
    edge = 0.9 - 1 / (alpha - 1)
    p = entmax(np.array([[0.9, 0.9, edge, edge - 1e-3, np.nextafter(edge, -9)]]), alpha)[0][0]
    assert p.tolist() == [0.5, 0.5, 0, 0, 0]


def test_support_shrinks_as_alpha_grows():
    scores = np.random.default_rng(3).normal(0.45, 0.3, (20, 3000))
    supports = [(entmax(scores, alpha)[0] > 0).sum(1) for alpha in ALPHAS]
    for wider, narrower in pairwise(supports):
        assert (wider >= narrower).all() and wider.sum() > narrower.sum()


@pytest.mark.parametrize("spread", [0.02, 0.3, 3.0])
def test_the_size_of_a_support_is_counted_without_its_weights(spread):
    scores = np.random.default_rng(4).normal(0.45, spread, (60, 500))
    scores[:20] = np.round(scores[:20], 2)  # ties
    for alpha, sizes in zip(ALPHAS, support_sizes(scores, ALPHAS), strict=True):
        assert sizes.tolist() == (entmax(scores, alpha)[0] > 0).sum(axis=1).tolist()


@pytest.mark.parametrize(("alpha", "scores", "weights", "tau"), [case for case in SOLVED if case[0] > 1])
def test_support_sizes_by_hand(alpha, scores, weights, tau):
    scores = [score if weight else score - 1e-3 for score, weight in zip(scores, weights, strict=True)]
    assert support_sizes(np.array([scores, [5.0] * len(scores)]), [alpha]).tolist() == [
        [np.count_nonzero(weights), len(scores)]
    ]


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=30),
    st.floats(1, 12) | st.sampled_from(ALPHAS),
    st.floats(-100, 100),
    st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_a_distribution_that_follows_the_scores(scores, alpha, shift, random):
    z = np.array([scores])
    p, _ = entmax(z, alpha)
    assert p.shape == z.shape and (p >= 0).all() and abs(p.sum() - 1) < 1e-12
    order = np.argsort(z[0], kind="stable")
    assert (np.diff(p[0][order]) >= 0).all(), "a larger score never gets less"
    moved = random.sample(range(len(scores)), len(scores))
    np.testing.assert_allclose(entmax(z[:, moved], alpha)[0], p[:, moved], atol=1e-6)
    np.testing.assert_allclose(
        entmax(z + shift, alpha)[0], p, atol=0.02 if alpha > 4 else 1e-3
    )  # adding the shift rounds the scores themselves


@pytest.mark.parametrize("alpha", [0.999, 0, -1, float("nan"), float("inf")])
def test_alpha_out_of_range(alpha):
    vectors = np.eye(3)
    with pytest.raises(ValueError, match=f"alpha {alpha} .*alpha >= 1"):
        entmax(vectors, alpha)
    with pytest.raises(ValueError, match="alpha >= 1"):
        cosine_mixture(vectors, vectors, alpha)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_have_to_be_finite(value):
    with pytest.raises(ValueError, match="finite"):
        entmax(np.array([[0.0, value]]), 2)


# ---------------------------------------------------------------- mixtures over a whole vocabulary


def bridge_like(count: int, size: int = 24, common: float = 1.0, seed: int = 0) -> np.ndarray:
    """Return vectors with a common direction, like a sentence encoder's; larger `common`, flatter similarities."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((count, size)) + common).astype(np.float32)


@pytest.mark.parametrize("alpha", (1.0, *ALPHAS))
def test_mixture_equals_the_dense_computation(alpha):
    queries, donors = bridge_like(60, seed=1), bridge_like(900, seed=2)
    weights = cosine_mixture(queries, donors, alpha)
    assert weights.shape == (60, 900) and weights.dtype == np.float32
    np.testing.assert_allclose(weights.toarray(), dense(queries, donors, alpha), atol=1e-6)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert weights.has_sorted_indices


@pytest.mark.parametrize(
    ("common", "alpha", "more_than"),
    [(1.0, 1.5, 64), (4.0, 2.0, 64), (8.0, 2.5, 64), (8.0, 2.0, 512), (1000.0, 4.0, 64), (8.0, 1.25, 512)],
)
def test_flat_similarities_need_more_candidates(common, alpha, more_than):
    queries, donors = bridge_like(9, common=common, seed=3), bridge_like(1500, common=common, seed=4)
    weights = cosine_mixture(queries, donors, alpha)
    assert (np.diff(weights.indptr) > more_than).any(), "this case shall not be solved by the first candidates"
    np.testing.assert_allclose(weights.toarray(), dense(queries, donors, alpha), atol=1e-6)


def test_rows_of_one_block_may_need_different_widths():
    donors = np.concatenate([bridge_like(1400, common=8.0, seed=5), -bridge_like(100, common=0.0, seed=6)])
    queries = np.concatenate([donors[1400:1404], bridge_like(4, common=8.0, seed=7), donors[1404:1406]])
    weights = cosine_mixture(queries, donors, 2.0)
    support = np.diff(weights.indptr)
    assert support.max() > 512 and support.min() < 64
    np.testing.assert_allclose(weights.toarray(), dense(queries, donors, 2.0), atol=1e-6)


@pytest.mark.parametrize(("alpha", "common"), [(4.0, 1.0), (2.5, 1.0), (2.0, 8.0), (1.25, 8.0), (1.0, 1.0)])
def test_block_size_changes_no_bit(alpha, common):
    queries, donors = bridge_like(70, common=common, seed=8), bridge_like(700, common=common, seed=9)
    first, *others = (cosine_mixture(queries, donors, alpha, block=block) for block in (512, 1, 7, 64))
    for other in others:
        assert np.array_equal(other.indptr, first.indptr) and np.array_equal(other.indices, first.indices)
        assert other.data.tobytes() == first.data.tobytes()


def test_the_gathered_candidates_may_be_cut_into_steps():
    """Vectors so long that one block has to be scored in several steps; nothing shall depend on where they end."""
    queries, donors = (
        bridge_like(24, size=16_000, common=0.2, seed=10),
        bridge_like(130, size=16_000, common=0.2, seed=11),
    )
    assert 16_000_000 // (64 * 16_000) < 24
    np.testing.assert_allclose(cosine_mixture(queries, donors, 1.25).toarray(), dense(queries, donors, 1.25), atol=1e-6)


@pytest.mark.parametrize("alpha", (1.0, *ALPHAS))
def test_a_single_donor_gives_everything(alpha):
    weights = cosine_mixture(bridge_like(5), bridge_like(1, seed=1), alpha)
    assert weights.toarray().tolist() == [[1.0]] * 5


@pytest.mark.parametrize("alpha", ALPHAS)
def test_identical_donors_share_alike(alpha):
    donors = np.tile(bridge_like(1), (200, 1))
    weights = cosine_mixture(bridge_like(3, seed=1), donors, alpha)
    np.testing.assert_allclose(weights.toarray(), 1 / 200, rtol=1e-3)


@pytest.mark.parametrize("count", [63, 64, 65, 512, 513])
def test_as_many_donors_as_candidates(count):
    queries, donors = bridge_like(5, common=8.0, seed=12), bridge_like(count, common=8.0, seed=13)
    np.testing.assert_allclose(cosine_mixture(queries, donors, 1.5).toarray(), dense(queries, donors, 1.5), atol=1e-6)


def test_nothing_to_mix():
    weights = cosine_mixture(np.zeros((0, 24)), bridge_like(5), 4.0)
    assert weights.shape == (0, 5) and weights.nnz == 0 and weights.dtype == np.float32


def test_length_of_the_vectors_does_not_matter():
    queries, donors = bridge_like(8), bridge_like(80, seed=1)
    scaled = donors * np.exp2(np.random.default_rng(0).integers(-40, 40, (80, 1))).astype(np.float32)
    assert (
        cosine_mixture(queries, scaled, 2.5).toarray().tobytes()
        == cosine_mixture(queries, donors, 2.5).toarray().tobytes()
    )


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
@pytest.mark.parametrize("side", ["queries", "donors"])
def test_vectors_without_a_direction(bad, side):
    vectors = {"queries": bridge_like(3), "donors": bridge_like(4)}
    vectors[side][1] = bad
    with pytest.raises(ValueError, match="finite, non-zero"):
        cosine_mixture(vectors["queries"], vectors["donors"], 4.0)


def test_softmax_over_too_much_is_refused_before_it_is_tried():
    with pytest.raises(
        ValueError, match=r"20,001 rows a weight on all 10,000 donors.*choose alpha 1\.25 or more, or a SoftmaxMixture"
    ):
        cosine_mixture(np.ones((20_001, 1)), np.ones((10_000, 1)), 1.0)


def test_the_limit_is_for_softmax_alone(monkeypatch):
    monkeypatch.setattr(module, "HELD", 10)
    vectors = bridge_like(4)
    assert cosine_mixture(vectors, vectors, 2.0).nnz
    assert cosine_mixture(vectors[:2], vectors, 1.0).nnz == 8
    with pytest.raises(ValueError, match="too many to store"):
        cosine_mixture(vectors, vectors, 1.0)
