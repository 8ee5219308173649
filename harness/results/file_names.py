"""The names of the files in a folder of results: one of its own for every cell and every table, that a file system takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.files.shown import shown
from harness.results import convergence
from harness.results.record import Identity
from harness.results.tables import table_name

RUN = ".run"
TABLE_FORMS = (".md", ".csv", ".tex")
LONGEST = 255 - len(
    "..4194304.tmp"
)  # bytes; a file is written under a longer name, with the process's number in it, and then renamed


def run_file(identity: Identity) -> str:
    return table_file(identity.name) + RUN


def table_file(name: str) -> str:
    """Without its ending. A hub id has a slash ('BAAI/bge-m3'): written as in the hub's own cache."""
    return name.replace("/", "--")


def check(cells: Sequence[Identity], with_curves: Iterable[Identity] = ()) -> None:
    """ValueError, one line, if two cells or two tables would share a file, one of them being lost, or a name is too long for a file.

    with_curves  cells whose trainings are measured on their way
    """
    if len(set(cells)) < len(cells):
        twice = shown(next(cell for cell in cells if cells.count(cell) > 1).name)
        raise ValueError(
            f"two cells would be called {twice}: a collection's subset and limit are parts of its name; rename one of the collections"
        )
    files: dict[str, Mapping[str, Any]] = {}
    for name, parts in [*_of_cells(cells), *_of_curves(with_curves)]:
        other = files.setdefault(name, parts)
        if other != parts:
            raise ValueError(
                f"{_apart(other, parts)} and {_apart(parts, other)} would share the file name {shown(name)}: rename one of them"
            )
        size = len(name.encode("utf-8"))
        if size > LONGEST:
            option, longest = max(parts.items(), key=lambda part: len(str(part[1]).encode("utf-8")))
            said = f"{option} {shown(longest)} and the other names of its cell make a file name of {size} bytes"
            raise ValueError(f"{said}, {LONGEST} are possible; give shorter names")


def _apart(parts: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """What tells the one from the other."""
    return " with ".join(f"{name} {shown(value)}" for name, value in parts.items() if other.get(name) != value)


def _of_cells(cells: Iterable[Identity]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(file name, what it stands for) of the runs, and of the tables."""
    for cell in cells:
        yield run_file(cell), asdict(cell)
        yield (
            table_file(table_name(cell)) + TABLE_FORMS[-1],
            {"collection": cell.collection, "regime": cell.regime, "architecture": cell.architecture},
        )


def _of_curves(cells: Iterable[Identity]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    languages: dict[tuple[str, str], set[str]] = defaultdict(set)
    for cell in cells:
        parts = {"collection": cell.collection, "architecture": cell.architecture}
        of_language, over_languages = (table_file(name) + TABLE_FORMS[-1] for name in convergence.table_names(cell))
        yield of_language, parts | {"language": cell.language}
        together = languages[cell.collection, cell.architecture]
        together.add(cell.language)
        if len(together) == 2:  # of one language there is no mean
            yield over_languages, parts
