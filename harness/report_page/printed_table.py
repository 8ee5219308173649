"""Read the tables of a results folder as they were written: the marks of a table are in its Markdown alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.results.tables.table import UNDECIDED

_ESCAPED = re.compile(r"\\([\\`*|<\[])")
ITEM = "- "
_FOR_REFERENCE = "*for reference*"


@dataclass(frozen=True)
class PrintedCell:
    """Hold a cell as it is printed. undecided: not the best, but not shown to be worse either."""

    text: str
    best: bool = False
    undecided: bool = False


@dataclass(frozen=True)
class PrintedRow:
    label: str
    cells: tuple[PrintedCell, ...]
    reference: bool = False


@dataclass(frozen=True)
class PrintedTable:
    """Hold a table as it is printed, competitors before references; captions and notes: paragraphs above and below."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[PrintedRow, ...]
    notes: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()


def tables(text: str) -> Iterator[PrintedTable]:
    """Yield the tables of a file that `rendering.to_markdown` wrote."""
    for part in re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]:
        title, _, content = part.partition("\n")
        lines = [line for line in content.split("\n") if line]
        rows = [_cells(line) for line in lines if line.startswith("| ")]
        if len(rows) < 2:
            continue
        (_, *columns), _, *below = rows
        first = next(place for place, line in enumerate(lines) if line.startswith("| "))
        captions = tuple(map(_plain, lines[:first]))
        notes = tuple(_plain(line) for line in lines[first:] if not line.startswith("| "))
        yield PrintedTable(_plain(title), tuple(map(_plain, columns)), tuple(_rows(below)), notes, captions)


def _rows(rows: list[list[str]]) -> Iterator[PrintedRow]:
    reference = False
    for label, *cells in rows:
        if label == _FOR_REFERENCE:
            reference = True
        else:
            yield PrintedRow(_plain(label), tuple(map(_cell, cells)), reference)


def _cells(line: str) -> list[str]:
    r"""Return the cells of a line; a | behind a backslash is a part of its cell."""
    cells, cell, characters = [], "", iter(line.removeprefix("|"))
    for character in characters:
        if character == "\\":
            cell += character + next(characters, "")
        elif character == "|":
            cells.append(cell.removeprefix(" ").removesuffix(" "))
            cell = ""
        else:
            cell += character
    return cells


def _cell(text: str) -> PrintedCell:
    if text.endswith("**"):  # a mark may stand before the bold number
        mark, _, number = text.removesuffix("**").partition("**")
        return PrintedCell(mark + number, best=True)
    return PrintedCell(text.removesuffix(UNDECIDED), undecided=text.endswith(UNDECIDED))


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
