"""Make the tables of further measures, like those of the main one, but without strata and points of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from harness.results.record import Record
from harness.results.tables import significance, summary
from harness.results.tables.arrangement import arranged
from harness.results.tables.measures import KNOWN
from harness.results.tables.strata_tables import Split
from harness.results.tables.table import Table, make_tables, measured, table_name

ScoresOf = Callable[[str, str], significance.Scores | None]
"""(measure, key of an artifact) -> its scores, query by query."""


class Further(NamedTuple):
    """Hold the tables of one measure, the marks of its scores tested; costs have no marks."""

    measure: str
    tables: list[Table]
    summary: dict[str, Table]
    comparisons: list[significance.Comparison]

    def arranged_tables(self) -> list[Table]:
        """Return the tables with their columns as people read them."""
        return [arranged(table) for table in self.tables]

    def printed(self) -> list[Table]:
        """Return all tables in the order in which they are printed, the summary last."""
        return [*self.arranged_tables(), *self.summary.values()]


def make_further(records: Sequence[Record], measure: str, scores_of: ScoresOf) -> Further:
    """Return the tables of a measure. ValueError if cells of a column were measured over different queries."""
    tables, comparisons = list[Table](), list[significance.Comparison]()
    for table in make_tables(records, measure):
        if not KNOWN[measure].score:
            tables.append(table)
            continue
        marked, of_table = significance.mark(table, lambda key: scores_of(measure, key))
        tables.append(marked)
        comparisons += of_table
    own = measured(records, measure)
    names = list(dict.fromkeys(table_name(record.identity) for record in own))
    splits = {name: Split(table) for name, table in zip(names, tables, strict=True)}
    return Further(measure, tables, summary.make_summary(own, splits, measure), comparisons)
