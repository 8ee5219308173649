"""Render a table as text for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from harness.results.tables.table import UNDECIDED, Cell, Row, Table

TERMINAL_WIDTH = 100
_LABEL_WIDTH = 48  # longer labels are wrapped, which leaves room for several columns beside them
_GAP = "  "


def to_text(table: Table, width: int = TERMINAL_WIDTH) -> str:
    """Return aligned columns, the best cells with a star; columns beyond `width` follow in a further block of rows.

    The parts of a column's name ("pocket-faq, zero-shot") stand below each other. The note comes last.
    """
    labels = {row.label: textwrap.wrap(row.label, _LABEL_WIDTH, break_on_hyphens=False) or [""] for row in table.rows}
    first = max([len("method"), *(len(line) for lines in labels.values() for line in lines)])
    # One place more than the longest text, for the mark or a space: digits stay below digits.
    sizes = [
        max(map(len, [*name.split(", "), *(row.cells[i].text for row in table.rows)])) + 1
        for i, name in enumerate(table.columns)
    ]
    blocks = ["\n".join(_text_block(table, labels, first, sizes, chosen)) for chosen in _fitting(sizes, width - first)]
    note = [textwrap.fill(table.note, width) + "\n"] if table.note else []
    return "\n".join([*textwrap.wrap(table.title, width), "\n\n".join(blocks), *note]) + ("" if note else "\n")


def _fitting(sizes: Sequence[int], room: int) -> list[list[int]]:
    """Return the column numbers in as few groups as fit, in order; a column wider than `room` has its own group."""
    groups: list[list[int]] = [[]]
    left = room
    for column, size in enumerate(sizes):
        needed = len(_GAP) + size
        if needed > left and groups[-1]:
            groups.append([])
            left = room
        groups[-1].append(column)
        left -= needed
    return groups


def _text_block(
    table: Table, labels: dict[str, list[str]], first: int, sizes: Sequence[int], chosen: Sequence[int]
) -> list[str]:
    def line(label: str, texts: Sequence[str]) -> str:
        cells = [text.rjust(sizes[i]) for i, text in zip(chosen, texts, strict=True)]
        return _GAP.join([label.ljust(first), *cells]).rstrip()

    def body(rows: Sequence[Row]) -> list[str]:
        lines = []
        for row in rows:
            *wrapped, last = labels[row.label]
            lines += [*wrapped, line(last, [row.cells[i].text + _text_mark(row.cells[i]) for i in chosen])]
        return lines

    names = [table.columns[i].split(", ") for i in chosen]
    height = max(map(len, names))
    levels = zip(*([""] * (height - len(name)) + name for name in names), strict=True)
    header = [
        line("method" if level == height else "", [part + " " for part in parts])
        for level, parts in enumerate(levels, 1)
    ]
    rule = "-" * (first + sum(len(_GAP) + sizes[i] for i in chosen) - 1)
    below = [rule, *body(table.references)] if table.references and table.competitors else body(table.references)
    return [*header, rule, *body(table.competitors), *below]


def _text_mark(cell: Cell) -> str:
    return "*" if cell.best else UNDECIDED if cell.undecided else " "
