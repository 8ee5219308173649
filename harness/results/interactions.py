"""Test whether the lead of one method over another differs between low and high queries: differences of differences.

A method may lead where only meaning helps and trail where words are shared. For every pair of competitors (a, b),

    interaction = (mean of a - b over the low queries) - (mean of a - b over the high queries).

The test resamples queries within their stratum. If the two leads were the same, only chance would move their difference
away from 0: the difference a - b of each query is centered on the mean of its stratum and gets a random sign (wild
bootstrap, Wu 1986; Liu 1988), and each draw is divided by its own standard error, as the measured value is by its. So a
lead that is the same in both strata is no interaction however large it is, strata may spread differently, and a
stratum of a few queries cannot look certain.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from harness.results import resampling
from harness.results.significance import FLIPS_PER_HYPOTHESIS, LEVEL, Scores, side_by_side
from harness.results.spreadsheet import as_text
from harness.results.strata import HIGH, LOW
from harness.results.tables import MEAN, Table

FILE = "interactions.csv"
_ROUNDING = 2.0**-30  # of means; the sums behind them are exact
_TIE = 1 - 1e-9

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


class _Stratum(NamedTuple):
    """Hold scores [Q, M], means [M], means of centered scores with random signs [F, M], resampled means [B, M]."""

    scores: np.ndarray
    means: np.ndarray
    flipped: np.ndarray
    resampled: np.ndarray


_Column = Sequence[tuple[_Stratum, _Stratum]]
"""(low, high) of the languages of a column; the methods are the same in all of them."""


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
    flips = max(resampling.FLIPS, FLIPS_PER_HYPOTHESIS * hypotheses)
    strata: dict[str, tuple[_Stratum, _Stratum]] = {}
    for language in (name for name in tested if name != MEAN):
        of_low, of_high = columns[language]
        loaded = (
            _load(low, of_low, rows[language], lambda key: scores_of(LOW, key), flips),
            _load(high, of_high, rows[language], lambda key: scores_of(HIGH, key), flips),
        )
        if loaded[0] is None or loaded[1] is None:
            return []
        strata[language] = loaded[0], loaded[1]
    uncorrected: list[Interaction] = []
    for name, own in tested.items():
        labels = [low.competitors[row].label for row in own]
        # by name, so that the order of languages in a preset does not change a bit
        languages = sorted(columns) if name == MEAN else [name]
        column = [
            tuple(_only(stratum, [rows[language].index(row) for row in own]) for stratum in strata[language])
            for language in languages
        ]
        uncorrected += _pairs(low.name, name, labels, column)  # type: ignore[arg-type]
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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Interaction)])
    for each in found:
        writer.writerow(
            as_text(value) if isinstance(value, str) else repr(value) if isinstance(value, float) else value
            for value in astuple(each)
        )
    return text.getvalue()


def _rows(low: Table, high: Table, of_low: int, of_high: int) -> list[int]:
    """Return the competitors with a value in both columns."""
    pairs = zip(low.competitors, high.competitors, strict=True)
    values = [(one.cells[of_low].value, other.cells[of_high].value) for one, other in pairs]
    return [row for row, pair in enumerate(values) if all(v is not None and math.isfinite(v) for v in pair)]


def _load(
    table: Table, column: int, rows: Sequence[int], scores_of: Callable[[str], Scores | None], flips: int
) -> _Stratum | None:
    scores = side_by_side(table, rows, column, scores_of)
    if scores is None:
        return None
    scores = resampling.on_grid(scores)
    # A further method with a score of 1 everywhere: its mean with random signs is the mean sign.
    drawn = resampling.sample(np.column_stack([scores, np.ones(len(scores))]), table.columns[column], flips)
    means, signs = drawn.means[:-1], drawn.flipped[:, -1:]
    return _Stratum(scores, means, drawn.flipped[:, :-1] - signs * means, drawn.resampled[:, :-1])


def _only(stratum: _Stratum, methods: list[int]) -> _Stratum:
    return _Stratum(*(part[..., methods] for part in stratum))


def _pairs(table: str, name: str, labels: Sequence[str], column: _Column) -> Iterator[Interaction]:
    """Yield the pairs of a column, with p in place of p_holm."""
    queries = [sum(len(language[place].scores) for language in column) for place in (0, 1)]
    tail = (1 - resampling.COVERAGE) / 2
    for a, b in combinations(range(len(labels)), 2):
        in_low, in_high = (
            sum(float(language[place].means[a] - language[place].means[b]) for language in column) / len(column)
            for place in (0, 1)
        )
        drawn = sum(
            (low.resampled[:, a] - low.resampled[:, b]) - (high.resampled[:, a] - high.resampled[:, b])
            for low, high in column
        ) / len(column)
        lower, upper = map(float, np.quantile(drawn, [tail, 1 - tail]))
        p = p_value(column, a, b)
        names = (table, name, labels[a], labels[b])
        yield Interaction(*names, in_low, in_high, in_low - in_high, lower, upper, p, p, queries[0], queries[1])


def p_value(column: _Column, a: int, b: int) -> float:
    """Return the two-sided p of the test between the methods a and b: (1 + hits) / (1 + F)."""
    measured, spread = 0.0, 0.0
    drawn, spreads = 0.0, 0.0  # arrays [F] after the first stratum
    for language in column:
        for sign, stratum in zip((1, -1), language, strict=True):
            difference = stratum.scores[:, a] - stratum.scores[:, b]
            mean = float(stratum.means[a] - stratum.means[b])
            count = len(difference)
            square = float(np.mean((difference - mean) ** 2))
            flipped = stratum.flipped[:, a] - stratum.flipped[:, b]
            measured += sign * mean
            spread += square / (count - 1)
            drawn = drawn + sign * flipped
            # Signs leave the squares as they are, so the variance of a draw follows from its mean.
            spreads = spreads + np.maximum(square - flipped**2, 0.0) / (count - 1)
    if abs(measured) <= _ROUNDING:
        return 1.0
    # |drawn| / sqrt(spreads) >= |measured| / sqrt(spread), without a division by 0
    hits = np.count_nonzero(np.abs(drawn) * math.sqrt(spread) >= _TIE * abs(measured) * np.sqrt(spreads))
    return (1 + int(hits)) / (1 + len(np.atleast_1d(drawn)))
