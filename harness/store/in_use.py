"""Say which artifacts a run needs while it goes on, so that `sembridge-bench store gc` leaves them alone.

    store/in-use/<name>.json   the keys that one run needs
    store/in-use/<name>.lock   locked as long as that run lives; the system unlocks it when the run is killed

Whoever registers, and whoever deletes, holds the lock `deletion` meanwhile: a run sees an artifact before it is
deleted and keeps it, or afterwards and computes it.
"""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from harness.files.atomic import write_json
from harness.store.store import Store, StoreError

FOLDER = "in-use"


@contextmanager
def using(store: Store, keys: Iterable[str]) -> Iterator[None]:
    """Keep the artifacts with these keys from being deleted while the block runs; StoreError if that fails."""
    name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    file, alive = store.root / FOLDER / f"{name}.json", FileLock(store.root / FOLDER / f"{name}.lock")
    try:
        file.parent.mkdir(exist_ok=True)
        with deletion_lock(store):
            alive.acquire()
            write_json(file, {"keys": sorted(keys)})
    except OSError as error:
        reason = f"store {store.root} cannot be written ({error.strerror})"
        raise StoreError(f"{reason}; choose another folder with --store DIR") from None
    try:
        yield
    finally:
        _forget(file)
        alive.release()


def deletion_lock(store: Store) -> FileLock:
    """Return the lock under which runs register and artifacts are deleted."""
    return FileLock(store.lock_path("deletion"))


def keys_in_use(store: Store, forget_ended: bool = False) -> tuple[set[str], int]:
    """Return the keys that runs which go on now need, and how many such runs there are.

    forget_ended  remove what killed runs left here; the caller holds `deletion_lock`

    Raises StoreError if a run's file cannot be read: what that run needs is not known.
    """
    keys, runs = set[str](), 0
    for file in sorted((store.root / FOLDER).glob("*.json")):
        if not is_locked(file.with_suffix(".lock")):
            if forget_ended:
                _forget(file)
            continue
        try:
            keys.update(json.loads(file.read_bytes())["keys"])
        except FileNotFoundError:  # the run ended just now
            continue
        except (OSError, ValueError, LookupError, TypeError):
            raise StoreError(f"{file} cannot be read, and its run goes on; wait until that has ended") from None
        runs += 1
    if forget_ended:
        for lock in (store.root / FOLDER).glob("*.lock"):
            if not lock.with_suffix(".json").is_file() and not is_locked(lock):
                lock.unlink(missing_ok=True)
    return keys, runs


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock file; False where there is none, or where nobody may lock."""
    if not path.is_file():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _forget(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.with_suffix(".lock").unlink(missing_ok=True)
