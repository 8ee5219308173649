"""Test a table both ways, its rows against the best and against the baselines, and mark it.

One drawing serves both, unless it is too large to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from harness.results.tables import baselines_compared, significance
from harness.results.tables.baselines_compared import Against, Place
from harness.results.tables.significance import Comparison, Drawn, Scores
from harness.results.tables.table import Table

MOST_KEPT = 2**25
"""Numbers of a drawing that is kept for all languages at once (256 MB); a larger one is drawn twice, by language."""


class Family(NamedTuple):
    """Count the comparisons that are corrected for together: with the best, and with baselines."""

    best: int = 0
    baselines: int = 0

    @classmethod
    def of(cls, table: Table, baselines: Mapping[str, str]) -> Family:
        return cls(significance.pairs(table), baselines_compared.count(table, baselines))


ALONE = Family()


class Marked(NamedTuple):
    """Hold the table with all marks, and the comparisons behind them."""

    table: Table
    comparisons: list[Comparison]
    against: list[Against]


def mark_table(
    table: Table,
    place: Place,
    baselines: Mapping[str, str],
    scores_of: Callable[[str], Scores | None],
    further: Family = ALONE,
) -> Marked:
    """Return the table with the marks of `significance.mark` and `baselines_compared.mark`, and both comparisons.

    baselines  label by name, see `baselines_compared.baselines`
    further    comparisons of other tables that are corrected for together with those of this one

    Raises ValueError if cells of a column differ in their queries.
    """
    flips = significance.flips_for(significance.pairs(table) + further.best)
    is_kept = flips * len(table.rows) * len(table.columns) <= MOST_KEPT
    drawn: Drawn | None = {} if is_kept else None
    against = baselines_compared.compare(
        table, place, baselines, scores_of, further.baselines, drawn, flips if is_kept else 0
    )
    marked, comparisons = significance.mark(table, scores_of, further.best, drawn)
    return Marked(baselines_compared.mark(marked, against), comparisons, against)
