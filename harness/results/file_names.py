"""Name the files of a results folder: every cell and every table has its own name, valid on file systems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.files.shown import shown
from harness.results.record import Identity
from harness.results.tables import convergence
from harness.results.tables.measures import KNOWN, further, suffix
from harness.results.tables.strata_tables import SUFFIX
from harness.results.tables.table import table_name

RUN = ".run"
TABLE_FORMS = (".md", ".csv", ".tex")
# Bytes; a file is written under a longer name, with the process's number in it, and then renamed.
LONGEST = 255 - len("..4194304.tmp")


def run_file(identity: Identity) -> str:
    return table_file(identity.name) + RUN


def table_file(name: str) -> str:
    """Return the file name without its ending; slashes of hub ids ('BAAI/bge-m3') become --, as in the hub's cache."""
    return name.replace("/", "--")


def check(cells: Sequence[Identity], with_curves: Iterable[Identity] = ()) -> None:
    """Raise ValueError if two cells or two tables would share a file, or a name is too long for a file.

    with_curves  cells with points measured during training
    """
    if len(set(cells)) < len(cells):
        twice = shown(next(cell for cell in cells if cells.count(cell) > 1).name)
        reason = "a collection's subset and limit are parts of its name"
        raise ValueError(f"two cells would be called {twice}: {reason}; rename one of the collections")
    files: dict[str, Mapping[str, Any]] = {}
    for name, parts in [*_of_cells(cells), *_of_curves(with_curves)]:
        other = files.setdefault(name, parts)
        if other != parts:
            pair = f"{_difference(other, parts)} and {_difference(parts, other)}"
            raise ValueError(f"{pair} would share the file name {shown(name)}: rename one of them")
        size = len(name.encode("utf-8"))
        if size > LONGEST:
            option, longest = max(parts.items(), key=lambda part: len(str(part[1]).encode("utf-8")))
            problem = f"{option} {shown(longest)} and the other names of its cell make a file name of {size} bytes"
            raise ValueError(f"{problem}, {LONGEST} are possible; give shorter names")


def _difference(parts: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return the names and values of `parts` that differ from those of `other`."""
    return " with ".join(f"{name} {shown(value)}" for name, value in parts.items() if other.get(name) != value)


def _of_cells(cells: Iterable[Identity]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (file name, coordinates it stands for) of the runs and of the tables."""
    for cell in cells:
        yield run_file(cell), asdict(cell)
        parts = {"collection": cell.collection, "regime": cell.regime, "architecture": cell.architecture}
        yield table_file(table_name(cell)) + TABLE_FORMS[-1], parts
        yield table_file(table_name(cell) + SUFFIX) + TABLE_FORMS[-1], parts | {"table": "strata"}
        for measure in further(KNOWN):
            yield table_file(table_name(cell) + suffix(measure)) + TABLE_FORMS[-1], parts | {"measure": measure}


def _of_curves(cells: Iterable[Identity]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (file name, coordinates it stands for) of the tables of points measured during training."""
    languages: dict[tuple[str, str], set[str]] = defaultdict(set)
    for cell in cells:
        parts = {"collection": cell.collection, "architecture": cell.architecture}
        of_language, over_languages = (table_file(name) + TABLE_FORMS[-1] for name in convergence.table_names(cell))
        yield of_language, parts | {"language": cell.language}
        together = languages[cell.collection, cell.architecture]
        together.add(cell.language)
        if len(together) == 2:  # one language has no mean
            yield over_languages, parts
