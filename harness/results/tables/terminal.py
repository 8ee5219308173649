"""Render a table as text for the terminal: no row is ever wrapped, whatever the width.

A table that is too wide is printed in blocks of columns below each other, and its long names are shortened in the
middle; a line below the table says what they stand for.
"""

from __future__ import annotations

import shutil
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

from harness.results.tables.headings import SEPARATOR, blocks, levels
from harness.results.tables.table import BELOW, UNDECIDED, Cell, Row, Table

TERMINAL_WIDTH = 100  # where there is no terminal
NARROWEST = 40  # on narrower terminals lines are that long
_LABEL_SHARE = 0.4  # of the width, that names of rows have at most in a table that is too wide
_HEADING = 16  # places of a part of a column's name in such a table
_GAP = "  "
_METHOD = "method"
_ELLIPSIS = "…"


def terminal_width() -> int:
    """Return the columns of the terminal; `TERMINAL_WIDTH` if the output goes elsewhere. COLUMNS overrules both."""
    return max(shutil.get_terminal_size((TERMINAL_WIDTH, 24)).columns, NARROWEST)


def to_text(table: Table, width: int = TERMINAL_WIDTH) -> str:
    """Return caption, aligned columns, note; the best cells have a star, columns beyond `width` stand further down."""
    labels = {row.label: row.label for row in table.rows}
    parts = {part: part for column in table.columns for part in column.split(SEPARATOR)}
    layout = _Layout(table, labels, parts)
    if layout.width(range(len(table.columns))) > width:
        labels = _shortened(labels, int(width * _LABEL_SHARE))
        parts = _shortened(parts, _HEADING)
        layout = _Layout(table, labels, parts)
    chosen = blocks(table.columns, layout.width, width)
    body = "\n\n".join("\n".join(layout.lines(places)) for places in chosen)
    short = [f"{short}: {full}" for names in (labels, parts) for full, short in names.items() if short != full]
    notes = [table.note] * bool(table.note) + [f"Names shortened here: {'; '.join(short)}."] * bool(short)
    return (
        "\n".join([paragraph(table.caption or table.title, width), body, *(paragraph(each, width) for each in notes)])
        + "\n"
    )


def paragraph(text: str, width: int) -> str:
    """Return lines of whole words; names like pocket-faq are not broken."""
    return textwrap.fill(text, width, break_on_hyphens=False)


class _Layout:
    """Place the cells of a table. labels, parts: what is printed for the names of rows, for the parts of columns'."""

    def __init__(self, table: Table, labels: dict[str, str], parts: dict[str, str]) -> None:
        self._table, self._labels = table, labels
        self._columns = [SEPARATOR.join(parts[part] for part in name.split(SEPARATOR)) for name in table.columns]
        self._first = max(map(_places, [_METHOD, *labels.values()]))
        # A space stands in place of a mark, so digits stay below digits.
        self._sizes = [
            max((_places(printed(row.cells[place])) for row in table.rows), default=1)
            for place in range(len(table.columns))
        ]

    def width(self, chosen: Sequence[int]) -> int:
        """Return how many places the lines of these columns take."""
        return self._first + sum(len(_GAP) + size for size in self._widened(chosen))

    def lines(self, chosen: Sequence[int]) -> list[str]:
        """Return headings, rule, competitors, and references below a rule of their own."""
        sizes = self._widened(chosen)
        rule = "-" * (self._first + sum(len(_GAP) + size for size in sizes) - 1)

        def line(label: str, texts: Iterable[str]) -> str:
            return _GAP.join([_left(label, self._first), *texts]).rstrip()

        def body(rows: Sequence[Row]) -> list[str]:
            return [
                line(
                    self._labels[row.label],
                    [_right(printed(row.cells[i]), size) for i, size in zip(chosen, sizes, strict=True)],
                )
                for row in rows
            ]

        stacked = levels([self._columns[place] for place in chosen])
        header = []
        for level, headings in enumerate(stacked, 1):
            texts, start = [], 0
            for heading in headings:
                texts.append(_heading(heading.text, sizes[start : start + heading.span]))
                start += heading.span
            header.append(line(_METHOD if level == len(stacked) else "", texts))
        competitors, references = self._table.competitors, self._table.references
        apart = [rule] if competitors and references else []
        return [*header, rule, *body(competitors), *apart, *body(references)]

    def _widened(self, chosen: Sequence[int]) -> list[int]:
        """Return the places of each of these columns, with room for the headings above them."""
        sizes = [self._sizes[place] for place in chosen]
        for line in reversed(levels([self._columns[place] for place in chosen])):
            start = 0
            for text, span in line:
                own = range(start, start + span)
                missing = _places(text) + (1 if span == 1 else 5) - _together([sizes[place] for place in own])
                for number in range(missing if text else 0):
                    sizes[own[number % span]] += 1
                start += span
        return sizes


def printed(cell: Cell) -> str:
    """Return the text of a cell and its mark, or a space in its place, so that digits stay below digits."""
    return BELOW * cell.below + cell.text + ("*" if cell.best else UNDECIDED if cell.undecided else " ")


def _heading(text: str, sizes: Sequence[int]) -> str:
    """Return a heading over columns: above the digits of one, in the middle of a line above several."""
    room = _together(sizes)
    if len(sizes) == 1:
        return _right(f"{text} ", room)
    dashes = room - 1 - _places(text) - 2
    return f"{'-' * (dashes // 2)} {text} {'-' * (dashes - dashes // 2)} "


def _together(sizes: Sequence[int]) -> int:
    return sum(sizes) + len(_GAP) * (len(sizes) - 1)


def _shortened(names: Iterable[str], limit: int) -> dict[str, str]:
    """Return by name what is printed for it: itself, or its start and its end; no two are the same."""
    short: dict[str, str] = {}
    for name in names:
        text = _middle_out(name, limit)
        number = 1
        while text in short.values():
            number += 1
            text = f"{_middle_out(name, limit - len(str(number)) - 3)} [{number}]"
        short[name] = text
    return short


def _middle_out(name: str, limit: int) -> str:
    """Return a name of at most `limit` places, the middle left out where it is longer."""
    if _places(name) <= limit:
        return name
    start, end = name, ""
    while _places(start) > limit // 2:
        start = start[:-1]
    for character in reversed(name):
        if _places(start + _ELLIPSIS + character + end) > limit:
            break
        end = character + end
    return start + _ELLIPSIS + end


def _places(text: str) -> int:
    """Return how many places a terminal gives to a text: two to a wide letter (한, 中), none to a combining mark."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def _left(text: str, size: int) -> str:
    return text + " " * (size - _places(text))


def _right(text: str, size: int) -> str:
    return " " * (size - _places(text)) + text
