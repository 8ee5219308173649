"""Know which cells an earlier call wrote into a results folder, and which of their rows the next one does not keep."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from harness.results.record import OK, Identity
from harness.results.tables.spreadsheet import as_text
from sembridge.options import alpha_number

_NAMED = 3  # rows that a sentence names


class EarlierCell(NamedTuple):
    """A row of a cells.csv, its names as they stand there."""

    identity: Identity
    key: str
    status: str


def earlier_cells(path: Path) -> list[EarlierCell] | None:
    """Return the rows of a cells.csv; None where there is no such file, or where it is not one of ours."""
    cells = []
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                parts = {"vectors": "", **row}  # which earlier versions did not write
                parts = {field.name: parts[field.name] for field in fields(Identity)}
                typed = {"alpha": alpha_number(parts["alpha"]) if parts["alpha"] else None, "seed": int(parts["seed"])}
                identity = Identity(**{**parts, **typed})  # type: ignore[arg-type]
                cells.append(EarlierCell(identity, row.get("key") or "", row.get("status") or ""))
    except (OSError, KeyError, TypeError, ValueError, csv.Error):
        return None
    return cells


def lost_rows(results: Path, planned: Iterable[Identity], keys: Collection[str]) -> list[str]:
    """Return a sentence for the rows of an earlier grid in `results` that a grid removes, and for those it replaces.

    planned  the cells of the grid that is about to write there
    keys     of all artifacts that it may have its scores from: a finished row of another one is replaced
    """
    rows, cells = earlier_cells(results / "cells.csv") or [], {_as_written(identity) for identity in planned}
    removed = [row.identity for row in rows if row.identity not in cells]
    other = [
        row.identity for row in rows if row.identity in cells and row.status == OK and row.key and row.key not in keys
    ]
    sentences = []
    if removed:
        rows_of, them = _counted(removed)
        sentences.append(
            f"--results {results} holds {rows_of} of an earlier grid that this grid does not have ({_names(removed)}); "
            f"it removes {them}, with runs and tables; to keep {them}, give another folder with --results"
        )
    if other:
        rows_of, them = _counted(other)
        sentences.append(
            f"--results {results} holds {rows_of} that this grid computes from other settings, inputs or versions "
            f"({_names(other)}); it replaces {them}; to keep {them}, give another folder with --results"
        )
    return sentences


def _counted(identities: Sequence[Identity]) -> tuple[str, str]:
    """Return ("4 rows", "them"), or the same for one."""
    return ("1 row", "it") if len(identities) == 1 else (f"{len(identities):,} rows", "them")


def _names(identities: Sequence[Identity]) -> str:
    more = len(identities) - _NAMED
    return ", ".join(identity.name for identity in identities[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _as_written(identity: Identity) -> Identity:
    """Return the identity with its names as cells.csv has them."""
    names = [field.name for field in fields(Identity)]
    texts: dict[str, Any] = {
        name: as_text(value)
        for name, value in zip(names, astuple(identity), strict=True)
        if isinstance(value, str) and name != "regime"
    }
    return replace(identity, **texts)
