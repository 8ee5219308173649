"""Check what a grid needs of the machine: disk, memory, devices."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.doctor.hub_access import FAIL, OK, WARN, Check
from harness.files.units import amount
from harness.plan.plan import Cell
from harness.plan.preset import Preset, PresetError
from harness.store.artifact import Artifact, Source
from harness.store.stage import Stage
from harness.store.store import Store

_DOCUMENT = 1000  # bytes of a document on disk, and in the memory of bm25
_ID = 100  # bytes of a document's id in memory
_VECTOR = 6 * 1000  # bytes of a document's stored vector: a transferred encoder has up to 1,000 dimensions active
_DOCUMENTS = 100_000  # of a collection that does not say
_LIBRARIES = 2 * 10**9  # bytes of a process with torch and transformers in it
_MODEL = 600 * 10**6  # bytes of a model of unknown size
_SMALL = 5 * 10**6
_GUESSES: Mapping[str, int] = {
    "bridge-vectors": 200 * 10**6, "initialization": 150 * 10**6, "auxiliary-vectors": 100 * 10**6,
    "subword-vectors": 150 * 10**6, "aligned-vectors": 150 * 10**6, "fasttext": 2500 * 10**6,
    "trained-encoder": _MODEL, "evaluation": 50 * 10**6, "evaluation-share": 50 * 10**6, "dense": 50 * 10**6,
    "reference": 50 * 10**6, "bm25": 50 * 10**6, "word-counts": 3 * 10**6, "word-vectors": 310 * 10**6,
    "piece-vectors": 160 * 10**6, "fusion": 50 * 10**6,
}  # fmt: skip
"""Bytes of one artifact of a stage, at 50,000 tokens of 768 dimensions; used until a store has measured ones."""


def expected_documents(group: Iterable[dict]) -> int:
    return sum(parameters.get("expected", {}).get("documents") or 0 for parameters in group)


def disk(todo: Sequence[Artifact], store: Store, download: int, unknown: int) -> list[Check]:
    """Compare free space with downloads and artifacts.

    download  bytes to be fetched into the hub's cache
    unknown   number of downloads of unknown size
    """
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    sizes = {stage: _median_size(store, stage) for stage in {artifact.stage for artifact in todo}}
    artifacts = 0
    for artifact in todo:
        size = sizes[artifact.stage]
        artifacts += round(_guess(artifact) if size is None else size)
    basis = "sizes by first guesses" if None in sizes.values() else "sizes as measured in this store"
    beside = f", and {unknown} items of unknown size" if unknown else ""
    places = [
        ("store", store.root, artifacts, f"for {len(todo)} artifacts ({basis})", "--store DIR"),
        ("hub cache", cache, download, f"to download{beside}", "HF_HOME"),
    ]
    shared = _existing(store.root).stat().st_dev == _existing(cache).stat().st_dev
    checks = []
    for name, folder, needed, purpose, option in places:
        free = shutil.disk_usage(_existing(folder)).free
        certain = download if name == "hub cache" or shared else 0
        total = artifacts + download if shared else needed
        mark = FAIL if certain > free else WARN if total > free or (unknown and name == "hub cache") else OK
        advice = f"; make room, or choose another folder with {option}" if total > free else ""
        text = f"{name} {folder}: {amount(free)} free, {amount(needed)} {purpose}{advice}"
        checks.append(Check(mark, "disk", text))
    return checks


def _median_size(store: Store, stage: Stage) -> float | None:
    """Return the median bytes of the store's artifacts of a stage; None if it has none."""
    sizes = [sum(file["bytes"] for file in manifest["files"].values()) for manifest in store.manifests(stage)]
    return statistics.median(sizes) if sizes else None


def _guess(artifact: Artifact) -> int:
    if artifact.stage.name == "collection":
        return _documents(artifact) * _DOCUMENT
    if any(part.stage.name.startswith("pocket-") for part in artifact.walk()):
        return _SMALL
    if artifact.stage.name in ("vectors", "reference-vectors"):
        return _documents(artifact.inputs["collection"]) * _VECTOR // artifact.parameters.get("shares", 1)
    return _GUESSES.get(artifact.stage.name, _SMALL)


def _documents(collection: Source) -> int:
    """Return how many documents a collection is expected to have."""
    parameters = collection.parameters if isinstance(collection, Artifact) else {}
    return parameters.get("expected", {}).get("documents") or _DOCUMENTS


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest existing one above it."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def memory(preset: Preset, cells: Sequence[Cell], todo: Sequence[Artifact], largest: int) -> Check:
    """Compare the machine's memory with the largest cell. largest: bytes of the largest model, 0 if unknown."""
    collections = [dict(artifact.parameters) for artifact in todo if artifact.stage.name == "collection"]
    documents = max((expected_documents([parameters]) for parameters in collections), default=0)
    small = any(artifact.stage.name.startswith("pocket-") for cell in cells[:1] for artifact in cell.artifact.walk())
    copies = 4 if "fine-tuned" in preset.regimes else 1
    model = largest or (_SMALL if small else _MODEL)
    bm25 = documents * _DOCUMENT if any(cell.identity.initializer == "bm25" for cell in cells) else 0
    needed = _LIBRARIES + max(copies * model + documents * _ID, bm25)
    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    encoder = f"{copies} x {amount(model)} of model and ids of {documents:,} documents"
    parts = f"{amount(_LIBRARIES)} for libraries, and either {encoder}, or their text for bm25"
    text = f"{amount(present)}, the largest cell needs about {amount(needed)} by a rough count ({parts})"
    return Check(WARN if needed > present else OK, "memory", text)


def devices(preset: Preset) -> list[Check]:
    """Check whether one cell fits on the cores and GPUs."""
    import torch

    from harness.cluster.resources import slots_of

    cores, gpus = os.cpu_count() or 1, torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = []
    for properties in map(torch.cuda.get_device_properties, range(gpus)):
        bfloat16 = "bfloat16" if properties.major >= 8 else "no bfloat16"
        names.append(f"{properties.name} with {amount(properties.total_memory)}, {bfloat16}")
    present = f"{cores} CPU cores, {'; '.join(names) or 'no GPU that torch can use'}"
    try:
        slots = slots_of(preset, {"CPU": cores, "GPU": gpus})
    except PresetError as error:
        return [Check(FAIL, "devices", f"{present}: {error}, or --address RAY on a cluster that has them")]
    return [Check(OK, "devices", f"{present}: {slots} cells at a time")]
