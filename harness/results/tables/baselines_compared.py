"""Compare every row of a table with its rows `bm25` and `base`: differences, the mark of rows below bm25, against.csv.

These comparisons are chosen before anything is measured, so Holm's correction covers just them: all rows, both
baselines and all columns of a table. At most one table in twenty calls a row above or below a baseline by chance alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from harness.results import resampling
from harness.results.record import Identity, Record
from harness.results.tables.rendering import BELOW
from harness.results.tables.significance import LEVEL, Drawn, Scores, flips_for, side_by_side
from harness.results.tables.spreadsheet import rows_csv
from harness.results.tables.table import Method, Table, table_name

FILE = "against.csv"
BM25 = "bm25"
BASELINES = (BM25, "base")
NOTE = (
    f"{BELOW}: below bm25 (p < {LEVEL:g}; the same test, Holm over all comparisons with bm25 and base in the table; "
    f"{FILE})."
)


class Place(NamedTuple):
    """Name a table: what all of its cells have in common."""

    collection: str
    regime: str
    architecture: str


@dataclass(frozen=True)
class Against:
    """Hold the comparison of one row with one baseline in one column.

    column      a language, or `mean`; with a stratum in tables of strata ("ko, low")
    method      the row's label; reference says whether it is a reference row
    difference  method minus baseline; it and the other numbers as of `significance.Comparison`
    p_holm      corrected for all comparisons with baselines in the table
    """

    collection: str
    regime: str
    architecture: str
    column: str
    method: str
    reference: bool
    baseline: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    queries: int

    @property
    def place(self) -> Place:
        return Place(self.collection, self.regime, self.architecture)

    @property
    def above(self) -> bool:
        """Return whether the method is shown to be above the baseline."""
        return self.p_holm < LEVEL and self.difference > 0

    @property
    def below(self) -> bool:
        """Return whether the method is shown to be below the baseline."""
        return self.p_holm < LEVEL and self.difference < 0


class _Pair(NamedTuple):
    """Number the rows of a comparison: that of the method and that of the baseline."""

    row: int
    baseline: int


def places(records: Sequence[Record]) -> dict[str, Place]:
    """Return the place of each table by its name."""

    def place(identity: Identity) -> Place:
        return Place(identity.collection, identity.regime, identity.architecture)

    return {table_name(record.identity): place(record.identity) for record in records}


def baselines(labels: Mapping[Method, str]) -> dict[str, str]:
    """Return by name the label of each baseline of the grid, bm25 first. labels: `row_labels` of its records."""
    own = {method.initializer: label for method, label in labels.items() if method.reference}
    return {name: own[name] for name in BASELINES if name in own}


def compare(
    table: Table,
    place: Place,
    baseline_labels: Mapping[str, str],
    scores_of: Callable[[str], Scores | None],
    further: int = 0,
    drawn: Drawn | None = None,
    flips: int = 0,
) -> list[Against]:
    """Return the comparisons of every row with each baseline, column by column, in the order of the rows.

    `scores_of` and the rules for seeds, the mean and its queries are those of `significance.mark`: with one language
    the mean is not compared, it repeats that column; if a cell has no scores (None), nothing is compared. The row
    `base` is compared with bm25, and bm25 with nothing. Raises ValueError if cells of a column differ in their queries.

    further  comparisons that are corrected for together with those of this table (`count` of another one)
    drawn    gets the samples, for `significance.mark`
    flips    random flips that these shall have, if more than are needed here
    """
    compared = _pairs(table, baseline_labels)
    *languages, mean = range(len(table.columns))
    rows = {column: sorted({row for pair in pairs for row in pair}) for column, pairs in compared.items()}
    alike = replace(table, rows=tuple(replace(row, reference=False) for row in table.rows))
    loaded = {column: side_by_side(alike, rows[column], column, scores_of) for column in languages if column in rows}
    scores = {column: own for column, own in loaded.items() if own is not None}
    if not scores or len(scores) < len(loaded):
        return []
    hypotheses = count(table, baseline_labels) + further
    own_flips = flips_for(hypotheses)
    by_column: dict[int, list[Against]] = {}

    def tested(column: int, own: Sequence[int], methods: resampling.Sample) -> list[Against]:
        results = []
        for row, baseline in compared[column]:
            a, b = own.index(row), own.index(baseline)
            low, high = resampling.interval(methods, a, b)
            p, difference = resampling.p_value(methods, a, b), float(methods.means[a] - methods.means[b])
            names = (table.columns[column], table.rows[row].label, table.rows[row].reference)
            against = next(name for name, label in baseline_labels.items() if label == table.rows[baseline].label)
            results.append(Against(*place, *names, against, difference, low, high, p, p, len(methods.parts)))
        return results

    def of_languages() -> Iterator[resampling.Sample]:
        """Yield one language at a time, by name, reduced to its part of the mean."""
        for column in sorted(scores, key=lambda column: table.columns[column]):
            sample = resampling.sample(scores[column], table.columns[column], max(flips, own_flips))
            if drawn is not None:
                drawn[column] = rows[column], sample
            methods = sample.only(range(len(rows[column])), own_flips)
            by_column[column] = tested(column, rows[column], methods)
            yield methods.only([rows[column].index(row) for row in rows.get(mean, ())])

    if mean in rows:
        of_mean = resampling.pooled(of_languages())
        by_column[mean] = tested(mean, rows[mean], of_mean)
    else:
        deque(of_languages(), maxlen=0)
    uncorrected = [each for column in sorted(by_column) for each in by_column[column]]
    adjusted = resampling.holm([each.p for each in uncorrected], hypotheses)
    return [replace(each, p_holm=p) for each, p in zip(uncorrected, adjusted, strict=True)]


def count(table: Table, baseline_labels: Mapping[str, str]) -> int:
    """Return the number of comparisons with baselines in a table."""
    return sum(map(len, _pairs(table, baseline_labels).values()))


def mark(table: Table, comparisons: Sequence[Against]) -> Table:
    """Return the table with a mark on each cell that is below bm25, and with the legend of the mark if there is one."""
    below = {(each.column, each.method, each.reference) for each in comparisons if each.baseline == BM25 and each.below}
    if not below:
        return table
    *languages, mean = table.columns
    if len(languages) == 1:
        below |= {(mean, method, reference) for _, method, reference in below}
    rows = []
    for row in table.rows:
        cells = zip(table.columns, row.cells, strict=True)
        marked = tuple(replace(cell, below=(column, row.label, row.reference) in below) for column, cell in cells)
        rows.append(replace(row, cells=marked))
    return replace(table, rows=tuple(rows), note=f"{table.note} {NOTE}".lstrip())


def to_csv(comparisons: Sequence[Against]) -> str:
    """Return the CSV text of all comparisons of all tables, numbers unrounded."""
    return rows_csv(Against, comparisons)


def _pairs(table: Table, baseline_labels: Mapping[str, str]) -> dict[int, list[_Pair]]:
    """Return what is compared in each column that has something to compare; the mean of one language repeats it."""
    places_of = {
        name: next((number for number, row in enumerate(table.rows) if row.reference and row.label == label), None)
        for name, label in baseline_labels.items()
    }
    compared: dict[int, list[_Pair]] = {}
    columns = range(len(table.columns)) if len(table.columns) > 2 else range(1)
    for column in columns:
        present = [number for number, row in enumerate(table.rows) if row.cells[column].has_number]
        bm25 = places_of.get(BM25)
        pairs = [
            _Pair(row, baseline)
            for baseline in places_of.values()
            if baseline in present
            for row in present
            if row not in (baseline, bm25)
        ]
        if pairs:
            compared[column] = pairs
    return compared
