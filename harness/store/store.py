"""The store: artifacts by content, published atomically, never changed.

    store/STORE.json                 format of the store
    store/<stage>/<key>/...          one artifact, with MANIFEST.json (files, sizes, sha256, seconds) written last
    store/scratch/<key>/             checkpoints of a stage that can go on where it was killed
    store/locks/                     one lock file per artifact in the making
    store/damaged/N-<stage>-<key>/   the last artifacts that were not what had been published

Two runs may share a store: whoever takes the lock first computes, the other waits and reads. Whatever is read was verified before
(`harness.store.integrity`); what is damaged is set aside and computed again.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.files.atomic import write_json
from harness.files.permissions import let_others_read
from harness.store.artifact import Artifact, Hub, Local, Location, Member, Source
from harness.store.integrity import MANIFEST, damage, digest_of
from harness.store.stage import Stage

FORMAT = 1
KEPT = 10  # damaged artifacts; the oldest goes when another one comes
ROUNDS = 3  # times that an artifact is computed anew because an input was damaged while it was read

_NO_STAGES = ("scratch", "locks", "damaged")  # folders of a store that hold no artifacts

logger = logging.getLogger(__name__)


class StoreError(ValueError):
    """The store cannot be used as it is; the message names the next step."""


class Store:
    """One folder of artifacts. Creating the object checks the format and touches nothing else.

    found  what this object found damaged, and set aside, one line each
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        self.found: list[str] = []
        marker = self.root / "STORE.json"
        if marker.is_file():
            try:
                found = json.loads(marker.read_bytes())["format"]
            except (OSError, ValueError, LookupError, TypeError):
                raise StoreError(
                    f'{marker} cannot be read; if {self.root} is a store, write {{"format": {FORMAT}}} into it'
                ) from None
            if found != FORMAT:
                raise StoreError(
                    f"store {self.root} has format {found}, this version writes format {FORMAT}; choose another folder with --store DIR"
                )
        elif self.root.is_dir() and any(self.root.iterdir()):
            raise StoreError(
                f"folder {self.root} is not empty and no store of this project; choose another folder with --store DIR"
            )

    def create(self) -> None:
        """Make the folder ready for writing; StoreError if it cannot be written."""
        try:
            (self.root / "locks").mkdir(parents=True, exist_ok=True)
            marker = self.root / "STORE.json"
            if not marker.is_file():
                write_json(marker, {"format": FORMAT})
            self._sweep()
        except OSError as error:
            raise StoreError(
                f"store {self.root} cannot be written ({error.strerror}); choose another folder with --store DIR"
            ) from None

    def path(self, artifact: Artifact) -> Path:
        return self.root / artifact.stage.name / artifact.key

    def has(self, artifact: Artifact) -> bool:
        return (self.path(artifact) / MANIFEST).is_file()

    def locate(self, source: Source) -> Location:
        """Where to read an input."""
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
        """Compute an artifact, and what it needs, unless it is here already; True if this call computed it.

        What is here already is verified, and so are the inputs, before and after they were read. Raises StoreError if the folder has gone, and
        whatever the stage raises.

        batch_divisor  how many times smaller than usual batches are to be, in stages that have some (`Stage.has_batches`)
        """
        self.check_there()
        if self.intact(artifact):
            return False
        for _ in range(ROUNDS):
            fresh = any([self.make(child, batch_divisor) for child in artifact.needed])
            with FileLock(self._lock(artifact.key)):
                if self.intact(artifact):  # somebody else made it while we waited
                    return False
                self._set_aside(artifact)
                scratch = self.root / "scratch" / artifact.key
                if fresh:  # what is left there was made of inputs that are no more
                    shutil.rmtree(scratch, ignore_errors=True)
                if self._publish(artifact, scratch, batch_divisor):
                    return True
                shutil.rmtree(scratch, ignore_errors=True)
        raise StoreError(
            f"inputs of {artifact.stage} {artifact.key} were damaged again and again while they were read; check the disk of {self.root}"
        )

    def intact(self, artifact: Artifact) -> bool:
        """Whether it is here, and what was published."""
        return not damage(self.path(artifact), artifact.key)

    def set_aside_damaged(self, artifacts: Iterable[Artifact]) -> list[Artifact]:
        """Those of `artifacts` that are here, but not as they were published; from now on they are missing."""
        damaged = []
        for artifact in artifacts:
            if self.path(artifact).exists() and not self.intact(artifact):
                with FileLock(self._lock(artifact.key)):
                    if not self.intact(artifact):  # else another run has put it right
                        self._set_aside(artifact)
                        damaged.append(artifact)
        return damaged

    def check_there(self) -> None:
        """StoreError if the folder is no longer what `create` made of it: removed, or not mounted."""
        if not (self.root / "STORE.json").is_file():
            raise StoreError(f"store {self.root} is no longer there; bring it back, and the same command goes on")

    def _publish(self, artifact: Artifact, scratch: Path, batch_divisor: int) -> bool:
        """False if it came to nothing because an input was damaged meanwhile."""
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
                stage.build(aside, dict(artifact.parameters), inputs, **extra)
            except Exception:
                self.check_there()
                if self._inputs_intact(artifact):
                    raise
                return False
            if not self._inputs_intact(artifact):
                return False
            let_others_read(aside)
            write_json(aside / MANIFEST, _manifest(aside, artifact, inputs, time.perf_counter() - start))
            os.replace(aside, final)
            shutil.rmtree(scratch, ignore_errors=True)
            return True
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _inputs_intact(self, artifact: Artifact) -> bool:
        return all(self.intact(child) for child in artifact.needed)

    def _set_aside(self, artifact: Artifact) -> None:
        """Move what is in the way of an artifact, if anything is, to damaged/. The artifact's lock is held."""
        folder, kept = self.path(artifact), self.root / "damaged"
        if not folder.exists():
            return
        reason = damage(folder, artifact.key)
        kept.mkdir(exist_ok=True)
        earlier = sorted(
            (int(path.name.partition("-")[0]), path) for path in kept.iterdir() if path.name.partition("-")[0].isdigit()
        )
        for _, path in earlier[: max(0, len(earlier) - KEPT + 1)]:
            shutil.rmtree(path, ignore_errors=True)
        target = kept / f"{earlier[-1][0] + 1 if earlier else 1}-{artifact.stage}-{artifact.key}"
        os.rename(folder, target)
        self.found.append(
            f"damaged: {artifact.stage} {artifact.key}: {reason}; set aside as {target}, computed again where it is needed"
        )
        logger.warning(self.found[-1])

    def seconds(self, stage: Stage) -> float:
        """Expected seconds of a stage: the median of what this store measured, or the stage's first guess."""
        measured = [float(manifest["seconds"]) for manifest in self.manifests(stage)]
        return statistics.median(measured) if measured else stage.seconds

    def measured(self, stage: Stage) -> bool:
        """Whether `seconds` is more than a first guess."""
        return any(True for _ in self.manifests(stage))

    def manifests(self, stage: Stage) -> Iterator[dict[str, Any]]:
        """What this store says of the stage's artifacts, of fifty at most; manifests that cannot be read are left out."""
        for path in sorted((self.root / stage.name).glob(f"*/{MANIFEST}"))[:50]:
            try:
                found = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(found, dict) and isinstance(found.get("seconds"), int | float):
                yield found

    def _sweep(self) -> None:
        """Remove what killed runs left: half-written folders, and checkpoints of what is finished; not what another run holds the lock of."""
        stages = [path for path in self.root.iterdir() if path.is_dir() and path.name not in _NO_STAGES]
        left = [(aside.name[1:].partition("-")[0], aside) for stage in stages for aside in stage.glob(".*")]
        for scratch in (self.root / "scratch").glob("*"):
            if any((stage / scratch.name / MANIFEST).is_file() for stage in stages):
                left.append((scratch.name, scratch))
        for key, folder in left:
            try:
                with FileLock(self._lock(key), timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)
            except Timeout:
                continue

    def _lock(self, key: str) -> Path:
        return self.root / "locks" / f"{key}.lock"


def _manifest(folder: Path, artifact: Artifact, inputs: Mapping[str, Location], seconds: float) -> dict:
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        files[path.relative_to(folder).as_posix()] = {"bytes": path.stat().st_size, "sha256": digest_of(path)}
    return {
        "stage": artifact.stage.name,
        "version": artifact.stage.version,
        "key": artifact.key,
        "parameters": dict(artifact.parameters),
        "inputs": {name: {"name": location.name, "revision": location.revision} for name, location in inputs.items()},
        "seconds": seconds,
        "files": files,
    }
