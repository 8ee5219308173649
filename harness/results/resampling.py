"""Are two methods different, or were these queries kind to one of them? Randomization test, bootstrap interval, Holm's correction.

Both resample queries, and all methods of a language together, so that every pair of methods is compared on the same draws. Scores are rounded
to multiples of 2^-32: their sums are then exact in float64 (up to two million queries) in whatever order they are taken. So the same scores give
the same bits on every machine, and neither the order of the methods nor that of the queries, sorted by id before, matters.
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
_TOLERANCE = (
    2.0**-30
)  # what rounding may do to two means: equal sums of unlike scores (1/2 + 1/2 and 1) have to count as equal
_BLOCK = 2**15  # numbers drawn at a time: they stay in the processor's cache


@dataclass(frozen=True)
class Sample:
    """Scores of M methods over Q queries as their parts of the mean, and means over resampled queries.

    means      [M]
    parts      [Q, M], whose sum over the queries is `means`
    flipped    [F, M], means with a random sign before each query; the difference of two columns is the flipped mean difference of two methods
    resampled  [B, M], means over as many queries drawn with replacement
    """

    means: np.ndarray
    parts: np.ndarray
    flipped: np.ndarray
    resampled: np.ndarray


def sample(scores: np.ndarray, name: str, flips: int = FLIPS) -> Sample:
    """Resample `scores` [Q, M], in [0, 1], with random numbers that depend on `name`: languages are drawn independently of each other."""
    rounded = on_grid(scores)
    queries = len(rounded)
    total = rounded.sum(axis=0)
    words = -(-queries // 64)

    def signed(rng: np.random.Generator, rows: int) -> np.ndarray:
        bits = np.unpackbits(
            rng.bit_generator.random_raw((rows, words)).astype("<u8").view(np.uint8), axis=1, count=queries
        )
        return 2 * (bits.astype(np.float64) @ rounded) - total  # bits instead of signs: half the work

    def drawn(rng: np.random.Generator, rows: int) -> np.ndarray:
        chosen = rng.integers(0, queries, size=(rows, queries)) + np.arange(rows)[:, None] * queries
        return np.bincount(chosen.ravel(), minlength=rows * queries).reshape(rows, queries).astype(np.float64) @ rounded

    return Sample(
        total / queries,
        rounded / queries,
        _in_blocks(signed, np.random.default_rng([SEED, 0, *name.encode()]), flips, rounded) / queries,
        _in_blocks(drawn, np.random.default_rng([SEED, 1, *name.encode()]), RESAMPLES, rounded) / queries,
    )


def pooled(samples: Iterable[Sample]) -> Sample:
    """The mean over languages of their means: the queries of each language are resampled within that language, and have equal weight in it.

    Languages are added up as they come, two of them in memory.
    """
    languages = iter(samples)
    first = next(languages)
    means, flipped, resampled = first.means.copy(), first.flipped.copy(), first.resampled.copy()
    parts = [first.parts]
    del first
    for one in languages:
        means += one.means
        flipped += one.flipped
        resampled += one.resampled
        parts.append(one.parts)
    count = len(parts)
    return Sample(means / count, np.concatenate(parts) / count, flipped / count, resampled / count)


def p_value(methods: Sample, a: int, b: int) -> float:
    """Two-sided p of the paired randomization test between the columns `a` and `b`.

    If the methods were the same, each query's two scores could as well stand the other way round: p is the share of sign patterns of the
    differences with a mean at least as far from 0 as the observed one. All patterns are counted if at most `EXACT` queries differ; else random
    ones, the observed one among them: (1 + hits) / (1 + F). (Fisher 1935; for retrieval: Smucker, Allan and Carterette, CIKM 2007.)
    """
    differences = methods.parts[:, a] - methods.parts[:, b]
    differences = differences[differences != 0]  # a sign before 0 changes nothing
    if len(differences) <= EXACT:
        sums = (
            differences[:1] if len(differences) else np.zeros(1)
        )  # the first sign stays: the other half mirrors this one
        for difference in differences[1:]:
            sums = np.concatenate([sums + difference, sums - difference])
        return float(np.mean(np.abs(sums) >= abs(sums[0]) - _TOLERANCE))
    observed = abs(methods.means[a] - methods.means[b])
    hits = np.count_nonzero(np.abs(methods.flipped[:, a] - methods.flipped[:, b]) >= observed - _TOLERANCE)
    return (1 + int(hits)) / (1 + len(methods.flipped))


def interval(methods: Sample, a: int, b: int) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean difference, a minus b, with coverage `COVERAGE` (Efron and Tibshirani 1993, chapter 13)."""
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(methods.resampled[:, a] - methods.resampled[:, b], [tail, 1 - tail])
    return float(low), float(high)


def holm(p_values: Sequence[float], hypotheses: int) -> list[float]:
    """Holm's adjusted p-values within a family of `hypotheses`, of which those that are not given count as p = 1 (Holm 1979)."""
    assert len(p_values) <= hypotheses
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (hypotheses - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def on_grid(scores: np.ndarray) -> np.ndarray:
    """Scores rounded to multiples of 2^-32."""
    return np.round(np.asarray(scores, dtype=np.float64) * _GRID) / _GRID


def _in_blocks(
    draw: Callable[[np.random.Generator, int], np.ndarray], rng: np.random.Generator, rows: int, scores: np.ndarray
) -> np.ndarray:
    """`draw` as often as it takes to have `rows` [rows, M], with memory for one block of them over the queries."""
    drawn = np.empty((rows, scores.shape[1]))
    block = max(1, _BLOCK // len(scores))
    for start in range(0, rows, block):
        drawn[start : start + block] = draw(rng, min(block, rows - start))
    return drawn
