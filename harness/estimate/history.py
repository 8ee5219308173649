"""Read from a store what its artifacts took and how much work they were, whatever grid computed them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from harness.estimate.costs import Rates, Work, is_counted, work
from harness.estimate.sizes import Sizes, UnknownError
from harness.store.artifact import Artifact, Hub, Local, Member, Source
from harness.store.integrity import MANIFEST
from harness.store.stage import Stage
from harness.store.store import Store

WORK, PLAIN, UNKNOWN_SIZE = "work", "plain", "unknown size"


class Measured(NamedTuple):
    """One artifact: how it was sized (WORK, PLAIN: without a formula, UNKNOWN_SIZE), expected and measured seconds."""

    sized: str
    expected: float
    seconds: float


def size(artifact: Artifact, sizes: Sizes) -> tuple[str, Work | None]:
    """Return how an artifact is sized, and its work where that is counted."""
    try:
        counted = work(artifact, sizes)
    except UnknownError:
        return UNKNOWN_SIZE, None
    return (PLAIN, None) if counted is None else (WORK, counted)


def expected(stage: Stage, counted: Work | None, rates: Rates) -> float:
    """Return the stage's first guess, which is the time of a small piece, and what the work adds to it."""
    return stage.seconds + (counted.seconds(rates) if counted else 0.0)


def history(
    store: Store, stage: Stage, sizes: Sizes, rates: Rates, folders: Mapping[str, Local] | None = None
) -> list[Measured]:
    """Return what is known of a stage's artifacts in the store; of what is gone, only the seconds.

    folders  by key, the user's files and folders that this grid reads: a manifest has their content, not their place
    """
    measured = []
    for manifest in store.manifests(stage):
        seconds = float(manifest["seconds"])
        try:
            sized, counted = size(_artifact(store, manifest, folders or {}), sizes)
            measured.append(Measured(sized, expected(stage, counted, rates), seconds))
        except (OSError, LookupError, TypeError, ValueError, AttributeError):
            sized = UNKNOWN_SIZE if is_counted(stage.name) else PLAIN
            measured.append(Measured(sized, stage.seconds, seconds))
    return measured


def _artifact(store: Store, manifest: Mapping[str, Any], folders: Mapping[str, Local]) -> Artifact:
    """Return the artifact that a manifest describes, for its sizes: without a function that builds it."""
    stage = Stage(manifest["stage"], manifest["version"], 0.0, _no_build)
    inputs = {name: _source(store, place, folders) for name, place in manifest["inputs"].items()}
    return Artifact(stage, manifest["parameters"], inputs)


def _source(store: Store, place: Mapping[str, Any], folders: Mapping[str, Local]) -> Source:
    name, revision = place["name"], place["revision"]
    if revision is not None:
        return Hub(name, revision)
    if "content" in place:
        return folders[place["content"]]
    path = store.root / name  # absolute in stores of earlier versions
    if not path.is_relative_to(store.root):
        raise LookupError(f"{name} is not in this store")
    stage, key, *inner = path.relative_to(store.root).parts
    manifest = json.loads((store.root / stage / key / MANIFEST).read_bytes())
    artifact = _artifact(store, manifest, folders)
    return Member(artifact, "/".join(inner)) if inner else artifact


def _no_build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    raise NotImplementedError("an artifact of the store's history cannot be built")
