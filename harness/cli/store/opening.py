"""Open the store that a command names, and the results folders whose cells it asks about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.cli.refusal import RefusedError
from harness.results.needed import Needed, needed
from harness.store.inventory import Inventory
from harness.store.store import Store, StoreError


def existing_store(folder: Path) -> Store:
    """Return the store in a folder; RefusedError if there is none."""
    advice = "give the folder that a grid wrote with --store DIR"
    try:
        store = Store(folder)
    except StoreError as error:
        raise RefusedError(f"--store {str(folder)!r}: {error}") from None
    if not store.root.is_dir():
        raise RefusedError(f"--store {str(folder)!r} does not exist; {advice}")
    if not (store.root / "STORE.json").is_file():
        raise RefusedError(f"--store {str(folder)!r} is not a store: it has no STORE.json; {advice}")
    return store


def needed_by(option: str, folders: Sequence[Path], inventory: Inventory) -> Needed:
    """Return what the cells of results folders need; RefusedError, with the option's name, for a folder of others."""
    try:
        return needed(folders, inventory)
    except ValueError as error:
        raise RefusedError(f"{option}: {error}") from None
