"""What stands between a preset and its tables: access, licences, disk, memory, devices, hours. Nothing is downloaded or computed, files are read."""

from __future__ import annotations

import os
import re
import shutil
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.catalog.catalog import Catalog
from harness.doctor.hub_access import CODE, FAIL, HEAD, OK, TOKENIZER, WARN, WHOLE, Check, HubAccess, amount, gate
from harness.estimate.costs import amounts, total
from harness.estimate.estimate import CALIBRATED, GUESSED, Estimate
from harness.estimate.sharing import by_stage
from harness.plan.collection_source import CollectionSource
from harness.plan.plan import Cell
from harness.plan.preset import Named, Preset, PresetError
from harness.plan.resolve import UNPINNED
from harness.plan.revisions import unpinned
from harness.store.artifact import Artefact, Hub, Local
from harness.store.store import Store

_TOKENIZERS = ("tokenizer", "source", "target")  # inputs of which the tokenizer is read; others are read whole
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
"""Bytes of one artefact of a stage, at 50,000 tokens of 768 dimensions; used until a store has some."""


def access(preset: Preset, cells: Sequence[Cell], todo: Sequence[Artefact], store: Store, catalog: Catalog, hub: HubAccess) -> list[Check]:
    """One line for each model, and for each collection in all its languages, that the missing artefacts read."""
    read: dict[tuple[str, str], set[str]] = {}
    own_code: set[str] = set()
    local: set[str] = set()
    for artefact in todo:
        for role, source in artefact.inputs.items():
            if isinstance(source, Hub):
                parts = read.setdefault((source.name, source.revision), {TOKENIZER})
                if role not in _TOKENIZERS:
                    parts.add(WHOLE)
                if role == "encoder" and artefact.stage == "reference":
                    parts |= {HEAD} if artefact.parameters["kind"] == "bge-m3" else {CODE} if artefact.parameters["remote_code"] else set()
                    own_code |= {source.name} if artefact.parameters["remote_code"] else set()
            elif isinstance(source, Local):
                local.add(str(source.path))
    pocket = {one for cell in cells for one in cell.artefact.walk() if one.stage.startswith("pocket-")}
    checks = []
    if pocket:
        built = sum(store.has(artefact) for artefact in pocket)
        checks.append(Check(OK, "pocket", f"{len(pocket)} parts, {built} of them in the store; what is missing is built here, nothing is downloaded"))
    if local:
        checks.append(Check(OK, "folders", f"{len(local)} folders and files of yours are read, and were checked"))
    checks += [Check(FAIL, "revision", line) for line in unpinned(preset, cells)]
    gated = {
        entry.id for kind in (catalog.encoders, catalog.tokenizers, catalog.bridges, catalog.references) for entry in kind.values() if entry.gated
    }
    for (name, revision), parts in sorted(read.items()):
        if revision != UNPINNED:
            checks.append(hub.model(name, revision, parts))
        elif name in gated:
            checks.append(Check(WARN, "access", f"{name}: gated, not checked without a revision: {gate(f'https://huggingface.co/{name}')}"))
    checks += [Check(WARN, "code", f"{name}: code of its repository will run here, as remote_code says; read it first") for name in sorted(own_code)]
    return checks + [_collection(name, group, hub) for name, group in _downloads(preset, todo).items()]


def _downloads(preset: Preset, todo: Iterable[Artefact]) -> dict[str, list[dict]]:
    """Collections that are still to be downloaded: name -> parameters by language."""
    missing = {artefact.key for artefact in todo if artefact.stage == "collection"}
    found: dict[str, list[dict]] = {}
    for name, source in preset.collections.items():
        for language in preset.languages if source.folder is None else ():
            parameters = source.parameters(language)
            if Artefact("collection", parameters).key in missing:
                found.setdefault(name, []).append(parameters)
    return found


def _collection(name: str, group: Sequence[dict], hub: HubAccess) -> Check:
    if lacking := _unpinned(f"collections.{name}", group[0]):
        return Check(FAIL, "revision", lacking)
    if "hub" in group[0]:
        return hub.dataset(f"collection {name}", group)
    ids = ", ".join(parameters["ir_datasets"] for parameters in group)
    return Check(WARN, f"collection {name}", f"{ids}: fetched by ir_datasets, which tells no sizes; {_documents(group):,} documents by the catalogue")


def _unpinned(option: str, parameters: Mapping[str, Any]) -> str:
    """What to add for a collection that lacks a revision; empty if it has all."""
    parts = {option: parameters, f"{option}.judgements": parameters.get("judgements") or {}}
    lacking = {at: part["hub"] for at, part in parts.items() if part.get("revision") == UNPINNED}
    options = " ".join(f"--set {at}.revision=COMMIT" for at in lacking)
    return f"{option}: {' and '.join(lacking.values())} without a pinned revision; add {options}" if lacking else ""


def _documents(group: Iterable[dict]) -> int:
    return sum(parameters.get("expected", {}).get("documents") or 0 for parameters in group)


def licences(preset: Preset, catalog: Catalog, hub: HubAccess) -> list[Check]:
    """Non-commercial and unknown ones by name, the others in one line. What the hub's cards state counts before the catalogue's words."""
    of_models = {
        entry.id: entry.licence for kind in (catalog.encoders, catalog.tokenizers, catalog.bridges, catalog.references) for entry in kind.values()
    }
    stated: dict[str, tuple[str, str]] = {}
    for sources in (preset.architectures, preset.tokenizers, preset.bridges, preset.references):
        for source in sources.values() if isinstance(sources, dict) else ():
            if _on_hub(source):
                stated[source.model] = hub.licence("model", source.model), of_models.get(source.model, "unknown")
    for name, collection in preset.collections.items():
        if collection.folder is None:
            card = hub.licence("dataset", collection.hub) if collection.hub else ""
            stated[name] = card, _collection_licence(collection, catalog)
    checks, others = [], 0
    free: dict[str, set[str]] = {}
    for name, (card, known) in stated.items():
        licence, whose = (known, "by the catalogue") if card.lower() in ("", "unknown") else (card, "by the card")
        if licence.lower() == "unknown":
            checks.append(Check(WARN, "licence", f"{name}: unknown; read its card before you pass results on"))
        elif re.search(r"\bNC\b|non-?commercial", licence, re.I):
            checks.append(Check(WARN, "licence", f"{name}: {licence} {whose}, not for commercial use, nor what is made from it"))
        else:
            others += 1
            free.setdefault(whose, set()).add(licence)
    if free:
        shown = "; ".join(f"{', '.join(sorted(licences))} {whose}" for whose, licences in free.items())
        checks.append(Check(OK, "licence", f"{others} others: {shown}"))
    return checks or [Check(OK, "licence", "nothing from a hub is used")]


def _on_hub(source: Named) -> bool:
    return source.hub or (source.revision is not None and not Path(source.model).expanduser().exists())


def _collection_licence(collection: CollectionSource, catalog: Catalog) -> str:
    for entry in catalog.collections.values():
        if any(getattr(collection, key) is not None and entry.source.get(key) == getattr(collection, key) for key in ("hub", "ir_datasets")):
            return entry.licence
    return "unknown"


def disk(todo: Sequence[Artefact], store: Store, download: int, unknown: int) -> list[Check]:
    """Free space against downloads and artefacts. download: bytes to be fetched into the hub's cache; unknown: items whose size is not known."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    made, guessed = 0, False
    sizes: dict[str, float | None] = {}
    for artefact in todo:
        if artefact.stage not in sizes:
            sizes[artefact.stage] = _measured(store, artefact.stage)
        measured = sizes[artefact.stage]
        guessed = guessed or measured is None
        made += round(_guess(artefact) if measured is None else measured)
    how = "sizes by first guesses" if guessed else "sizes as measured in this store"
    places = {"store": (store.root, made), "hub cache": (cache, download)}
    shared = _existing(store.root).stat().st_dev == _existing(cache).stat().st_dev
    checks = []
    beside = f", and {unknown} items of unknown size" if unknown else ""
    for name, (folder, needed) in places.items():
        free = shutil.disk_usage(_existing(folder)).free
        certain, together = (download if name == "hub cache" or shared else 0), (made + download if shared else needed)
        mark = FAIL if certain > free else WARN if together > free or (unknown and name == "hub cache") else OK
        wants = f"{amount(needed)} for {len(todo)} artefacts ({how})" if name == "store" else f"{amount(needed)} to download{beside}"
        room = "" if together <= free else "; make room, or choose another folder with " + ("--store DIR" if name == "store" else "HF_HOME")
        checks.append(Check(mark, "disk", f"{name} {folder}: {amount(free)} free, {wants}{room}"))
    return checks


def _measured(store: Store, stage: str) -> float | None:
    """Bytes of an artefact: the median of what this store holds."""
    found = [sum(file["bytes"] for file in manifest["files"].values()) for manifest in store.manifests(stage)]
    return statistics.median(found) if found else None


def _guess(artefact: Artefact) -> int:
    if artefact.stage == "collection":
        return (artefact.parameters.get("expected", {}).get("documents") or 100_000) * _DOCUMENT
    if any(one.stage.startswith("pocket-") for one in artefact.walk()):
        return _SMALL
    return _GUESSES.get(artefact.stage, _SMALL)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def memory(preset: Preset, cells: Sequence[Cell], todo: Sequence[Artefact], largest: int) -> Check:
    """The memory of the machine against a cell. largest: bytes of the largest model to download, 0 if not known."""
    documents = max((_documents([dict(artefact.parameters)]) for artefact in todo if artefact.stage == "collection"), default=0)
    small = any(artefact.stage.startswith("pocket-") for cell in cells[:1] for artefact in cell.artefact.walk())
    copies = 4 if "fine-tuned" in preset.stages else 1
    model = largest or (_SMALL if small else _MODEL)
    needed = _LIBRARIES + max(
        copies * model + documents * _ID, documents * _DOCUMENT if any(cell.identity.initializer == "bm25" for cell in cells) else 0
    )
    have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    whole = f"{copies} x {amount(model)} of model and ids of {documents:,} documents"
    parts = f"{amount(_LIBRARIES)} for libraries, and either {whole}, or their text for bm25"
    mark = WARN if needed > have else OK
    return Check(mark, "memory", f"{amount(have)}, the largest cell needs about {amount(needed)} by a rough count ({parts})")


def devices(preset: Preset) -> list[Check]:
    """Cores and GPUs, and whether one cell fits on them."""
    import torch

    from harness.run.cluster import slots_of

    cores, gpus = os.cpu_count() or 1, torch.cuda.device_count() if torch.cuda.is_available() else 0
    named = []
    for index in range(gpus):
        about = torch.cuda.get_device_properties(index)
        named.append(f"{about.name} with {amount(about.total_memory)}{', bfloat16' if about.major >= 8 else ', no bfloat16'}")
    found = f"{cores} CPU cores, {'; '.join(named) if named else 'no GPU that torch can use'}"
    try:
        slots = slots_of(preset, {"CPU": cores, "GPU": gpus})
    except PresetError as error:
        return [Check(FAIL, "devices", f"{found}: {error}, or --address RAY on a cluster that has them")]
    return [Check(OK, "devices", f"{found}: {slots} cells at a time")]


def work(cells: Sequence[Cell], todo: Sequence[Artefact], store: Store, estimate: Estimate) -> Check:
    """Cells, artefacts and hours."""
    from harness.run.progress import duration

    done = sum(store.has(cell.artefact) for cell in cells)
    text = f"{len(cells)} cells, {done} in the store, {len(todo)} artefacts missing"
    if not todo:
        return Check(OK, "work", text)
    seconds = sum(estimate.seconds(artefact) for artefact in todo)
    least = "at least " if estimate.unknown else ""
    text += f", {least}about {duration(seconds)} one after the other"
    guessed = sorted({artefact.stage for artefact in todo if estimate.source(artefact) == GUESSED})
    calibrated = any(estimate.source(artefact) == CALIBRATED for artefact in todo)
    if not guessed:
        return Check(OK, "work", f"{text}, by rates calibrated here" if calibrated else f"{text}, as measured in this store")
    which = ", ".join(guessed) if len(guessed) < len({artefact.stage for artefact in todo}) else "all stages"
    mark = OK if (calibrated and not estimate.unknown) or any(artefact.stage.startswith("pocket-") for artefact in todo) else WARN
    advice = "" if calibrated and not estimate.unknown else "; --calibrate measures"
    return Check(mark, "work", f"{text}; first guesses for small models in {which}, not measurements{advice}")


def hours(cells: Sequence[Cell], todo: Sequence[Artefact], estimate: Estimate) -> list[str]:
    """A table: of each stage the artefacts that are missing, their work and hours, and the hours if every cell made all of its own."""
    apart: dict[str, float] = {}
    for cell in cells:
        for artefact in cell.artefact.walk():
            apart[artefact.stage] = apart.get(artefact.stage, 0.0) + estimate.seconds(artefact)
    lines = [f"{'stage':<18} {'missing':>8} {'hours':>10} {'cell by cell':>13}  by           work"]
    groups = by_stage(todo)
    for stage, artefacts in groups.items():
        works = [work for artefact in artefacts if (work := estimate.work(artefact)) is not None]
        unknown = f"; not known: {estimate.unknown[stage]}" if stage in estimate.unknown else ""
        shown = (amounts(total(works)) if works else "not counted") + unknown
        how = "/".join(sorted({estimate.source(artefact) for artefact in artefacts}))
        spent = sum(estimate.seconds(artefact) for artefact in artefacts)
        lines.append(f"{stage:<18} {len(artefacts):>8,} {_hours(spent):>10} {_hours(apart[stage]):>13}  {how:<12} {shown}")
    spent = sum(estimate.seconds(artefact) for artefact in todo)
    lines.append(f"{'total':<18} {len(todo):>8,} {_hours(spent):>10} {_hours(sum(apart.values())):>13}{'  at least' if estimate.unknown else ''}")
    return lines


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}" if seconds < 36_000 else f"{seconds / 3600:,.0f}"
