"""Say what downloaded collections lack: their stage wrote it down, and a worker's own warnings are not seen."""

from __future__ import annotations

import json
from collections.abc import Iterable

from harness.collections.stage import ABOUT, COLLECTION
from harness.plan.collection_checks import own_documents_warning
from harness.plan.plan import Cell
from harness.plan.preset import Preset
from harness.store.artifact import Artifact
from harness.store.store import Store


def stored_warnings(preset: Preset, cells: Iterable[Cell], store: Store) -> list[str]:
    """Return what the downloaded collections of these cells lack, as far as they are in the store."""
    labels = {source.label(name): name for name, source in preset.collections.items()}
    stored: dict[tuple[str, str], Artifact] = {}
    for cell in cells:
        for artifact in cell.artifact.walk():
            source = artifact.inputs.get("collection")
            if isinstance(source, Artifact) and source.stage is COLLECTION and store.has(source):
                stored[labels[cell.identity.collection], cell.identity.language] = source
    warnings = []
    for (name, language), artifact in stored.items():
        path = store.path(artifact) / ABOUT
        if not path.is_file():  # a damaged artifact, which the run sets aside
            continue
        about = json.loads(path.read_text(encoding="utf-8"))
        rule, own = preset.collections[name].ignore_identical_ids, about["own"]
        about_own = own_documents_warning(name, rule, own["queries"], own["example"])
        warnings += [f"collection {name}, {language}: {line}" for line in (*about["warnings"], about_own) if line]
    return warnings
