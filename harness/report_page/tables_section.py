"""Show the tables of a results folder as it has them: the summary, and each table with its strata."""

from __future__ import annotations

from collections.abc import Iterator

from harness.report_page.folder import ResultsFolder
from harness.report_page.markup import Markup, element, joined
from harness.report_page.printed_table import ITEM, PrintedCell, PrintedTable
from harness.results.tables.table import UNDECIDED


def pieces(folder: ResultsFolder) -> Iterator[Markup]:
    """Yield the tables, the most condensed first."""
    for table in folder.summaries:
        yield _shown(table)
    for group in folder.groups:
        for table in folder.tables(group):
            yield _shown(table)


def _shown(table: PrintedTable) -> Markup:
    # A name's parts stand below each other, so that a table is no wider than its numbers.
    head = element("tr", *(element("th", name.replace(", ", "\n"), scope="col") for name in ("method", *table.columns)))
    rows, before = [], False
    for row in table.rows:
        first = row.reference and not before
        kind = "first reference" if first else "reference" if row.reference else None
        rows.append(element("tr", element("th", row.label, scope="row"), joined(map(_cell, row.cells)), class_=kind))
        before = row.reference
    inner = element("table", element("thead", head), element("tbody", *rows))
    notes = [element("p", note, class_="note") for note in table.notes if not note.startswith(ITEM)]
    captions = [element("p", caption, class_="note") for caption in table.captions]
    return joined([element("h3", table.title), *captions, element("div", inner, class_="scroll", tabindex="0"), *notes])


def _cell(cell: PrintedCell) -> Markup:
    return element("td", cell.text + UNDECIDED * cell.undecided, class_="best" if cell.best else None)
