"""The store: artefacts by content, published atomically, never changed.

    store/STORE.json                 format of the store
    store/<stage>/<key>/...          one artefact, with MANIFEST.json (files, sizes, sha256, seconds) written last
    store/scratch/<key>/             checkpoints of a stage that can go on where it was killed
    store/locks/                     one lock file per artefact in the making

Two runs may share a store: whoever takes the lock first computes, the other waits and reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from harness.grid.artefact import Artefact, Hub, Local, Location, Member, Source
from harness.grid.stages import STAGES

FORMAT = 1
MANIFEST = "MANIFEST.json"


class StoreError(ValueError):
    """The store cannot be used as it is; the message names the next step."""


class Store:
    """One folder of artefacts. Creating the object checks the format and touches nothing else."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        marker = self.root / "STORE.json"
        if marker.is_file():
            found = json.loads(marker.read_text(encoding="utf-8")).get("format")
            if found != FORMAT:
                raise StoreError(f"store {self.root} has format {found}, this version writes format {FORMAT}; choose another folder with --store DIR")
        elif self.root.is_dir() and any(self.root.iterdir()):
            raise StoreError(f"folder {self.root} is not empty and no store of this project; choose another folder with --store DIR")

    def create(self) -> None:
        """Make the folder ready for writing; StoreError if it cannot be written."""
        try:
            (self.root / "locks").mkdir(parents=True, exist_ok=True)
            marker = self.root / "STORE.json"
            if not marker.is_file():
                _write_json(marker, {"format": FORMAT})
            self._sweep()
        except OSError as error:
            raise StoreError(f"store {self.root} cannot be written ({error.strerror}); choose another folder with --store DIR") from None

    def path(self, artefact: Artefact) -> Path:
        return self.root / artefact.stage / artefact.key

    def has(self, artefact: Artefact) -> bool:
        return (self.path(artefact) / MANIFEST).is_file()

    def locate(self, source: Source) -> Location:
        """Where to read an input."""
        match source:
            case Local(path=path):
                return Location(str(path))
            case Hub(name, revision):
                return Location(name, revision)
            case Member(artefact, inner):
                return Location(str(self.path(artefact) / inner))
            case Artefact():
                return Location(str(self.path(source)))

    def make(self, artefact: Artefact) -> bool:
        """Compute an artefact, and what it needs, unless it is here already; True if this call computed it."""
        if self.has(artefact):
            return False
        for child in artefact.needed:
            self.make(child)
        with FileLock(self._lock(artefact.key)):
            if self.has(artefact):  # somebody else made it while we waited
                return False
            self._publish(artefact)
            return True

    def _publish(self, artefact: Artefact) -> None:
        final = self.path(artefact)
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{artefact.key}-", dir=final.parent))
        try:
            inputs = {name: self.locate(source) for name, source in artefact.inputs.items()}
            start = time.perf_counter()
            stage, scratch = STAGES[artefact.stage], self.root / "scratch" / artefact.key
            extra = {}
            if stage.scratch:
                scratch.mkdir(parents=True, exist_ok=True)
                extra["scratch"] = scratch
            stage.load()(aside, dict(artefact.parameters), inputs, **extra)
            _write_json(aside / MANIFEST, _manifest(aside, artefact, inputs, time.perf_counter() - start))
            os.replace(aside, final)
            shutil.rmtree(scratch, ignore_errors=True)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def seconds(self, stage: str) -> float:
        """Expected seconds of a stage: the median of what this store measured, or the stage's first guess."""
        measured = []
        for manifest in sorted(self._manifests(stage))[:50]:
            measured.append(json.loads(manifest.read_text(encoding="utf-8"))["seconds"])
        return statistics.median(measured) if measured else STAGES[stage].seconds

    def measured(self, stage: str) -> bool:
        """Whether `seconds` is more than a first guess."""
        return any(self._manifests(stage))

    def _manifests(self, stage: str) -> Iterator[Path]:
        return (self.root / stage).glob(f"*/{MANIFEST}")

    def _sweep(self) -> None:
        """Remove what killed runs left half-written: folders with a temporary name whose lock nobody holds."""
        for stage in STAGES:
            for aside in (self.root / stage).glob(".*"):
                try:
                    with FileLock(self._lock(aside.name[1:].partition("-")[0]), timeout=0):
                        shutil.rmtree(aside, ignore_errors=True)
                except Timeout:  # another run is writing it
                    continue

    def _lock(self, key: str) -> Path:
        return self.root / "locks" / f"{key}.lock"


def _manifest(folder: Path, artefact: Artefact, inputs: Mapping[str, Location], seconds: float) -> dict:
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            files[path.relative_to(folder).as_posix()] = {
                "bytes": path.stat().st_size,
                "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
            }
    return {
        "stage": artefact.stage,
        "version": STAGES[artefact.stage].version,
        "key": artefact.key,
        "parameters": dict(artefact.parameters),
        "inputs": {name: {"name": location.name, "revision": location.revision} for name, location in inputs.items()},
        "seconds": seconds,
        "files": files,
    }


def _write_json(path: Path, content: dict) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(aside, path)
