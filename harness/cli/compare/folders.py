"""`sembridge-bench compare A B`: print what changed from one results folder to another, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from harness.cli.refusal import RefusedError
from harness.results.folders_compared import Change, compare
from harness.results.matched_rows import MEASURE, Lone, match
from harness.results.query_scores import read
from harness.results.scored_cells import ScoredCell, read_cells
from harness.results.tables.measures import KNOWN
from harness.results.tables.significance import LEVEL
from harness.results.tables.terminal import paragraph, terminal_width
from sembridge.model_card.lines import columns, printable

ABOVE, BELOW, SAME, UNDECIDED, UNTESTED = "B > A", "B < A", "B = A", "B ? A", "-----"
_LEGEND = (
    f"{KNOWN[MEASURE].name} of A and B, and B - A with its 95% interval. [{ABOVE}] and [{BELOW}]: shown at "
    f"p < {LEVEL:g} (paired randomization test over queries, Holm over all rows); [{SAME}]: every query has the same "
    f"score; [{UNDECIDED}]: no difference shown; [{UNTESTED}]: not tested."
)


def compare_folders(a: Path, b: Path, *, strict: bool = False) -> int:
    """Print the comparison and return the exit code.

    It is 0; with `strict` 1 if a row of B is shown to be below A, or no row has a score in both.
    """
    try:
        matched = match(_cells(a), _cells(b))
        changes = compare(matched, read(a, MEASURE), read(b, MEASURE))
    except ValueError as error:
        raise RefusedError(str(error)) from None
    print(f"A: {a}\nB: {b}\n{paragraph(_LEGEND, terminal_width())}\n")
    for place, rows in groupby(changes, key=lambda change: change.place):
        print("\n".join([f"{', '.join(place)}", *_table(list(rows)), ""]))
    for folder in "AB":
        if lines := [_lone(each) for each in matched.lone if each.folder == folder]:
            print("\n".join([f"only in {folder}:", *lines, ""]))
    for note in matched.notes:
        print(f"note: {note}\n")
    marks = [_mark(change) for change in changes if change.difference is not None]
    alone = [sum(each.folder == folder for each in matched.lone) for folder in "AB"]
    untested = f", {count} not tested" if (count := marks.count(UNTESTED)) else ""
    print(
        f"{len(marks)} rows compared: {marks.count(ABOVE)} above A, {marks.count(BELOW)} below A, {marks.count(SAME)} "
        f"the same, {marks.count(UNDECIDED)} not shown to differ{untested}; methods only in A: {alone[0]}, only in B: "
        f"{alone[1]}"
    )
    return 1 if strict and (BELOW in marks or not marks) else 0


def _cells(results: Path) -> list[ScoredCell]:
    """Return the cells of a folder, which anyone may have made, with names that change nothing on a terminal."""
    texts = [field.name for field in fields(ScoredCell) if field.type == "str"]
    cells = []
    for cell in read_cells(results):
        names: dict[str, Any] = {name: printable(getattr(cell, name)) for name in texts}
        cells.append(replace(cell, **names))
    return cells


def _mark(change: Change) -> str:
    if change.p is None:
        return UNTESTED
    if change.equal:
        return SAME
    return ABOVE if change.above else BELOW if change.below else UNDECIDED


def _table(changes: Sequence[Change]) -> list[str]:
    rows = [["", "", "", "A", "B", "B - A", "", ""]]
    for change in changes:
        scores = ["" if score is None else f"{score:.3f}" for score in (change.a, change.b)]
        difference = "" if change.difference is None else f"{change.difference:+.3f}"
        interval = "" if change.low is None or change.high is None else f"[{change.low:+.3f}, {change.high:+.3f}]"
        names = [f"[{_mark(change)}]", change.label, change.language]
        rows.append([*names, *scores, difference, interval, change.note])
    return columns(rows)


def _lone(lone: Lone) -> str:
    other = "B" if lone.folder == "A" else "A"
    twin = f"; {other} has it as {lone.other_label!r}, another method" if lone.other_label else ""
    return f"  {', '.join(lone.place)}: {lone.label} ({', '.join(lone.languages)}){twin}"
