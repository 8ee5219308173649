"""Say which artifacts of a store the cells of results folders need, from what both have recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.evaluation.strata import STRATA
from harness.results.measurement import FILE
from harness.results.record import OK
from harness.results.scored_cells import ScoredCell, read_cells
from harness.store.inventory import Entry, Inventory, recorded_inputs

COLLECTION = "collection"


class Needed(NamedTuple):
    """What results folders need.

    keys     of the artifacts, over any number of steps
    cells    how many cells the folders have
    missing  (folder, cell) of the cells that the store has no measurement of
    unclear  keys of needed artifacts whose inputs the store cannot tell: those of `missing`, and of damaged manifests
    """

    keys: set[str]
    cells: int
    missing: list[tuple[Path, ScoredCell]]
    unclear: set[str]


def needed(folders: Sequence[Path], inventory: Inventory) -> Needed:
    """Return what the cells of these results folders need.

    Raises ValueError for a folder without cells, and for one whose finished cells are all missing from the store: it
    belongs to another one.
    """
    roots, missing, count = set[str](), [], 0
    for folder in folders:
        cells = read_cells(folder)
        finished = [cell for cell in cells if cell.status == OK]
        if finished and not any(cell.key in inventory.artifacts for cell in finished):
            raise ValueError(
                f"{str(folder)!r}: the store has none of its {len(finished):,} finished cells; name the store of that "
                "run with --store DIR"
            )
        count += len(cells)
        missing += [(folder, cell) for cell in cells if cell.key not in inventory.artifacts]
        for cell in cells:
            roots |= roots_of(cell, inventory)
    keys, unclear = inventory.closure(roots)
    return Needed(keys, count, missing, unclear)


def cell_name(cell: ScoredCell) -> str:
    """Return the name of a cell, which is also the name of its file in runs/."""
    return cell.identity.name


def roots_of(cell: ScoredCell, inventory: Inventory) -> set[str]:
    """Return the keys of the artifacts that tables read for a cell: its measurement, and strata of its collection."""
    measured = inventory.artifacts.get(cell.key)
    return {cell.key} | (set() if measured is None else _strata_keys(measured, inventory))


def is_measurement(entry: Entry) -> bool:
    """Return whether an artifact holds the scores of a cell, from which nothing else is made."""
    files = entry.manifest.get("files")
    return isinstance(files, dict) and FILE in files


def _strata_keys(measured: Entry, inventory: Inventory) -> set[str]:
    """Return the strata of the collection of a measurement, which records the collection but not its strata."""
    collection = _collection(measured.manifest)
    strata = (entry for entry in inventory.artifacts.values() if entry.stage == STRATA.name)
    return {entry.key for entry in strata if collection is not None and _collection(entry.manifest) == collection}


def _collection(manifest: Mapping[str, Any]) -> Any:
    return dict(recorded_inputs(manifest)).get(COLLECTION)
