"""The compiled loops one by one, by closed forms; mixtures as a whole are in test_mixture.py.

Two donors at distance d weigh (1 + d) / 2 and (1 - d) / 2 at alpha 2, and (1 + 2d) / 2 and (1 - 2d) / 2 at alpha 3.
At alpha 1.5 they weigh .64 and .36 for d = .4, because sqrt(.64) - sqrt(.36) = d / 2.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sembridge.mixture.entmax import entmax
from sembridge.mixture.kernels import _entmax, score, screen, solve
from sembridge.mixture.row_sums import mix


def solved(rows: list[list[float]], alphas: list[float], chosen: np.ndarray) -> list[list[dict[int, float]]]:
    """Return donor -> weight, by alpha and row, where every donor of a row is a candidate."""
    counts, scores = np.array([len(row) for row in rows]), np.concatenate(rows)
    ids = np.concatenate([np.arange(len(row)) for row in rows]).astype(np.int32)
    donors, weights = np.empty((len(alphas), len(scores)), np.int32), np.empty((len(alphas), len(scores)), np.float32)
    supports = np.empty((len(alphas), len(rows)), np.int64)
    ends = solve(ids, counts, scores, chosen, np.array(alphas) - 1, donors, weights, supports)
    assert ends.tolist() == supports.sum(1).tolist()
    result = []
    for a in range(len(alphas)):
        bounds = [0, *np.cumsum(supports[a]).tolist()]
        result.append(
            [
                dict(zip(donors[a, start:end].tolist(), weights[a, start:end].tolist(), strict=True))
                for start, end in pairwise(bounds)
            ]
        )
    return result


def test_weights_of_two_donors():
    chosen = np.array([30, 10, 20])
    by_alpha = solved([[0.9, 0.5], [-1.6, 0.5, -2.0]], [1.5, 2.0, 3.0], chosen)
    for (first, second), weights in zip(by_alpha, [(0.64, 0.36), (0.7, 0.3), (0.9, 0.1)], strict=True):
        assert first == pytest.approx(dict(zip([30, 10], weights, strict=True)), abs=1e-6)
        assert second == {10: 1.0}, "at a distance of 2 nothing has weight, whichever of these alphas"


def test_equal_scores_get_equal_weights():
    for (row,) in solved([[0.25] * 4], [1.5, 2.0, 4.0], np.arange(4)):
        assert row == dict.fromkeys(range(4), 0.25)


@pytest.mark.parametrize("alpha", [1.25, 1.5, 2.0, 2.5, 4.0])
def test_candidates_without_weight_leave_no_trace(alpha):
    """Which of them pass the screen depends on the rounding of its scores; the last bit of a weight must not."""
    rng = np.random.default_rng(13)
    for _ in range(100):
        gaps = rng.normal(0, 0.3, 400)
        gaps -= gaps.max()
        weighs = entmax(gaps[None], alpha)[0][0] > 0
        solutions = []
        for kept in (np.ones(400, dtype=bool), weighs | (rng.random(400) < 0.3)):
            place, scratch = np.flatnonzero(kept), np.empty((4, 400))
            count = _entmax(gaps[kept], place, int(kept.sum()), alpha - 1, scratch)
            solutions.append((place[:count].tolist(), scratch[3, :count].tobytes()))
        assert solutions[0] == solutions[1] and solutions[0][0] == np.flatnonzero(weighs).tolist()


def test_scores_are_exact_products_over_lengths():
    """300 donors are three tiles; 19 dimensions are two eighths and a remainder of three."""
    rng = np.random.default_rng(3)
    points, table = rng.standard_normal((4, 20)), rng.standard_normal((500, 19)).astype(np.float32)
    chosen, lengths, position = rng.permutation(500)[:300], rng.uniform(1, 2, 300), rng.standard_normal(300)
    candidate = rng.random((4, 300)) < 0.3
    ids, counts = candidate.nonzero()[1].astype(np.int32), candidate.sum(1)
    for width in (19, 20):
        result = np.empty(len(ids))
        score(ids, counts, points[:, :width].copy(), table, chosen, lengths, position, result)
        expected = points[:, :19] @ table[chosen].astype(np.float64).T / lengths
        expected += points[:, 19:width] @ position[None, :] if width == 20 else 0
        np.testing.assert_allclose(result, expected[candidate], rtol=1e-12, atol=1e-12)


def test_the_screen_reads_the_upper_half_of_float32():
    """1, .5 and -.5 are exact in bfloat16; at alpha 2 what is below .25 weighs nothing."""
    scores = np.array([[1.0, 0.5, -0.5] + [-1.0] * 70], dtype=np.float32)
    whole = scores.view(np.uint32)
    for bits, shift in ((whole, 0), ((whole >> 16).astype(np.uint16), 16)):
        ids, counts = np.empty(scores.size, np.int32), np.empty(1, np.int64)
        assert screen(bits, np.uint32(shift), np.zeros(1), 0.0, 1.0, ids, counts) == 2
        assert ids[:2].tolist() == [0, 1] and counts.tolist() == [2]
    ids, counts = np.empty(scores.size, np.int32), np.empty(1, np.int64)
    assert screen(whole, np.uint32(0), np.full(1, 0.6), 0.0, 1.0, ids, counts) == 3, "-.5 may be .1, and 1 may be .4"


def test_mix_adds_weighted_rows():
    table = np.arange(260, dtype=np.float32)[:, None] * np.array([1, -1], dtype=np.float32)
    starts, ids = np.array([0, 3, 3, 4]), np.array([0, 127, 259, 128])
    weights = np.array([0.5, 0.25, 0.25, 1], dtype=np.float32)
    result = np.zeros((3, 2))
    mix(starts, ids, weights, table, result)
    assert result.tolist() == [[96.5, -96.5], [0, 0], [128, -128]]
