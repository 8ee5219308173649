"""Which hub models of a plan still lack their revision, and what to type for each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.grid.artefact import Hub
from harness.grid.collection_source import CollectionSource
from harness.grid.plan import Cell
from harness.grid.preset import Named, Preset
from harness.grid.sources import UNPINNED

MODELS = ("architectures", "tokenizers", "bridges", "references")  # the options that name models


def unpinned(preset: Preset, cells: Iterable[Cell]) -> list[str]:
    """One line for each model that these cells read and that has no pinned revision; empty if all have one."""
    inputs = [source for cell in cells for artefact in cell.artefact.walk() for source in artefact.inputs.values()]
    wanted = {source.name for source in inputs if isinstance(source, Hub) and source.revision == UNPINNED}
    lines = []
    for option in MODELS:
        sources = getattr(preset, option)
        for name, source in sources.items() if isinstance(sources, dict) else ():
            if source.revision is None and source.model in wanted:
                lines.append(f"{option}.{name}: {source.model} has no pinned revision; add --set {option}.{name}.revision=COMMIT")
    return lines


def with_placeholders(preset: Preset) -> Preset:
    """The preset made fit for a plan, never for a run: with UNPINNED for the revisions it lacks. Models without a folder are taken for hub models."""
    models = {
        option: {name: _taken_for_hub(source) for name, source in sources.items()}
        for option in MODELS
        if isinstance(sources := getattr(preset, option), dict)
    }
    collections = {name: _placed(collection) for name, collection in preset.collections.items()}
    return preset.model_copy(update=models | {"collections": collections})


def _placed(collection: CollectionSource) -> CollectionSource:
    if collection.hub is not None and collection.revision is None:
        collection = collection.model_copy(update={"revision": UNPINNED})
    if collection.judgements is not None and collection.judgements.revision is None:
        judgements = collection.judgements.model_copy(update={"revision": UNPINNED})
        collection = collection.model_copy(update={"judgements": judgements})
    return collection


def _taken_for_hub(source: Named) -> Named:
    name = source.model
    local = source.hub or source.revision is not None or name.count("/") != 1 or name.startswith((".", "~", "/", "pocket:")) or "{" in name
    return source if local or Path(name).exists() else source.model_copy(update={"hub": True})
