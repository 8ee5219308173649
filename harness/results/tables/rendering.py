"""Render a table as Markdown and CSV, with pure functions."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from harness.results.tables.spreadsheet import as_text
from harness.results.tables.table import BELOW, UNDECIDED, Cell, Table


def to_markdown(table: Table, heading: str = "##") -> str:
    """Return heading, caption, table and note; the best cells are bold, references stand below a row that says so."""
    header = ["method", *table.columns]
    lines = [_markdown_row(map(markdown_text, header)), _markdown_row([":---", *["---:"] * len(table.columns)])]
    lines += [_markdown_row([markdown_text(row.label), *map(_markdown_cell, row.cells)]) for row in table.competitors]
    if table.references and table.competitors:
        lines.append(_markdown_row(["*for reference*", *[""] * len(table.columns)]))
    lines += [_markdown_row([markdown_text(row.label), *map(_markdown_cell, row.cells)]) for row in table.references]
    note = f"\n{markdown_text(table.note)}\n" if table.note else ""
    caption = f"{markdown_text(table.caption)}\n\n" if table.caption else ""
    return f"{heading} {markdown_text(table.title)}\n\n{caption}" + "\n".join(lines) + "\n" + note


def markdown_item(text: str) -> str:
    """Return an item of a list."""
    return f"- {markdown_text(text)}\n"


def to_csv(table: Table) -> str:
    """Return the rows of `csv_rows` as CSV text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(csv_rows(table))
    return text.getvalue()


def csv_rows(table: Table) -> list[list[str]]:
    """Return the header and the printed cells without marks; a column says whether a row is a reference."""
    return [
        ["method", "reference", *map(as_text, table.columns)],
        *(
            [as_text(row.label), "yes" if row.reference else "no", *(cell.text for cell in row.cells)]
            for row in table.rows
        ),
    ]


def _markdown_row(cells: Sequence[str] | map[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: Cell) -> str:
    return BELOW * cell.below + (f"**{cell.text}**" if cell.best else cell.text + UNDECIDED * cell.undecided)


def markdown_text(text: str) -> str:
    """Return text that Markdown shows as it is: no link, no picture, no HTML, no further line or column."""
    return re.sub(r"([\\`*|<\[])", r"\\\1", " ".join(text.split("\n")))
