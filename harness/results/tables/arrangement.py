"""Put the columns of a table in the order in which people read them: the mean first, then the languages.

Everything that computes on tables has the mean last; this is done once, before they are written and printed.
"""

from __future__ import annotations

from dataclasses import replace

from harness.results.tables.table import MEAN, Table


def arranged(table: Table) -> Table:
    """Return the table with the columns of the mean first, and without them where it is over a single language."""
    means = [place for place, column in enumerate(table.columns) if _of_mean(column)]
    languages = [place for place, column in enumerate(table.columns) if not _of_mean(column)]
    several = len({_language(table.columns[place]) for place in languages}) > 1
    places = [*means, *languages] if several else languages
    rows = tuple(replace(row, cells=tuple(row.cells[place] for place in places)) for row in table.rows)
    return replace(table, columns=tuple(table.columns[place] for place in places), rows=rows)


def _of_mean(column: str) -> bool:
    return _language(column) == MEAN


def _language(column: str) -> str:
    """Return the first part of a column's name, which may have a stratum behind it: "ko, low"."""
    return column.partition(", ")[0]
