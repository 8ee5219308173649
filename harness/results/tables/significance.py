"""Test which rows of a table are worse than the best of their column: comparisons, marks and significance.csv.

In each column the best competitor is compared with every other one, over the queries behind the column's numbers. The
best is chosen with these same queries, which favors it. So Holm's correction covers every pair of competitors in every
column, not only the pairs shown: whichever competitor is best, at most one table in twenty has a row marked as worse
that is not.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.results import resampling
from harness.results.tables.spreadsheet import rows_csv
from harness.results.tables.table import UNDECIDED, Row, Table

LEVEL = 0.05
FLIPS_PER_HYPOTHESIS = 50  # the smallest p of random flips must stay below LEVEL after the correction
TEST = "paired randomization test over queries, Holm over the table"
SEEDS_NOTE = "Scores are averaged over seeds first."


@dataclass(frozen=True)
class Scores:
    """Hold per-query scores of a cell: ids and values [Q], in any order."""

    ids: Sequence[str]
    values: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Hold the comparison of a column's best competitor with another one.

    difference  best minus method, of the means over queries
    low, high   bootstrap interval of the difference, without a correction for multiple comparisons
    p, p_holm   of the randomization test: as it is, and corrected for all pairs of competitors in the table
    queries     their number
    """

    table: str
    column: str
    best: str
    method: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    queries: int


Drawn = dict[int, tuple[list[int], resampling.Sample]]
"""By column of a table: rows, and the sample of their scores. Drawing takes the time, however many rows there are."""


def mark(
    table: Table, scores_of: Callable[[str], Scores | None], further: int = 0, drawn: Drawn | None = None
) -> tuple[Table, list[Comparison]]:
    """Return `table` with marks, and the comparisons behind them in the table's order.

    A cell is marked if its column's best is not shown to beat it. `scores_of` returns the scores of a cell of the grid
    by its key. Several keys (seeds) in a cell of the table are averaged query by query. The last column, the mean,
    takes its queries from all languages; with one language it repeats that column's marks. Among equal bests the first
    by name is compared. If a cell has no scores (None), nothing is compared. Raises ValueError if cells of a column
    differ in their queries.

    further  pairs that are corrected for together with those of this table (`pairs` of another one)
    drawn    samples that hold these rows, where there are some already
    """
    *languages, mean = range(len(table.columns))
    compared = _compared(table)
    loaded: dict[int, np.ndarray] = {}
    for column in languages:
        scores = side_by_side(table, compared[column], column, scores_of)
        if scores is None:
            return table, []
        if len(compared[column]) > 1:
            loaded[column] = scores
    if not loaded:
        return table, []
    tested = _tested(table, compared)
    hypotheses = pairs(table) + further
    flips = flips_for(hypotheses)
    by_column: dict[int, list[Comparison]] = {}

    def compared_languages() -> Iterator[resampling.Sample]:
        """Yield one language at a time, reduced to its part of the mean.

        They come by name, so that the order of languages in a preset does not change a bit.
        """
        for column in sorted(loaded, key=lambda column: table.columns[column]):
            rows, known = (drawn or {}).get(column, ([], None))
            if known is None or len(known.flipped) < flips:
                methods = resampling.sample(loaded[column], table.columns[column], flips)
            else:
                methods = known.only([rows.index(row) for row in compared[column]], flips)
            by_column[column] = _against_best(table, column, compared[column], methods)
            yield methods.only([compared[column].index(row) for row in compared[mean]])

    if mean in tested:
        of_mean = resampling.pooled(compared_languages())
        by_column[mean] = _against_best(table, mean, compared[mean], of_mean)
    else:
        deque(compared_languages(), maxlen=0)
    uncorrected = [comparison for column in tested for comparison in by_column[column]]
    adjusted = resampling.holm([comparison.p for comparison in uncorrected], hypotheses)
    comparisons = [replace(comparison, p_holm=p) for comparison, p in zip(uncorrected, adjusted, strict=True)]
    return _marked(table, comparisons), comparisons


def flips_for(hypotheses: int) -> int:
    """Return how many random flips a family of so many hypotheses needs."""
    return max(resampling.FLIPS, FLIPS_PER_HYPOTHESIS * hypotheses)


def pairs(table: Table) -> int:
    """Return the number of pairs of competitors, in all columns that are tested."""
    compared = _compared(table)
    return sum(math.comb(len(compared[column]), 2) for column in _tested(table, compared))


def side_by_side(
    table: Table, rows: Sequence[int], column: int, scores_of: Callable[[str], Scores | None]
) -> np.ndarray | None:
    """Return the scores [Q, rows] of these competitors, queries by id, averaged over seeds; None if a seed has none.

    Raises ValueError if they differ in their queries.
    """
    methods = [
        _average([scores_of(key) for key in table.competitors[row].cells[column].keys], table, row, column)
        for row in rows
    ]
    complete = [scores for scores in methods if scores is not None]
    if len(complete) < len(methods):
        return None
    for row, method in zip(rows, complete, strict=True):
        _check_queries(complete[0].ids, method.ids, table, rows[0], row, column)
    return np.stack([method.values for method in complete], axis=1) if complete else np.zeros((0, 0))


def to_csv(comparisons: Sequence[Comparison]) -> str:
    """Return the CSV text of all comparisons of all tables, numbers unrounded."""
    return rows_csv(Comparison, comparisons)


def _compared(table: Table) -> list[list[int]]:
    """Return by column the competitors with a value."""
    return [
        [row for row, line in enumerate(table.competitors) if line.cells[column].has_number]
        for column in range(len(table.columns))
    ]


def _tested(table: Table, compared: Sequence[Sequence[int]]) -> list[int]:
    """Return the columns with several competitors; the mean of one language repeats that language."""
    *languages, mean = range(len(table.columns))
    tested = [column for column in languages if len(compared[column]) > 1]
    return [*tested, mean] if len(languages) > 1 and len(compared[mean]) > 1 else tested


def _against_best(table: Table, column: int, rows: Sequence[int], methods: resampling.Sample) -> list[Comparison]:
    """Return the comparisons of one column, with p in place of p_holm; column i of `methods` is row rows[i]."""
    labels = [table.competitors[row].label for row in rows]
    _, best = min(
        (label, place) for place, label in enumerate(labels) if table.competitors[rows[place]].cells[column].best
    )
    comparisons = []
    names = (table.name, table.columns[column], labels[best])
    for other, label in enumerate(labels):
        if other != best:
            difference = float(methods.means[best] - methods.means[other])
            low, high = resampling.interval(methods, best, other)
            p = resampling.p_value(methods, best, other)
            comparisons.append(Comparison(*names, label, difference, low, high, p, p, queries=len(methods.parts)))
    return comparisons


def _marked(table: Table, comparisons: Sequence[Comparison]) -> Table:
    undecided = {(each.column, each.method) for each in comparisons if each.p_holm >= LEVEL}
    *languages, mean = table.columns
    if len(languages) == 1:
        undecided |= {(mean, method) for _, method in undecided}
    rows = []
    for row in table.rows:  # references are never compared, so they have no mark: a label names one row
        cells = zip(table.columns, row.cells, strict=True)
        marked = tuple(
            replace(cell, undecided=not cell.best and (column, row.label) in undecided) for column, cell in cells
        )
        rows.append(replace(row, cells=marked))
    several = any(len(cell.keys) > 1 for row in table.competitors for cell in row.cells)
    note = f"{table.note} {_note(rows)} {SEEDS_NOTE if several else ''}"
    return replace(table, rows=tuple(rows), note=note.strip())


def _note(rows: Sequence[Row]) -> str:
    """Return what the marks that occur mean, and that there is none."""
    cells = [cell for row in rows if not row.reference for cell in row.cells if cell.has_number]
    below = f"Competitors without a mark are below the best of their column (p < {LEVEL:g}"
    if not any(cell.undecided for cell in cells):
        return f"{below}; {TEST})."
    note = f"{UNDECIDED}: not shown to be below the best of the column (p ≥ {LEVEL:g}; {TEST})."
    return f"{note} {below})." if any(not (cell.undecided or cell.best) for cell in cells) else note


def _average(seeds: Sequence[Scores | None], table: Table, row: int, column: int) -> Scores | None:
    """Return the scores of a table's cell: ids sorted, values averaged over seeds; None if a seed has no scores."""
    complete = [scores for scores in seeds if scores is not None]
    if not complete or len(complete) < len(seeds):
        return None
    ordered: list[Scores] = []
    for scores in complete:
        order = np.argsort(np.asarray(scores.ids, dtype=str), kind="stable")
        ordered.append(Scores([scores.ids[i] for i in order], resampling.on_grid(scores.values)[order]))
        _check_queries(ordered[0].ids, ordered[-1].ids, table, row, row, column)
    return Scores(ordered[0].ids, np.sum([scores.values for scores in ordered], axis=0) / len(ordered))


def _check_queries(
    ids: Sequence[str], others: Sequence[str], table: Table, first: int, second: int, column: int
) -> None:
    if list(ids) != list(others):
        query = (sorted(set(ids) ^ set(others)) or sorted(ids))[0]
        names = " and ".join(dict.fromkeys(table.competitors[row].label for row in (first, second)))
        raise ValueError(
            f"table {table.name}, column {table.columns[column]}: {names} cannot be compared, their cells were not "
            f"measured over the same queries (query {query!r}, {len(ids)} and {len(others)} queries); "
            "remove their folders from the store's evaluation/, run again"
        )
