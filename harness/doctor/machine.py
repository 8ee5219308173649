"""Check what a grid asks of the machine: disk, memory, devices."""

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
from harness.store.artifact import Artifact
from harness.store.stage import Stage
from harness.store.store import Store

_DOCUMENT = 1000  # bytes of a document on disk, and in the memory of bm25
_ID = 100  # bytes of a document's id in memory
_LIBRARIES = 2 * 10**9  # bytes of a process with torch and transformers in it
_MODEL = 600 * 10**6  # bytes of a model whose size is not known
_SMALL = 5 * 10**6
_GUESSES: Mapping[str, int] = {
    "bridge-vectors": 200 * 10**6, "initialization": 150 * 10**6, "auxiliary-vectors": 100 * 10**6, "subword-vectors": 150 * 10**6,
    "aligned-vectors": 150 * 10**6, "fasttext": 2500 * 10**6, "trained-encoder": _MODEL, "evaluation": 50 * 10**6,
    "evaluation-share": 50 * 10**6, "dense": 50 * 10**6, "reference": 50 * 10**6, "bm25": 50 * 10**6,
}  # fmt: skip
"""Bytes of one artifact of a stage, at 50,000 tokens of 768 dimensions; used until a store has some."""


def expected_documents(group: Iterable[dict]) -> int:
    return sum(parameters.get("expected", {}).get("documents") or 0 for parameters in group)


def disk(todo: Sequence[Artifact], store: Store, download: int, unknown: int) -> list[Check]:
    """Free space against downloads and artifacts. download: bytes to be fetched into the hub's cache; unknown: items whose size is not known."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    made, guessed = 0, False
    sizes: dict[str, float | None] = {}
    for artifact in todo:
        if artifact.stage.name not in sizes:
            sizes[artifact.stage.name] = _measured(store, artifact.stage)
        measured = sizes[artifact.stage.name]
        guessed = guessed or measured is None
        made += round(_guess(artifact) if measured is None else measured)
    how = "sizes by first guesses" if guessed else "sizes as measured in this store"
    places = {"store": (store.root, made), "hub cache": (cache, download)}
    shared = _existing(store.root).stat().st_dev == _existing(cache).stat().st_dev
    checks = []
    beside = f", and {unknown} items of unknown size" if unknown else ""
    for name, (folder, needed) in places.items():
        free = shutil.disk_usage(_existing(folder)).free
        certain, together = (download if name == "hub cache" or shared else 0), (made + download if shared else needed)
        mark = FAIL if certain > free else WARN if together > free or (unknown and name == "hub cache") else OK
        wants = (
            f"{amount(needed)} for {len(todo)} artifacts ({how})"
            if name == "store"
            else f"{amount(needed)} to download{beside}"
        )
        room = (
            ""
            if together <= free
            else "; make room, or choose another folder with " + ("--store DIR" if name == "store" else "HF_HOME")
        )
        checks.append(Check(mark, "disk", f"{name} {folder}: {amount(free)} free, {wants}{room}"))
    return checks


def _measured(store: Store, stage: Stage) -> float | None:
    """Bytes of an artifact: the median of what this store holds."""
    found = [sum(file["bytes"] for file in manifest["files"].values()) for manifest in store.manifests(stage)]
    return statistics.median(found) if found else None


def _guess(artifact: Artifact) -> int:
    if artifact.stage.name == "collection":
        return (artifact.parameters.get("expected", {}).get("documents") or 100_000) * _DOCUMENT
    if any(one.stage.name.startswith("pocket-") for one in artifact.walk()):
        return _SMALL
    return _GUESSES.get(artifact.stage.name, _SMALL)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def memory(preset: Preset, cells: Sequence[Cell], todo: Sequence[Artifact], largest: int) -> Check:
    """The memory of the machine against a cell. largest: bytes of the largest model to download, 0 if not known."""
    documents = max(
        (expected_documents([dict(artifact.parameters)]) for artifact in todo if artifact.stage.name == "collection"),
        default=0,
    )
    small = any(artifact.stage.name.startswith("pocket-") for cell in cells[:1] for artifact in cell.artifact.walk())
    copies = 4 if "fine-tuned" in preset.regimes else 1
    model = largest or (_SMALL if small else _MODEL)
    needed = _LIBRARIES + max(
        copies * model + documents * _ID,
        documents * _DOCUMENT if any(cell.identity.initializer == "bm25" for cell in cells) else 0,
    )
    have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    whole = f"{copies} x {amount(model)} of model and ids of {documents:,} documents"
    parts = f"{amount(_LIBRARIES)} for libraries, and either {whole}, or their text for bm25"
    mark = WARN if needed > have else OK
    return Check(
        mark, "memory", f"{amount(have)}, the largest cell needs about {amount(needed)} by a rough count ({parts})"
    )


def devices(preset: Preset) -> list[Check]:
    """Cores and GPUs, and whether one cell fits on them."""
    import torch

    from harness.run.resources import slots_of

    cores, gpus = os.cpu_count() or 1, torch.cuda.device_count() if torch.cuda.is_available() else 0
    named = []
    for index in range(gpus):
        about = torch.cuda.get_device_properties(index)
        named.append(
            f"{about.name} with {amount(about.total_memory)}{', bfloat16' if about.major >= 8 else ', no bfloat16'}"
        )
    found = f"{cores} CPU cores, {'; '.join(named) if named else 'no GPU that torch can use'}"
    try:
        slots = slots_of(preset, {"CPU": cores, "GPU": gpus})
    except PresetError as error:
        return [Check(FAIL, "devices", f"{found}: {error}, or --address RAY on a cluster that has them")]
    return [Check(OK, "devices", f"{found}: {slots} cells at a time")]
