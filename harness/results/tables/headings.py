"""Stack the parts of the columns' names ("pocket-faq, zero-shot, low"), and let columns that share a part share it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

SEPARATOR = ", "


class Heading(NamedTuple):
    """Hold a part of a name, and over how many columns it stands."""

    text: str
    span: int


def levels(columns: Sequence[str]) -> list[list[Heading]]:
    """Return the lines of headings, the last of which has one for each column; "" where a name has fewer parts."""
    names = _stacked(columns)
    height = len(names[0]) if names else 0
    lines = []
    for level in range(height):
        line: list[Heading] = []
        for place, name in enumerate(names):
            shared = level < height - 1 and line and name[level] and names[place - 1][: level + 1] == name[: level + 1]
            if shared:
                line[-1] = Heading(line[-1].text, line[-1].span + 1)
            else:
                line.append(Heading(name[level], 1))
        lines.append(line)
    return lines


def groups(columns: Sequence[str]) -> list[list[int]]:
    """Return the places of the columns, those together that differ in the last part of their names alone."""
    runs: list[list[int]] = []
    names = _stacked(columns)
    for place, name in enumerate(names):
        if runs and any(name[:-1]) and names[place - 1][:-1] == name[:-1]:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def blocks(columns: Sequence[str], width_of: Callable[[Sequence[int]], float], room: int) -> list[list[int]]:
    """Return the places of the columns in as few blocks as `room` allows, in order, the widest as narrow as possible.

    Groups stay together where they fit into a block of their own. A column that does not fit anywhere has its own.
    """
    few = _greedy(columns, width_of, room)
    kept = [width for group in groups(columns) if (width := width_of(group)) <= room]
    enough, too_little = room, max([0, *(math.ceil(width) - 1 for width in kept)])
    while enough - too_little > 1:
        middle = (enough + too_little) // 2
        narrow = _greedy(columns, width_of, middle)
        if len(narrow) == len(few) and all(width_of(block) <= middle for block in narrow):
            few, enough = narrow, middle
        else:
            too_little = middle
    return few


def _greedy(columns: Sequence[str], width_of: Callable[[Sequence[int]], float], room: int) -> list[list[int]]:
    def fits(places: Sequence[int]) -> bool:
        return width_of(places) <= room

    placed: list[list[int]] = [[]]
    for group in groups(columns):
        for part in [group] if fits(group) else [[place] for place in group]:
            if placed[-1] and not fits([*placed[-1], *part]):
                placed.append([])
            placed[-1].extend(part)
    return placed


def _stacked(columns: Sequence[str]) -> list[list[str]]:
    """Return the parts of each name, with "" before the first where others have more."""
    names = [column.split(SEPARATOR) for column in columns]
    height = max(map(len, names), default=0)
    return [[""] * (height - len(name)) + name for name in names]
