"""Check what stands between a preset and its tables: revisions, access, licenses. Nothing is downloaded or computed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.catalog.catalog import Catalog
from harness.collections.stage import COLLECTION
from harness.doctor.hub_access import FAIL, OK, WARN, Check, HubAccess
from harness.doctor.machine import expected_documents
from harness.hub.cache import CODE, HEAD, TOKENIZER, WHOLE
from harness.hub.gated import gate
from harness.plan.collection_source import CollectionSource
from harness.plan.plan import Cell
from harness.plan.preset import Named, Preset
from harness.plan.resolve import UNPINNED
from harness.plan.revisions import unpinned
from harness.store.artifact import Artifact, Hub, Local
from harness.store.store import Store

_TOKENIZERS = ("tokenizer", "source", "target")  # inputs of which the tokenizer is read; others are read whole


def access(
    preset: Preset, cells: Sequence[Cell], todo: Sequence[Artifact], store: Store, catalog: Catalog, hub: HubAccess
) -> list[Check]:
    """One line for each model, and for each collection in all its languages, that the missing artifacts read."""
    read: dict[tuple[str, str], set[str]] = {}
    own_code: set[str] = set()
    local: set[str] = set()
    for artifact in todo:
        for role, source in artifact.inputs.items():
            if isinstance(source, Hub):
                parts = read.setdefault((source.name, source.revision), {TOKENIZER})
                if role not in _TOKENIZERS:
                    parts.add(WHOLE)
                if role == "encoder" and artifact.stage.name == "reference":
                    parts |= (
                        {HEAD}
                        if artifact.parameters["kind"] == "bge-m3"
                        else {CODE}
                        if artifact.parameters["remote_code"]
                        else set()
                    )
                    own_code |= {source.name} if artifact.parameters["remote_code"] else set()
            elif isinstance(source, Local):
                local.add(str(source.path))
    pocket = {one for cell in cells for one in cell.artifact.walk() if one.stage.name.startswith("pocket-")}
    checks = []
    if pocket:
        built = sum(store.has(artifact) for artifact in pocket)
        checks.append(
            Check(
                OK,
                "pocket",
                f"{len(pocket)} parts, {built} of them in the store; what is missing is built here, nothing is downloaded",
            )
        )
    if local:
        checks.append(Check(OK, "folders", f"{len(local)} folders and files of yours are read, and were checked"))
    checks += [Check(FAIL, "revision", line) for line in unpinned(preset, cells)]
    gated = {
        entry.id
        for kind in (catalog.encoders, catalog.tokenizers, catalog.bridges, catalog.references)
        for entry in kind.values()
        if entry.gated
    }
    for (name, revision), parts in sorted(read.items()):
        if revision != UNPINNED:
            checks.append(hub.model(name, revision, parts))
        elif name in gated:
            checks.append(
                Check(
                    WARN,
                    "access",
                    f"{name}: gated, not checked without a revision: {gate(f'https://huggingface.co/{name}')}",
                )
            )
    checks += [
        Check(WARN, "code", f"{name}: code of its repository will run here, as remote_code says; read it first")
        for name in sorted(own_code)
    ]
    return checks + [_collection(name, group, hub) for name, group in _downloads(preset, todo).items()]


def _downloads(preset: Preset, todo: Iterable[Artifact]) -> dict[str, list[dict]]:
    """Collections that are still to be downloaded: name -> parameters by language."""
    missing = {artifact.key for artifact in todo if artifact.stage.name == "collection"}
    found: dict[str, list[dict]] = {}
    for name, source in preset.collections.items():
        for language in preset.languages if source.folder is None else ():
            parameters = source.parameters(language)
            if Artifact(COLLECTION, parameters).key in missing:
                found.setdefault(name, []).append(parameters)
    return found


def _collection(name: str, group: Sequence[dict], hub: HubAccess) -> Check:
    if lacking := _unpinned(f"collections.{name}", group[0]):
        return Check(FAIL, "revision", lacking)
    if "hub" in group[0]:
        return hub.dataset(f"collection {name}", group)
    ids = ", ".join(parameters["ir_datasets"] for parameters in group)
    return Check(
        WARN,
        f"collection {name}",
        f"{ids}: fetched by ir_datasets, which tells no sizes; {expected_documents(group):,} documents by the catalog",
    )


def _unpinned(option: str, parameters: Mapping[str, Any]) -> str:
    """What to add for a collection that lacks a revision; empty if it has all."""
    parts = {option: parameters, f"{option}.judgements": parameters.get("judgements") or {}}
    lacking = {at: part["hub"] for at, part in parts.items() if part.get("revision") == UNPINNED}
    options = " ".join(f"--set {at}.revision=COMMIT" for at in lacking)
    return f"{option}: {' and '.join(lacking.values())} without a pinned revision; add {options}" if lacking else ""


def licenses(preset: Preset, catalog: Catalog, hub: HubAccess) -> list[Check]:
    """Non-commercial and unknown ones by name, the others in one line. What the hub's cards state counts before the catalog's words."""
    of_models = {
        entry.id: entry.license
        for kind in (catalog.encoders, catalog.tokenizers, catalog.bridges, catalog.references)
        for entry in kind.values()
    }
    stated: dict[str, tuple[str, str]] = {}
    for sources in (preset.architectures, preset.tokenizers, preset.bridges, preset.references):
        for source in sources.values() if isinstance(sources, dict) else ():
            if _on_hub(source):
                stated[source.model] = hub.license("model", source.model), of_models.get(source.model, "unknown")
    for name, collection in preset.collections.items():
        if collection.folder is None:
            card = hub.license("dataset", collection.hub) if collection.hub else ""
            stated[name] = card, _collection_license(collection, catalog)
    checks, others = [], 0
    free: dict[str, set[str]] = {}
    for name, (card, known) in stated.items():
        license, whose = (known, "by the catalog") if card.lower() in ("", "unknown") else (card, "by the card")
        if license.lower() == "unknown":
            checks.append(Check(WARN, "license", f"{name}: unknown; read its card before you pass results on"))
        elif re.search(r"\bNC\b|non-?commercial", license, re.I):
            checks.append(
                Check(WARN, "license", f"{name}: {license} {whose}, not for commercial use, nor what is made from it")
            )
        else:
            others += 1
            free.setdefault(whose, set()).add(license)
    if free:
        shown = "; ".join(f"{', '.join(sorted(licenses))} {whose}" for whose, licenses in free.items())
        checks.append(Check(OK, "license", f"{others} others: {shown}"))
    return checks or [Check(OK, "license", "nothing from a hub is used")]


def _on_hub(source: Named) -> bool:
    return source.hub or (source.revision is not None and not Path(source.model).expanduser().exists())


def _collection_license(collection: CollectionSource, catalog: Catalog) -> str:
    for entry in catalog.collections.values():
        if any(
            getattr(collection, key) is not None and entry.source.get(key) == getattr(collection, key)
            for key in ("hub", "ir_datasets")
        ):
            return entry.license
    return "unknown"
