"""Which rows of a table are worse than the best of their column, and which only look it: comparisons, marks and significance.csv.

In each column the best competitor is compared with every other one, over the queries that gave the column its numbers. The best is chosen with
these same queries, which favors it: so the family that Holm's correction covers is not what is shown, but every pair of competitors in every
column. Whichever of them turns out best, at most one table in twenty calls a row worse that is not.
"""

from __future__ import annotations

import csv
import io
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace

import numpy as np

from harness.results import resampling
from harness.results.spreadsheet import as_text
from harness.results.tables import Table

LEVEL = 0.05
FLIPS_PER_HYPOTHESIS = 50  # the smallest p of random flips has to stay below LEVEL after the correction
NOTE = (
    f"†: not shown to be below the best of the column (p ≥ {LEVEL:g}; paired randomization test over queries, Holm over the table)."
    f" Competitors without a mark are below it (p < {LEVEL:g})."
)
SEEDS_NOTE = " Scores are averaged over seeds first."


@dataclass(frozen=True)
class Scores:
    """Per-query scores of a cell: ids and values [Q], in any order."""

    ids: Sequence[str]
    values: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """The best competitor of a column against another one.

    difference         best minus method, of the means over queries
    low, high          bootstrap interval of the difference, not corrected for anything
    p, p_holm          of the randomization test; corrected for all pairs of competitors in the table
    queries            how many there are
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


def mark(table: Table, scores_of: Callable[[str], Scores | None]) -> tuple[Table, list[Comparison]]:
    """`table` with every cell marked that its column's best is not shown to beat, and the comparisons behind it, in the table's order.

    `scores_of` gives the scores of a cell of the grid by its key. Several keys (seeds) in a cell of the table are averaged query by query.
    The last column, the mean, takes its queries from all languages; with one language only it repeats that column's marks. The best of equal
    bests is the first by name. If a cell has no scores (None), nothing is compared. Raises ValueError if cells of a column differ in their queries.
    """
    *languages, mean = range(len(table.columns))
    compared = {
        column: [row for row, line in enumerate(table.competitors) if _has_value(line.cells[column].value)]
        for column in range(mean + 1)
    }
    loaded: dict[int, np.ndarray] = {}
    for column in languages:
        found = [
            _average([scores_of(key) for key in table.competitors[row].cells[column].keys], table, row, column)
            for row in compared[column]
        ]
        complete = [one for one in found if one is not None]
        if len(complete) < len(found):
            return table, []
        if len(complete) > 1:
            loaded[column] = _side_by_side(complete, table, compared[column], column)
    if not loaded:
        return table, []
    tested = [*loaded, mean] if len(languages) > 1 and len(compared[mean]) > 1 else [*loaded]
    hypotheses = sum(math.comb(len(compared[column]), 2) for column in tested)
    flips = max(resampling.FLIPS, FLIPS_PER_HYPOTHESIS * hypotheses)
    by_column: dict[int, list[Comparison]] = {}

    def compared_languages() -> Iterator[resampling.Sample]:
        """One language at a time; what is left of it is its part of the mean. By name: the order of languages in a preset changes no bit."""
        for column in sorted(loaded, key=lambda column: table.columns[column]):
            methods = resampling.sample(loaded[column], table.columns[column], flips)
            by_column[column] = _against_best(table, column, compared[column], methods)
            yield _only(methods, [compared[column].index(row) for row in compared[mean]])

    if mean in tested:
        of_mean = resampling.pooled(compared_languages())
        by_column[mean] = _against_best(table, mean, compared[mean], of_mean)
    else:
        deque(compared_languages(), maxlen=0)
    found_here = [comparison for column in tested for comparison in by_column[column]]
    adjusted = resampling.holm([one.p for one in found_here], hypotheses)
    comparisons = [replace(one, p_holm=p) for one, p in zip(found_here, adjusted, strict=True)]
    return _marked(table, comparisons), comparisons


def to_csv(comparisons: Sequence[Comparison]) -> str:
    """All comparisons of all tables, numbers unrounded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Comparison)])
    for one in comparisons:
        writer.writerow(
            [
                repr(value) if isinstance(value, float) else as_text(value) if isinstance(value, str) else value
                for value in astuple(one)
            ]
        )
    return text.getvalue()


def _against_best(table: Table, column: int, rows: Sequence[int], methods: resampling.Sample) -> list[Comparison]:
    """The comparisons of one column; column i of `methods` is row rows[i]. p_holm is still to come."""
    labels = [table.competitors[row].label for row in rows]
    _, best = min(
        (label, place) for place, label in enumerate(labels) if table.competitors[rows[place]].cells[column].best
    )
    comparisons = []
    for other, label in enumerate(labels):
        if other != best:
            difference, (low, high) = (
                float(methods.means[best] - methods.means[other]),
                resampling.interval(methods, best, other),
            )
            p = resampling.p_value(methods, best, other)
            comparisons.append(
                Comparison(
                    table.name,
                    table.columns[column],
                    labels[best],
                    label,
                    difference,
                    low,
                    high,
                    p,
                    p,
                    queries=len(methods.parts),
                )
            )
    return comparisons


def _marked(table: Table, comparisons: Sequence[Comparison]) -> Table:
    undecided = {(one.column, one.method) for one in comparisons if one.p_holm >= LEVEL}
    *languages, mean = table.columns
    if len(languages) == 1:
        undecided |= {(mean, method) for _, method in undecided}
    rows = []
    for row in table.rows:  # a label names one row, so references, which are never compared, stay without a mark
        cells = zip(table.columns, row.cells, strict=True)
        marked = tuple(
            replace(cell, undecided=not cell.best and (column, row.label) in undecided) for column, cell in cells
        )
        rows.append(replace(row, cells=marked))
    several = any(len(cell.keys) > 1 for row in table.competitors for cell in row.cells)
    return replace(table, rows=tuple(rows), note=NOTE + (SEEDS_NOTE if several else ""))


def _average(seeds: Sequence[Scores | None], table: Table, row: int, column: int) -> Scores | None:
    """One cell of the table: ids in order, values averaged over seeds; None if there are none."""
    found = [one for one in seeds if one is not None]
    if not found or len(found) < len(seeds):
        return None
    ordered = []
    for one in found:
        order = np.argsort(np.asarray(one.ids, dtype=str), kind="stable")
        ordered.append(Scores([one.ids[i] for i in order], resampling.on_grid(one.values)[order]))
        _check_queries(ordered[0].ids, ordered[-1].ids, table, row, row, column)
    return Scores(ordered[0].ids, np.sum([one.values for one in ordered], axis=0) / len(ordered))


def _side_by_side(methods: Sequence[Scores], table: Table, rows: Sequence[int], column: int) -> np.ndarray:
    for row, method in zip(rows, methods, strict=True):
        _check_queries(methods[0].ids, method.ids, table, rows[0], row, column)
    return np.stack([method.values for method in methods], axis=1)


def _check_queries(
    one: Sequence[str], other: Sequence[str], table: Table, first: int, second: int, column: int
) -> None:
    if list(one) != list(other):
        lonely = sorted(set(one) ^ set(other)) or sorted(one)
        names = list(dict.fromkeys(table.competitors[row].label for row in (first, second)))
        raise ValueError(
            f"table {table.name}, column {table.columns[column]}: {' and '.join(names)} cannot be compared, their cells were not measured over the"
            f" same queries (query {lonely[0]!r}, {len(one)} and {len(other)} queries); remove their folders from the store's evaluation/, run again"
        )


def _only(methods: resampling.Sample, columns: Sequence[int]) -> resampling.Sample:
    chosen = list(columns)
    return resampling.Sample(
        methods.means[chosen], methods.parts[:, chosen], methods.flipped[:, chosen], methods.resampled[:, chosen]
    )


def _has_value(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
