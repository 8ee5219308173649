"""Delete artifacts that nothing needs, beside runs that go on, and so that a crash leaves nothing half-deleted.

A folder is renamed first, to a name under which no run looks for an artifact, and its files are deleted afterwards.
What a crash leaves in between is removed by the next run, or by the next deletion.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from harness.store.in_use import is_locked
from harness.store.inventory import CHECKPOINT, LEFT_OVER, RUNNING, SET_ASIDE, Entry, Inventory
from harness.store.store import Store

_LOCK = re.compile(r"([0-9a-f]{32})\.lock")


class Deleted(NamedTuple):
    """What came of a deletion.

    aside   (entry, the folder it was renamed to), to be removed
    locked  left alone, since a run locked them meanwhile
    failed  (entry, why it could not be renamed)
    """

    aside: list[tuple[Entry, Path]]
    locked: list[Entry]
    failed: list[tuple[Entry, str]]


def computing(store: Store) -> set[str]:
    """Return the keys of the artifacts that a process has locked: it computes, repairs or deletes them."""
    locks = ((match[1], path) for path in (store.root / "locks").glob("*") if (match := _LOCK.fullmatch(path.name)))
    return {key for key, path in locks if is_locked(path)}


def unneeded(inventory: Inventory, needed: set[str], spare: Callable[[Entry], bool] | None = None) -> list[Entry]:
    """Return the entries that can go: all but what is `needed`, by key, what is being computed, and what is spared.

    spare  says of an artifact, or of a checkpoint, whether it stays although it is not known to be needed
    """
    gone = []
    for entry in inventory.entries:
        if entry.state in (SET_ASIDE, LEFT_OVER):
            gone.append(entry)
        elif entry.state == RUNNING or entry.key in needed:
            continue
        elif (entry.state == CHECKPOINT or entry.is_artifact) and (spare is None or not spare(entry)):
            gone.append(entry)
    return gone


def set_aside(store: Store, entries: Iterable[Entry]) -> Deleted:
    """Rename the entries, each under its lock, so that no run finds them. The caller holds `in_use.deletion_lock`."""
    deleted = Deleted([], [], [])
    for entry in entries:
        aside = entry.folder
        try:
            with FileLock(store.lock_path(entry.key), timeout=0):
                if entry.state != LEFT_OVER:
                    aside = entry.folder.with_name(f".{entry.key}-{uuid.uuid4().hex[:8]}")
                    os.rename(entry.folder, aside)
        except Timeout:
            deleted.locked.append(entry)
        except FileNotFoundError:  # another deletion was faster
            continue
        except OSError as error:
            deleted.failed.append((entry, error.strerror or str(error)))
        else:
            deleted.aside.append((entry, aside))
    return deleted


def remove(deleted: Deleted) -> list[Entry]:
    """Remove what was renamed; return the entries of which some files could not be removed."""
    left = []
    for entry, folder in deleted.aside:
        if folder.is_symlink():
            folder.unlink(missing_ok=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            left.append(entry)
    return left
