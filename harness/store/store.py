"""The store: artifacts by content, published atomically, never changed.

    store/STORE.json                 format of the store
    store/<stage>/<key>/...          one artifact, with MANIFEST.json (files, sizes, sha256, seconds) written last
    store/scratch/<key>/             checkpoints of a stage that can continue where it was killed
    store/locks/                     one lock file per artifact that is being computed
    store/running/<key>.json         how far an artifact is that is being computed (`harness.files.headway`)
    store/in-use/                    what running grids need (`harness.store.in_use`)
    store/damaged/N-<stage>-<key>/   the last artifacts that differed from what had been published

Two runs may share a store: the one that takes the lock first computes, the other waits and reads. Every artifact is
verified before it is read (`harness.store.integrity`); a damaged one is set aside and computed again.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.files import headway
from harness.files.atomic import write_json
from harness.files.permissions import let_others_read
from harness.store.artifact import Artifact, Hub, Local, Location, Member, Source
from harness.store.integrity import MANIFEST, damage, digest_of
from harness.store.stage import Stage

FORMAT = 1
KEPT = 10  # damaged artifacts that a store keeps; the next one replaces the oldest
ROUNDS = 3  # times that an artifact is computed while its inputs turn out to be damaged

NO_STAGES = ("scratch", "locks", "damaged", "running", "in-use")  # folders of a store that hold no artifacts
_CHOOSE = "choose another folder with --store DIR"

logger = logging.getLogger(__name__)


class StoreError(ValueError):
    """The store cannot be used; the message names the next step."""


class Store:
    """One folder of artifacts. Creating the object checks the format and touches nothing else.

    damage_notes  one line for each artifact that this object found damaged and set aside
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        self.damage_notes: list[str] = []
        self._marker = self.root / "STORE.json"
        if self._marker.is_file():
            try:
                store_format = json.loads(self._marker.read_bytes())["format"]
            except (OSError, ValueError, LookupError, TypeError):
                advice = f'if {self.root} is a store, write {{"format": {FORMAT}}} into it'
                raise StoreError(f"{self._marker} cannot be read; {advice}") from None
            if store_format != FORMAT:
                raise StoreError(
                    f"store {self.root} has format {store_format}, this version writes format {FORMAT}; {_CHOOSE}"
                )
        elif self.root.is_dir() and any(self.root.iterdir()):
            raise StoreError(f"folder {self.root} is not empty and not a store of this project; {_CHOOSE}")

    def create(self) -> None:
        """Make the folder ready for writing; StoreError if it cannot be written."""
        try:
            (self.root / "locks").mkdir(parents=True, exist_ok=True)
            if not self._marker.is_file():
                write_json(self._marker, {"format": FORMAT})
            self._sweep()
        except OSError as error:
            raise StoreError(f"store {self.root} cannot be written ({error.strerror}); {_CHOOSE}") from None

    def path(self, artifact: Artifact) -> Path:
        return self.root / artifact.stage.name / artifact.key

    def has(self, artifact: Artifact) -> bool:
        return (self.path(artifact) / MANIFEST).is_file()

    def locate(self, source: Source) -> Location:
        """Return where to read an input."""
        match source:
            case Local(path=path):
                return Location(str(path))
            case Hub(name, revision):
                return Location(name, revision)
            case Member(artifact, inner):
                return Location(str(self.path(artifact) / inner))
            case Artifact():
                return Location(str(self.path(source)))

    def make(self, artifact: Artifact, batch_divisor: int = 1) -> bool:
        """Compute an artifact and the artifacts it needs, unless the store has it; return whether it did.

        An artifact that the store has is verified. Inputs are verified before and after they are read. Raises
        StoreError if the folder has disappeared, and whatever the stage raises.

        batch_divisor  how many times smaller than usual batches must be, where `Stage.has_batches`
        """
        self.check_there()
        if self.intact(artifact):
            return False
        for _ in range(ROUNDS):
            inputs_recomputed = any([self.make(child, batch_divisor) for child in artifact.needed])
            with FileLock(self.lock_path(artifact.key)):
                if self.intact(artifact):  # another run computed it while this one waited
                    return False
                self._set_aside(artifact)
                scratch = self.root / "scratch" / artifact.key
                if inputs_recomputed:  # checkpoints were made from the earlier inputs
                    shutil.rmtree(scratch, ignore_errors=True)
                if self._publish(artifact, scratch, batch_divisor):
                    return True
                shutil.rmtree(scratch, ignore_errors=True)
        raise StoreError(
            f"inputs of {artifact.stage} {artifact.key} were damaged again and again while they were read; "
            f"check the disk of {self.root}"
        )

    def intact(self, artifact: Artifact) -> bool:
        """Return whether the store has the artifact exactly as it was published."""
        return not damage(self.path(artifact), artifact.key)

    def set_aside_damaged(self, artifacts: Iterable[Artifact]) -> list[Artifact]:
        """Set aside those of `artifacts` that are damaged, and return them; from now on they are missing."""
        damaged = []
        for artifact in artifacts:
            if self.path(artifact).exists() and not self.intact(artifact):
                with FileLock(self.lock_path(artifact.key)):
                    if not self.intact(artifact):  # another run may have repaired it
                        self._set_aside(artifact)
                        damaged.append(artifact)
        return damaged

    def check_there(self) -> None:
        """Raise StoreError if the folder is no longer a store: removed, or not mounted."""
        if not self._marker.is_file():
            raise StoreError(f"store {self.root} is no longer there; bring it back, and the same command goes on")

    def _publish(self, artifact: Artifact, scratch: Path, batch_divisor: int) -> bool:
        """Run the stage and rename its folder into place; return False if an input was damaged meanwhile."""
        final = self.path(artifact)
        final.parent.mkdir(exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{artifact.key}-", dir=final.parent))
        try:
            inputs = {name: self.locate(source) for name, source in artifact.inputs.items()}
            start = time.perf_counter()
            stage = artifact.stage
            extra: dict[str, Any] = {}
            if stage.has_scratch:
                scratch.mkdir(parents=True, exist_ok=True)
                extra["scratch"] = scratch
            if stage.has_batches:
                extra["batch_divisor"] = batch_divisor
            try:
                with headway.reporting(self._running / f"{artifact.key}.json"):
                    stage.build(aside, dict(artifact.parameters), inputs, **extra)
            except Exception:
                self.check_there()
                if self._inputs_intact(artifact):
                    raise
                return False
            if not self._inputs_intact(artifact):
                return False
            let_others_read(aside)
            write_json(aside / MANIFEST, _manifest(aside, artifact, time.perf_counter() - start))
            os.replace(aside, final)
            shutil.rmtree(scratch, ignore_errors=True)
            return True
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _inputs_intact(self, artifact: Artifact) -> bool:
        return all(self.intact(child) for child in artifact.needed)

    def _set_aside(self, artifact: Artifact) -> None:
        """Move the artifact's folder, if it exists, to damaged/. The caller has the artifact's lock."""
        folder, graveyard = self.path(artifact), self.root / "damaged"
        if not folder.exists():
            return
        reason = damage(folder, artifact.key)
        graveyard.mkdir(exist_ok=True)
        numbered = ((path.name.partition("-")[0], path) for path in graveyard.iterdir())
        earlier = sorted((int(number), path) for number, path in numbered if number.isdigit())
        for _, path in earlier[: max(0, len(earlier) - KEPT + 1)]:
            shutil.rmtree(path, ignore_errors=True)
        target = graveyard / f"{earlier[-1][0] + 1 if earlier else 1}-{artifact.stage}-{artifact.key}"
        os.rename(folder, target)
        note = f"{artifact.stage} {artifact.key}: {reason}; set aside as {target}, computed again where it is needed"
        self.damage_notes.append(f"damaged: {note}")
        logger.warning(self.damage_notes[-1])

    def seconds(self, artifact: Artifact) -> float | None:
        """Return how long the artifact took to compute; None if the store does not have it."""
        try:
            return float(json.loads((self.path(artifact) / MANIFEST).read_bytes())["seconds"])
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def running(self) -> dict[str, headway.Headway]:
        """Return by key how far the artifacts are that are being computed now, by any run."""
        return headway.read(self._running)

    def manifests(self, stage: Stage) -> Iterator[dict[str, Any]]:
        """Yield the manifests of at most fifty of the stage's artifacts; those that cannot be read are left out."""
        for path in sorted((self.root / stage.name).glob(f"*/{MANIFEST}"))[:50]:
            try:
                manifest = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(manifest, dict) and isinstance(manifest.get("seconds"), int | float):
                yield manifest

    def _sweep(self) -> None:
        """Remove what killed runs left: half-written and half-deleted folders, and checkpoints of finished artifacts.

        What another run has the lock of stays.
        """
        stages = [path for path in self.root.iterdir() if path.is_dir() and path.name not in NO_STAGES]
        parents = [*stages, self.root / "scratch", self.root / "damaged"]
        leftovers = [(aside.name[1:].partition("-")[0], aside) for parent in parents for aside in parent.glob(".*")]
        for scratch in (self.root / "scratch").glob("*"):
            if any((stage / scratch.name / MANIFEST).is_file() for stage in stages):
                leftovers.append((scratch.name, scratch))
        leftovers += [(report.name.strip(".").partition(".")[0], report) for report in self._running.glob("*")]
        for key, left in leftovers:
            try:
                with FileLock(self.lock_path(key), timeout=0):
                    left.unlink(missing_ok=True) if left.is_file() else shutil.rmtree(left, ignore_errors=True)
            except Timeout:
                continue

    @property
    def _running(self) -> Path:
        return self.root / "running"

    def lock_path(self, key: str) -> Path:
        """Return the file that whoever computes, repairs or deletes an artifact has locked."""
        return self.root / "locks" / f"{key}.lock"


def _manifest(folder: Path, artifact: Artifact, seconds: float) -> dict:
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        files[path.relative_to(folder).as_posix()] = {"bytes": path.stat().st_size, "sha256": digest_of(path)}
    return {
        "stage": artifact.stage.name,
        "version": artifact.stage.version,
        "key": artifact.key,
        "parameters": dict(artifact.parameters),
        "inputs": {name: _described(source) for name, source in artifact.inputs.items()},
        "seconds": seconds,
        "files": files,
    }


def _described(source: Source) -> dict[str, str | None]:
    """Return the name of an input that means the same wherever the store is copied to.

    It is relative to the store for an artifact; the last part of its path, and its content, for a user's folder. Stores
    of earlier versions have absolute paths here; only estimates read them.
    """
    match source:
        case Local(path=path):
            return {"name": path.name, "revision": None, "content": source.key}
        case Hub(name, revision):
            return {"name": name, "revision": revision}
        case Member(artifact, inner):
            return {"name": f"{artifact.stage}/{artifact.key}/{inner}", "revision": None}
        case Artifact():
            return {"name": f"{source.stage}/{source.key}", "revision": None}
