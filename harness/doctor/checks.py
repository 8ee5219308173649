"""Check the revisions, access and licenses that a preset needs. Nothing is downloaded or computed."""

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

_TOKENIZERS = ("tokenizer", "source", "target")  # inputs of which only the tokenizer is read


def access(
    preset: Preset, cells: Sequence[Cell], todo: Sequence[Artifact], store: Store, catalog: Catalog, hub: HubAccess
) -> list[Check]:
    """Return one check for each model, and one for each collection in all languages, that missing artifacts read."""
    models: dict[tuple[str, str], set[str]] = {}
    with_code: set[str] = set()
    local: set[str] = set()
    for artifact in todo:
        for role, source in artifact.inputs.items():
            if isinstance(source, Hub):
                parts = models.setdefault((source.name, source.revision), {TOKENIZER})
                if role not in _TOKENIZERS:
                    parts.add(WHOLE)
                if role == "encoder" and artifact.stage.name in ("reference", "reference-vectors"):
                    if artifact.parameters["kind"] == "bge-m3":
                        parts.add(HEAD)
                    elif artifact.parameters["remote_code"]:
                        parts.add(CODE)
                    if artifact.parameters["remote_code"]:
                        with_code.add(source.name)
            elif isinstance(source, Local):
                local.add(str(source.path))
    pocket = {part for cell in cells for part in cell.artifact.walk() if part.stage.name.startswith("pocket-")}
    checks = []
    if pocket:
        stored = f"{len(pocket)} parts, {sum(map(store.has, pocket))} of them in the store"
        checks.append(Check(OK, "pocket", f"{stored}; what is missing is built here, nothing is downloaded"))
    if local:
        checks.append(Check(OK, "folders", f"{len(local)} folders and files of yours are read, and were checked"))
    checks += [Check(FAIL, "revision", line) for line in unpinned(preset, cells)]
    gated = {
        entry.id
        for kind in (catalog.encoders, catalog.tokenizers, catalog.bridges, catalog.references)
        for entry in kind.values()
        if entry.gated
    }
    for (name, revision), parts in sorted(models.items()):
        if revision != UNPINNED:
            checks.append(hub.model(name, revision, parts))
        elif name in gated:
            advice = gate(f"https://huggingface.co/{name}")
            checks.append(Check(WARN, "access", f"{name}: gated, not checked without a revision: {advice}"))
    for name in sorted(with_code):
        text = f"{name}: code of its repository will run here, as remote_code says; read it first"
        checks.append(Check(WARN, "code", text))
    return checks + [_collection(name, group, hub) for name, group in _downloads(preset, todo).items()]


def _downloads(preset: Preset, todo: Iterable[Artifact]) -> dict[str, list[dict]]:
    """Return the collections that are still to be downloaded: name -> parameters, one per language."""
    missing = {artifact.key for artifact in todo if artifact.stage.name == "collection"}
    downloads: dict[str, list[dict]] = {}
    for name, source in preset.collections.items():
        for language in preset.languages if source.folder is None else ():
            parameters = source.parameters(language)
            if Artifact(COLLECTION, parameters).key in missing:
                downloads.setdefault(name, []).append(parameters)
    return downloads


def _collection(name: str, group: Sequence[dict], hub: HubAccess) -> Check:
    if advice := _unpinned(f"collections.{name}", group[0]):
        return Check(FAIL, "revision", advice)
    if "hub" in group[0]:
        return hub.dataset(f"collection {name}", group)
    ids = ", ".join(parameters["ir_datasets"] for parameters in group)
    documents = f"{expected_documents(group):,} documents by the catalog"
    return Check(WARN, f"collection {name}", f"{ids}: fetched by ir_datasets, which tells no sizes; {documents}")


def _unpinned(option: str, parameters: Mapping[str, Any]) -> str:
    """Return the options to add for a collection that lacks a revision; "" if it has all."""
    parts = {option: parameters, f"{option}.judgements": parameters.get("judgements") or {}}
    lacking = {path: part["hub"] for path, part in parts.items() if part.get("revision") == UNPINNED}
    options = " ".join(f"--set {path}.revision=COMMIT" for path in lacking)
    return f"{option}: {' and '.join(lacking.values())} without a pinned revision; add {options}" if lacking else ""


def licenses(preset: Preset, catalog: Catalog, hub: HubAccess) -> list[Check]:
    """Return checks of licenses: non-commercial and unknown ones by name, the others in one line.

    The card on the hub precedes the catalog.
    """
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
        license, origin = (known, "by the catalog") if card.lower() in ("", "unknown") else (card, "by the card")
        if license.lower() == "unknown":
            checks.append(Check(WARN, "license", f"{name}: unknown; read its card before you pass results on"))
        elif re.search(r"\bNC\b|non-?commercial", license, re.I):
            text = f"{name}: {license} {origin}, not for commercial use, nor what is made from it"
            checks.append(Check(WARN, "license", text))
        else:
            others += 1
            free.setdefault(origin, set()).add(license)
    if free:
        shown = "; ".join(f"{', '.join(sorted(licenses))} {origin}" for origin, licenses in free.items())
        checks.append(Check(OK, "license", f"{others} others: {shown}"))
    return checks or [Check(OK, "license", "nothing from a hub is used")]


def _on_hub(source: Named) -> bool:
    return source.hub or (source.revision is not None and not Path(source.model).expanduser().exists())


def _collection_license(collection: CollectionSource, catalog: Catalog) -> str:
    for entry in catalog.collections.values():
        for key in ("hub", "ir_datasets"):
            if getattr(collection, key) is not None and entry.source.get(key) == getattr(collection, key):
                return entry.license
    return "unknown"
