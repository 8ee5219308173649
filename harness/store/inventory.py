"""List what lies in a store: artifacts with their sizes and states, and what interrupted or damaged work left there.

What an artifact is made from is in its MANIFEST.json: each input has a name `<stage>/<key>` where it is an artifact.
Nothing here plans a grid, and nothing is changed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.store.in_use import is_locked
from harness.store.integrity import MANIFEST, damage
from harness.store.store import NO_STAGES, Store

COMPLETE, RUNNING, DAMAGED = "complete", "running", "damaged"
SET_ASIDE, CHECKPOINT, LEFT_OVER = "set aside", "checkpoint", "left over"
STATES = {
    COMPLETE: "as it was published",
    RUNNING: "being computed now",
    DAMAGED: "its files are not those that were published; a grid that needs it computes it again",
    SET_ASIDE: "was damaged, and a grid moved it to damaged/; nothing reads it",
    CHECKPOINT: "where an interrupted stage goes on",
    LEFT_OVER: "half-written by a run that was killed, or half-deleted; nothing reads it",
}
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Entry:
    """One folder in a store.

    stage, key  "scratch" is the stage of a checkpoint
    size        bytes of its files
    written     seconds of the epoch
    reason      what is wrong with a damaged one, in a few words
    manifest    {} where there is none that can be read
    """

    stage: str
    key: str
    folder: Path
    state: str
    size: int
    written: float
    reason: str = ""
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.stage}/{self.key}"

    @property
    def is_artifact(self) -> bool:
        """Return whether it lies where runs look for it, whole or damaged."""
        return self.state in (COMPLETE, DAMAGED)

    @property
    def inputs(self) -> dict[str, str]:
        """Return by name the keys of the artifacts that it was made from."""
        keys = {name: key for name, described in recorded_inputs(self.manifest) if (key := key_of(described))}
        return dict(sorted(keys.items()))


def recorded_inputs(manifest: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, description) of the inputs of an artifact, as far as they can be read."""
    inputs = manifest.get("inputs")
    for name, described in inputs.items() if isinstance(inputs, dict) else ():
        if isinstance(described, dict) and isinstance(described.get("name"), str):
            yield name, described


def key_of(described: Mapping[str, Any]) -> str | None:
    """Return the key of the artifact that an input is, or lies in; None for a folder, a file or a hub model.

    Stores of earlier versions name the artifact by its absolute path.
    """
    if described.get("revision") is not None or described.get("content") is not None:
        return None
    return next((part for part in described["name"].split("/")[1:] if _KEY.fullmatch(part)), None)


class Inventory:
    """The entries of a store at one moment, by stage, the largest first, and what reads what."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = sorted(entries, key=lambda entry: (entry.stage, -entry.size, entry.key))
        self.artifacts = {entry.key: entry for entry in self.entries if entry.is_artifact}

    @classmethod
    def of(cls, store: Store, verify: bool = False) -> Inventory:
        """Return what the store holds now.

        verify  read every file and compare it with what was published; else only sizes are compared
        """
        return cls(_entries(store, verify))

    def closure(self, keys: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return the keys of these artifacts and of all they were made from, and those whose inputs are not known.

        Not known are inputs of artifacts whose manifest is damaged, and of `keys` that the store lacks. An artifact
        that is missing further down is not needed by anything: what was made from it is complete.
        """
        stack = list(keys)
        needed, unknown = set[str](), {key for key in stack if key not in self.artifacts}
        while stack:
            key = stack.pop()
            if key in needed or key not in self.artifacts:
                continue
            needed.add(key)
            entry = self.artifacts[key]
            if entry.manifest.get("key") != key:
                unknown.add(key)
            stack.extend(entry.inputs.values())
        return needed, unknown

    @cached_property
    def readers(self) -> dict[str, list[Entry]]:
        """Return by key the artifacts that were made from an artifact directly."""
        readers: dict[str, list[Entry]] = {}
        for entry in self.artifacts.values():
            for key in set(entry.inputs.values()):
                readers.setdefault(key, []).append(entry)
        return readers

    def made_from(self, key: str) -> set[str]:
        """Return the keys of all artifacts that were made from this one, over any number of steps, and its own."""
        made, stack = set[str](), [key]
        while stack:
            if (last := stack.pop()) not in made:
                made.add(last)
                stack.extend(reader.key for reader in self.readers.get(last, []))
        return made


def _entries(store: Store, verify: bool) -> Iterator[Entry]:
    root = store.root
    for stage in sorted(path for path in root.iterdir() if path.is_dir() and path.name not in NO_STAGES):
        for folder in sorted(stage.iterdir()):
            if _KEY.fullmatch(folder.name):
                yield _artifact(stage.name, folder, verify)
            yield from _left_over(stage.name, folder, store)
    for folder in sorted((root / "scratch").glob("*")):
        yield from _left_over("scratch", folder)
        if _KEY.fullmatch(folder.name):
            state = RUNNING if is_locked(store.lock_path(folder.name)) else CHECKPOINT
            yield _other("scratch", folder.name, folder, state)
    for folder in sorted((root / "damaged").glob("*")):
        yield from _left_over("damaged", folder)
        _, _, name = folder.name.partition("-")
        stage_name, _, key = name.rpartition("-")
        if _KEY.fullmatch(key):
            yield _other(stage_name, key, folder, SET_ASIDE)


def _left_over(stage: str, folder: Path, store: Store | None = None) -> Iterator[Entry]:
    """Yield a folder with a name as unfinished work has; a store: it may be work that goes on."""
    key = folder.name[1:].partition("-")[0]
    if folder.name.startswith(".") and _KEY.fullmatch(key):
        is_running = store is not None and is_locked(store.lock_path(key))
        yield _other(stage, key, folder, RUNNING if is_running else LEFT_OVER)


def _artifact(stage: str, folder: Path, verify: bool) -> Entry:
    reason = damage(folder, folder.name, digests=verify)
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        written = (folder / MANIFEST).stat().st_mtime
    except (OSError, ValueError):
        manifest, written = {}, _written(folder)
    manifest = manifest if isinstance(manifest, dict) else {}
    return Entry(stage, folder.name, folder, DAMAGED if reason else COMPLETE, size(folder), written, reason, manifest)


def _other(stage: str, key: str, folder: Path, state: str) -> Entry:
    return Entry(stage, key, folder, state, size(folder), _written(folder))


def _written(folder: Path) -> float:
    try:
        return os.lstat(folder).st_mtime
    except OSError:  # a run finished or removed it meanwhile
        return 0.0


def size(folder: Path) -> int:
    """Return the bytes of the files in a folder; 0 for a link, whose target lies elsewhere."""
    total = 0
    if folder.is_symlink():
        return total
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total
