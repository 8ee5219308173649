"""Test whether two methods differ or the queries favor one by chance: randomization test, bootstrap, Holm's correction.

Test and bootstrap resample queries, for all methods of a language together, so that every pair of methods is compared
on the same draws. Scores are rounded to multiples of 2^-32: their sums are then exact in float64 (up to two million
queries) in any order. So the same scores give the same bits on every machine, and neither the order of the methods nor
that of the queries (sorted by id before) matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

FLIPS = 10_000
RESAMPLES = 5_000
COVERAGE = 0.95
EXACT = 16  # queries that differ; up to here all sign patterns are counted
SEED = 42
_GRID = 2.0**32
_TOLERANCE = 2.0**-30  # rounding error of two means: equal sums of unlike scores (1/2 + 1/2 and 1) must count as equal
_BLOCK = 2**15  # numbers drawn at a time: they stay in the processor's cache


@dataclass(frozen=True)
class Sample:
    """Hold scores of M methods over Q queries as parts of the mean, and means over resampled queries.

    means      [M]
    parts      [Q, M], whose sum over the queries is `means`
    flipped    [F, M], means with a random sign before each query; the difference of two columns is the mean difference
               of two methods with random signs
    resampled  [B, M], means over as many queries drawn with replacement
    """

    means: np.ndarray
    parts: np.ndarray
    flipped: np.ndarray
    resampled: np.ndarray

    def only(self, methods: Sequence[int], flips: int | None = None) -> Sample:
        """Return the sample of these methods alone, in this order, with the first `flips` draws of signs (None: all).

        It has the bits of a sample that was drawn for these methods and as many signs.
        """
        chosen = list(methods)
        flipped = self.flipped[:flips, chosen]
        return Sample(self.means[chosen], self.parts[:, chosen], flipped, self.resampled[:, chosen])


def sample(scores: np.ndarray, name: str, flips: int = FLIPS) -> Sample:
    """Resample `scores` [Q, M], in [0, 1]; random numbers depend on `name`, so that languages are independent."""
    rounded = on_grid(scores)
    queries = len(rounded)
    total = rounded.sum(axis=0)
    words = -(-queries // 64)

    def signed(rng: np.random.Generator, rows: int) -> np.ndarray:
        raw = rng.bit_generator.random_raw((rows, words)).astype("<u8").view(np.uint8)
        bits = np.unpackbits(raw, axis=1, count=queries)
        return 2 * (bits.astype(np.float64) @ rounded) - total  # bits instead of signs: half the work

    def drawn(rng: np.random.Generator, rows: int) -> np.ndarray:
        chosen = rng.integers(0, queries, size=(rows, queries)) + np.arange(rows)[:, None] * queries
        counts = np.bincount(chosen.ravel(), minlength=rows * queries).reshape(rows, queries)
        return counts.astype(np.float64) @ rounded

    return Sample(
        total / queries,
        rounded / queries,
        _in_blocks(signed, np.random.default_rng([SEED, 0, *name.encode()]), flips, rounded) / queries,
        _in_blocks(drawn, np.random.default_rng([SEED, 1, *name.encode()]), RESAMPLES, rounded) / queries,
    )


def pooled(samples: Iterable[Sample]) -> Sample:
    """Return the sample of the mean over languages.

    The queries of each language are resampled within it and have equal weight in it. Languages are added one by one, so
    that at most two are in memory.
    """
    languages = iter(samples)
    first = next(languages)
    means, flipped, resampled = first.means.copy(), first.flipped.copy(), first.resampled.copy()
    parts = [first.parts]
    del first
    for language in languages:
        means += language.means
        flipped += language.flipped
        resampled += language.resampled
        parts.append(language.parts)
    count = len(parts)
    for own in (means, flipped, resampled):  # in place: flips of many methods fill the memory
        own /= count
    return Sample(means, np.concatenate(parts) / count, flipped, resampled)


def p_value(methods: Sample, a: int, b: int) -> float:
    """Return the two-sided p of the paired randomization test between the columns `a` and `b`.

    If the methods were the same, each query's two scores could be exchanged: p is the share of sign patterns of the
    differences with a mean at least as far from 0 as the observed one. If at most `EXACT` queries differ, all patterns
    are counted; otherwise random ones and the observed one: (1 + hits) / (1 + F). (Fisher 1935; for retrieval: Smucker,
    Allan and Carterette, CIKM 2007.)
    """
    differences = methods.parts[:, a] - methods.parts[:, b]
    differences = differences[differences != 0]  # a sign before 0 changes nothing
    if len(differences) <= EXACT:
        # The first sign is fixed: the patterns with the other sign mirror these.
        sums = differences[:1] if len(differences) else np.zeros(1)
        for difference in differences[1:]:
            sums = np.concatenate([sums + difference, sums - difference])
        return float(np.mean(np.abs(sums) >= abs(sums[0]) - _TOLERANCE))
    observed = abs(methods.means[a] - methods.means[b])
    hits = np.count_nonzero(np.abs(methods.flipped[:, a] - methods.flipped[:, b]) >= observed - _TOLERANCE)
    return (1 + int(hits)) / (1 + len(methods.flipped))


def interval(methods: Sample, a: int, b: int) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean difference, a minus b, with coverage `COVERAGE`.

    (Efron and Tibshirani 1993, chapter 13.)
    """
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(methods.resampled[:, a] - methods.resampled[:, b], [tail, 1 - tail])
    return float(low), float(high)


def holm(p_values: Sequence[float], hypotheses: int) -> list[float]:
    """Return Holm's adjusted p-values in a family of `hypotheses`; those without a p-value count as 1 (Holm 1979)."""
    assert len(p_values) <= hypotheses
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (hypotheses - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def on_grid(scores: np.ndarray) -> np.ndarray:
    """Return scores rounded to multiples of 2^-32."""
    return np.round(np.asarray(scores, dtype=np.float64) * _GRID) / _GRID


def _in_blocks(
    draw: Callable[[np.random.Generator, int], np.ndarray], rng: np.random.Generator, rows: int, scores: np.ndarray
) -> np.ndarray:
    """Return `rows` draws [rows, M], made block by block: memory holds one block over the queries."""
    drawn = np.empty((rows, scores.shape[1]))
    block = max(1, _BLOCK // len(scores))
    for start in range(0, rows, block):
        drawn[start : start + block] = draw(rng, min(block, rows - start))
    return drawn
