"""The paired tests against scipy, fractions, counts by hand, and simulated worlds of which the truth is known."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from harness.results import resampling


def one_against_zero(differences) -> resampling.Sample:
    """Two methods: `differences` and 0. Scores are not negative, so negative ones become the other method's."""
    differences = np.asarray(differences, dtype=float)
    return resampling.sample(np.stack([np.maximum(differences, 0), np.maximum(-differences, 0)], axis=1), "ko")


def retrieval_scores(rng: np.random.Generator, queries: int, methods: int) -> np.ndarray:
    """Many zeros, many ties, as nDCG of one relevant document has them."""
    ranks = rng.integers(1, 16, size=(queries, methods))
    return np.where(ranks > 10, 0, 1 / np.log2(1 + ranks))


def mean_difference(x, y, axis=-1):
    return np.mean(x, axis=axis) - np.mean(y, axis=axis)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([0.1, 0.2, 0.3], 2 / 8),  # only all of one sign are as far out
        ([0.1, 0.2, 0.3] + [0] * 60, 2 / 8),
        ([0.3, -0.1], 1),
        ([0.4, 0.2, -0.1], 4 / 8),  # .5; as far: + + +, + + -, and their mirrors
        ([0.25, 0.25, 0.25, 0.25, -0.25], 12 / 32),  # one or none against the rest, on either side
        ([-0.5] * 6, 2 / 64),
        ([0.7], 1),
        ([0, 0, 0], 1),
    ],
)
def test_few_queries_by_hand(differences, p):
    assert resampling.p_value(one_against_zero(differences), 0, 1) == p


def test_equal_sums_of_unlike_scores_count_as_equal():
    """Fractions know that three thirds are one; the rounded scores do not."""
    rng = np.random.default_rng(1)
    for _ in range(30):
        ranks = rng.integers(1, 7, size=(8, 2))
        differences = [Fraction(1, int(a)) - Fraction(1, int(b)) for a, b in ranks]
        sums = [
            abs(sum(sign * one for sign, one in zip(signs, differences, strict=True)))
            for signs in itertools.product((1, -1), repeat=8)
        ]
        expected = Fraction(sum(total >= abs(sum(differences)) for total in sums), len(sums))
        assert resampling.p_value(resampling.sample(1 / ranks, "ko"), 0, 1) == expected


@pytest.mark.parametrize("seed", range(4))
def test_exact_as_scipy(seed):
    scores = retrieval_scores(np.random.default_rng(seed), 13, 2)
    theirs = stats.permutation_test(
        tuple(scores.T), mean_difference, permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    assert resampling.p_value(resampling.sample(scores, "ko"), 0, 1) == pytest.approx(theirs.pvalue, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_random_flips_as_scipy(seed):
    rng = np.random.default_rng(seed)
    scores = retrieval_scores(rng, 80, 2)
    scores[:, 0] = np.maximum(scores[:, 0], np.where(rng.random(80) < 0.1, 1.0, 0))  # p somewhere in the middle
    ours = resampling.p_value(resampling.sample(scores, "ko"), 0, 1)
    theirs = stats.permutation_test(
        tuple(scores.T), mean_difference, permutation_type="samples", vectorized=True, n_resamples=10_000, rng=7
    )
    assert 0.001 < ours < 0.9
    assert ours == pytest.approx(theirs.pvalue, abs=4 * np.sqrt(2 * ours * (1 - ours) / 10_000))


def test_random_flips_come_near_the_exact_share(monkeypatch):
    methods = resampling.sample(retrieval_scores(np.random.default_rng(5), 14, 4), "ko", flips=40_000)
    exact = [resampling.p_value(methods, 0, other) for other in (1, 2, 3)]
    monkeypatch.setattr(resampling, "EXACT", 0)
    assert [resampling.p_value(methods, 0, other) for other in (1, 2, 3)] == pytest.approx(exact, abs=0.01)


def test_random_flips_never_say_zero():
    assert resampling.p_value(one_against_zero([0.5] * 100), 0, 1) == 1 / 10_001


def test_a_test_at_five_percent_errs_in_five_percent(monkeypatch):
    monkeypatch.setattr(resampling, "RESAMPLES", 1)
    rng = np.random.default_rng(11)
    p = [resampling.p_value(resampling.sample(rng.random((25, 2)) ** 3, "ko", flips=999), 0, 1) for _ in range(1500)]
    for level in (0.05, 0.25, 0.5):
        assert np.mean(np.array(p) <= level) == pytest.approx(level, abs=3.5 * np.sqrt(level * (1 - level) / 1500))


def test_languages_of_any_size_have_equal_weight():
    """scipy flips the queries of both languages, weighted; 12 queries exactly, more at random."""
    rng = np.random.default_rng(3)
    for sizes, tolerance in (((4, 8), 1e-12), ((15, 60), 0.02)):
        languages = [retrieval_scores(rng, size, 2) for size in sizes]
        weights = np.concatenate([np.full(size, 0.5 / size) for size in sizes])
        both = np.concatenate(languages)

        def statistic(x, y, axis=-1, weights=weights):
            return np.sum(weights * (x - y), axis=axis)

        theirs = stats.permutation_test(
            tuple(both.T), statistic, permutation_type="samples", vectorized=True, n_resamples=10_000, rng=3
        )
        ours = resampling.pooled(
            [resampling.sample(scores, name) for scores, name in zip(languages, ("ko", "ru"), strict=True)]
        )
        assert ours.means[0] - ours.means[1] == pytest.approx(statistic(*both.T))
        assert ours.parts.sum(axis=0) == pytest.approx(ours.means)
        assert 0.1 < theirs.pvalue < 0.9
        assert resampling.p_value(ours, 0, 1) == pytest.approx(theirs.pvalue, abs=tolerance)


def test_interval_as_scipy():
    scores = retrieval_scores(np.random.default_rng(3), 150, 2)
    difference = scores[:, 0] - scores[:, 1]
    theirs = stats.bootstrap((difference,), np.mean, method="percentile", n_resamples=20_000, rng=1).confidence_interval
    assert resampling.interval(resampling.sample(scores, "ko"), 0, 1) == pytest.approx(
        tuple(theirs), abs=0.05 * (theirs.high - theirs.low)
    )


def test_interval_of_the_mean_over_languages_is_as_wide_as_it_has_to_be():
    rng = np.random.default_rng(4)
    languages = {"ko": rng.random((400, 2)), "ru": rng.random((100, 2)) ** 4, "ar": rng.random((250, 2))}
    differences = [scores[:, 0] - scores[:, 1] for scores in languages.values()]
    error = np.sqrt(sum(values.var() / len(values) for values in differences)) / 3
    center = np.mean([values.mean() for values in differences])
    low, high = resampling.interval(
        resampling.pooled(resampling.sample(scores, name) for name, scores in languages.items()), 0, 1
    )
    assert (low, high) == pytest.approx((center - 1.96 * error, center + 1.96 * error), abs=0.15 * error)


def test_the_interval_covers_the_truth_as_often_as_it_says(monkeypatch):
    """Skewed differences of 60 queries: percentile intervals are a little too narrow, hence 92% to 97% for 95."""
    monkeypatch.setattr(resampling, "RESAMPLES", 1000)
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(1000):
        first, second = rng.random(60), rng.random(60) ** 3  # means 1/2 and 1/4
        low, high = resampling.interval(resampling.sample(np.stack([first, second], axis=1), "ko", flips=1), 0, 1)
        covered.append(low <= 0.25 <= high)
    assert 0.92 < np.mean(covered) < 0.97


def test_one_query_and_equal_methods():
    alone = one_against_zero([0.5])
    assert (resampling.p_value(alone, 0, 1), resampling.interval(alone, 0, 1)) == (1, (0.5, 0.5))
    same = resampling.sample(np.repeat(np.random.default_rng(0).random((50, 1)), 2, axis=1), "ko")
    assert (resampling.p_value(same, 0, 1), resampling.interval(same, 0, 1)) == (1, (0, 0))


def test_bits_depend_on_neither_the_order_of_methods_nor_the_size_of_blocks(monkeypatch):
    scores = retrieval_scores(np.random.default_rng(8), 130, 5)
    first = resampling.sample(scores, "ko")
    order = [3, 1, 4, 0, 2]
    second = resampling.sample(scores[:, order], "ko")
    monkeypatch.setattr(resampling, "_BLOCK", 1000)
    third = resampling.sample(scores, "ko")
    for a, b, c in zip(*(vars(one).values() for one in (first, second, third)), strict=True):
        assert np.array_equal(a[..., order], b)
        assert np.array_equal(a, c)


def test_each_language_has_random_numbers_of_its_own():
    scores = np.random.default_rng(8).random((50, 2))
    one, same, other = (resampling.sample(scores, name) for name in ("ko", "ko", "ru"))
    assert np.array_equal(one.flipped, same.flipped) and np.array_equal(one.resampled, same.resampled)
    assert not np.array_equal(one.flipped, other.flipped) and not np.array_equal(one.resampled, other.resampled)
    assert abs(np.corrcoef(one.flipped[:, 0], other.flipped[:, 0])[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("p", "hypotheses", "adjusted"),
    [
        ([0.01, 0.04, 0.03], 3, [0.03, 0.06, 0.06]),  # .04 alone would be .04: never below one that was smaller
        ([0.01, 0.04, 0.03], 6, [0.06, 0.16, 0.15]),  # three more that nobody looked at
        ([0.5, 0.001, 0.9], 3, [1.0, 0.003, 1.0]),
        ([0.02, 0.02], 2, [0.04, 0.04]),
        ([0.5, 0.6], 5, [1.0, 1.0]),
        ([], 0, []),
    ],
)
def test_holm_by_hand(p, hypotheses, adjusted):
    assert resampling.holm(p, hypotheses) == pytest.approx(adjusted)
