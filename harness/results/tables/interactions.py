"""Test whether the lead of one method over another differs between low and high queries: differences of differences.

A method may lead where only meaning helps and trail where words are shared. For every pair of competitors (a, b),

    interaction = (mean of a - b over the low queries) - (mean of a - b over the high queries).

The test is a studentized permutation test (Janssen 1997; Chung and Romano, Annals of Statistics 2013). If the lead were
the same in both strata, it would not matter which queries are called low. So the names low and high are dealt out anew
among the queries of a language, as many of each as before, and p is the share of such draws that lie at least as far
from 0 as what was measured, each divided by its own standard error. A lead that is the same in both strata is no
interaction, however large it is; strata may differ in size and spread; and a few queries without any difference, as
between two methods that find nothing, do not look certain. The interval is that of a bootstrap within the strata.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np

from harness.results import resampling
from harness.results.strata import HIGH, LOW
from harness.results.tables.significance import FLIPS_PER_HYPOTHESIS, LEVEL, Scores, side_by_side
from harness.results.tables.spreadsheet import rows_csv
from harness.results.tables.table import MEAN, Table

FILE = "interactions.csv"
_ROUNDING = 2.0**-30  # of means; the sums behind them are exact
_TIE = 1 - 1e-9
_NO_SPREAD = 1e-12  # variance of a difference of means that is 0 but for rounding
_BLOCK = 2**18  # numbers drawn at a time

ScoresOf = Callable[[str, str], Scores | None]
"""(stratum, key of a cell) -> the scores of the stratum's queries."""


@dataclass(frozen=True)
class Interaction:
    """Hold one pair of competitors in one column.

    method, other  in the order of the table
    in_low         method minus other, of the means over the low queries; in_high likewise
    interaction    in_low - in_high
    low, high      bootstrap interval of it, without a correction for multiple comparisons
    p, p_holm      of the test: as it is, and corrected for all pairs and columns of the table
    """

    table: str
    column: str
    method: str
    other: str
    in_low: float
    in_high: float
    interaction: float
    low: float
    high: float
    p: float
    p_holm: float
    queries_low: int
    queries_high: int


class _Language(NamedTuple):
    """Hold the differences of every pair of methods [Q, P], low queries first, and resampled interactions [B, P]."""

    low: np.ndarray
    high: np.ndarray
    resampled: np.ndarray


class _Draws(NamedTuple):
    """Hold interactions [P] and their variances [P] as measured, and the same of every draw [F, P]."""

    measured: np.ndarray
    variance: np.ndarray
    drawn: np.ndarray
    variances: np.ndarray


def interactions(low: Table, high: Table, scores_of: ScoresOf) -> list[Interaction]:
    """Return every pair of competitors in every language with both strata, and in the mean over these languages.

    low, high  the tables of the strata, with the same rows; their columns are "ko, low", ..., the mean last

    Nothing is compared where a cell has no scores.
    """
    columns = {
        language: (low.columns.index(f"{language}, {LOW}"), high.columns.index(f"{language}, {HIGH}"))
        for language in languages_of(low)
        if language in languages_of(high)
    }
    rows = {language: _rows(low, high, *places) for language, places in columns.items()}
    tested = {language: rows[language] for language in columns if len(rows[language]) > 1}
    everywhere = [row for row in range(len(low.competitors)) if all(row in own for own in rows.values())]
    if len(columns) > 1 and len(everywhere) > 1:
        tested[MEAN] = everywhere
    hypotheses = sum(math.comb(len(own), 2) for own in tested.values())
    draws = max(resampling.FLIPS, FLIPS_PER_HYPOTHESIS * hypotheses)
    compared: dict[str, list[tuple[_Language, _Draws]]] = {name: [] for name in tested}
    for language in sorted(columns):  # so that the order of languages in a preset does not change a bit
        loaded = [
            side_by_side(table, rows[language], column, partial(scores_of, stratum))
            for table, column, stratum in zip((low, high), columns[language], (LOW, HIGH), strict=True)
        ]
        if loaded[0] is None or loaded[1] is None:
            return []
        for name in (language, MEAN):
            if name in tested:
                own = [rows[language].index(row) for row in tested[name]]
                differences = _differences(language, loaded[0][:, own], loaded[1][:, own])
                compared[name].append((differences, _relabeled(differences, language, draws)))
    uncorrected: list[Interaction] = []
    for name, own in tested.items():
        labels = [low.competitors[row].label for row in own]
        uncorrected += _pairs((low.name, name), labels, compared[name])
    adjusted = resampling.holm([each.p for each in uncorrected], hypotheses)
    return [replace(each, p_holm=p) for each, p in zip(uncorrected, adjusted, strict=True)]


def languages_of(table: Table) -> list[str]:
    """Return the languages of a stratum's table, in order: its columns but the mean, without the stratum's name."""
    return [column.rpartition(", ")[0] for column in table.columns[:-1]]


def sentence(found: Sequence[Interaction]) -> str:
    """Say whether the lead between the best of low and the best of high differs, in the mean or the only language.

    "" if nothing was compared.
    """
    if not found:
        return ""
    column = MEAN if any(each.column == MEAN for each in found) else found[-1].column
    own = [each for each in found if each.column == column]
    labels = list(dict.fromkeys(label for each in own for label in (each.method, each.other)))
    lead = {(each.method, each.other): each for each in own}

    def best(of_pair: Callable[[Interaction], float]) -> str:
        first, *others = labels
        ahead = {first: 0.0} | {label: -of_pair(lead[first, label]) for label in others}
        return max(labels, key=ahead.__getitem__)

    languages = list(dict.fromkeys(each.column for each in found if each.column != MEAN))
    where = f"on {languages[0]}" if column != MEAN else f"in the mean over {', '.join(languages)}"
    of_low, of_high = best(lambda each: each.in_low), best(lambda each: each.in_high)
    if of_low == of_high:
        return f"{of_low} is best in low and in high {where}; {FILE} tests whether leads differ between them."
    pair = lead.get((of_low, of_high)) or lead[of_high, of_low]
    sign = 1 if pair.method == of_low else -1
    verdict = "these differ" if pair.p_holm < LEVEL else "these are not shown to differ"
    p = "p < 0.001" if pair.p_holm < 0.001 else f"p = {pair.p_holm:.2g}"
    return (
        f"{of_low} minus {of_high} is {sign * pair.in_low:+.3f} in low and {sign * pair.in_high:+.3f} in high {where}; "
        f"{verdict} ({p}; {FILE})."
    )


def to_csv(found: Sequence[Interaction]) -> str:
    """Return the CSV text of all pairs of all tables, numbers unrounded."""
    return rows_csv(Interaction, found)


def _rows(low: Table, high: Table, of_low: int, of_high: int) -> list[int]:
    """Return the competitors with a value in both columns."""
    pairs = zip(low.competitors, high.competitors, strict=True)
    cells = [(one.cells[of_low], other.cells[of_high]) for one, other in pairs]
    return [row for row, pair in enumerate(cells) if all(cell.has_number for cell in pair)]


def _differences(language: str, low: np.ndarray, high: np.ndarray) -> _Language:
    """low, high: scores [Q, M] of the strata of a language."""
    strata = [resampling.sample(low, f"{language}, {LOW}", 1), resampling.sample(high, f"{language}, {HIGH}", 1)]
    first, second = np.triu_indices(low.shape[1], 1)
    low, high = (resampling.on_grid(scores) for scores in (low, high))
    of_low, of_high = (each.resampled[:, first] - each.resampled[:, second] for each in strata)
    return _Language(low[:, first] - low[:, second], high[:, first] - high[:, second], of_low - of_high)


def _relabeled(language: _Language, name: str, draws: int) -> _Draws:
    """Return the interactions of a language, as measured and with the names low and high dealt out anew."""
    differences = np.concatenate([language.low, language.high])
    queries, count = len(differences), len(language.low)
    columns = np.concatenate([differences, differences**2], axis=1)
    rng = np.random.default_rng([resampling.SEED, 2, *name.encode()])
    sums = np.empty((draws, columns.shape[1]))
    block = max(1, _BLOCK // queries)
    for start in range(0, draws, block):
        numbers = rng.random((min(block, draws - start), queries))
        called_low = numbers <= np.partition(numbers, count - 1, axis=1)[:, count - 1 : count]
        sums[start : start + block] = called_low.astype(np.float64) @ columns
    whole = columns.sum(axis=0)
    measured, variance = _interaction(columns[:count].sum(axis=0)[None], whole, count, queries)
    return _Draws(measured[0], variance[0], *_interaction(sums, whole, count, queries))


def _interaction(sums: np.ndarray, whole: np.ndarray, count: int, queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Return interactions and their variances [F, P] from sums of differences and of squares [F, 2 P] over `count`."""
    means, variances = [], []
    for part, size in ((sums, count), (whole - sums, queries - count)):
        mean, square = np.split(part / size, 2, axis=1)
        means.append(mean)
        variances.append(np.maximum(square - mean**2, 0.0) / (size - 1))
    variance = variances[0] + variances[1]
    return means[0] - means[1], np.where(variance < _NO_SPREAD, 0.0, variance)


def _pairs(
    names: tuple[str, str], labels: Sequence[str], languages: Sequence[tuple[_Language, _Draws]]
) -> Iterator[Interaction]:
    """Yield the pairs of a column, with p in place of p_holm; names: of the table and the column."""
    count = len(languages)
    queries = [sum(len(language[place]) for language, _ in languages) for place in (0, 1)]
    leads = [sum(language[place].mean(axis=0) for language, _ in languages) / count for place in (0, 1)]
    tail = (1 - resampling.COVERAGE) / 2
    resampled = sum(language.resampled for language, _ in languages) / count
    bounds = np.quantile(resampled, [tail, 1 - tail], axis=0)
    p_values = p_of([draws for _, draws in languages])
    for pair, (a, b) in enumerate(combinations(labels, 2)):
        in_low, in_high = (float(lead[pair]) for lead in leads)
        lower, upper, p = float(bounds[0, pair]), float(bounds[1, pair]), float(p_values[pair])
        yield Interaction(*names, a, b, in_low, in_high, in_low - in_high, lower, upper, p, p, queries[0], queries[1])


def p_of(languages: Sequence[_Draws]) -> np.ndarray:
    """Return the two-sided p of each pair [P] for the sum over languages: (1 + hits) / (1 + F)."""
    measured, variance, drawn, variances = (sum(part[1:], start=part[0]) for part in zip(*languages, strict=True))
    # |drawn| / sqrt(variances) >= |measured| / sqrt(variance), without a division by 0
    far = np.abs(drawn) * np.sqrt(variance) >= _TIE * np.abs(measured) * np.sqrt(variances)
    p = (1 + np.count_nonzero(far, axis=0)) / (1 + len(drawn))
    return np.where(np.abs(measured) <= _ROUNDING, 1.0, p)
