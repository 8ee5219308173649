"""Which hub models of a plan still lack their revision, and what to type for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from harness.plan.collection_source import CollectionSource
from harness.plan.plan import Cell
from harness.plan.preset import ModelSource, Named, Preset
from harness.plan.resolve import UNPINNED, could_be_hub, near_folder
from harness.store.artifact import Hub

_Source = TypeVar("_Source", bound=Named)
MODELS = ("architectures", "tokenizers", "bridges", "references")  # the options that name models


def unpinned(preset: Preset, cells: Iterable[Cell]) -> list[str]:
    """One line for each model that these cells read and that has no pinned revision; empty if all have one."""
    inputs = [source for cell in cells for artifact in cell.artifact.walk() for source in artifact.inputs.values()]
    wanted = {source.name for source in inputs if isinstance(source, Hub) and source.revision == UNPINNED}
    lines = []
    for option in MODELS:
        sources = getattr(preset, option)
        for name, source in sources.items() if isinstance(sources, dict) else ():
            model = source.model.replace("{language}", name)
            if source.revision in (None, UNPINNED) and model in wanted:
                guessed = (
                    f", and there is no such folder here{near_folder(model)}" if source.revision == UNPINNED else ""
                )
                lines.append(
                    f"{option}.{name}: {model} has no pinned revision{guessed}; add --set {option}.{name}.revision=COMMIT"
                )
    return lines


def with_placeholders(preset: Preset) -> Preset:
    """The preset made fit for a plan, never for a run: with UNPINNED for the revisions it lacks. Models without a folder are taken for hub models."""
    models: dict[str, Any] = {
        option: {name: _taken_for_hub(source) for name, source in sources.items()}
        for option in MODELS
        if isinstance(sources := getattr(preset, option), dict)
    }
    if isinstance(preset.tokenizers, str):
        models["tokenizers"] = _by_language(preset.tokenizers, preset.languages)
    collections = {name: _placed(collection) for name, collection in preset.collections.items()}
    return preset.model_copy(update=models | {"collections": collections})


def _placed(collection: CollectionSource) -> CollectionSource:
    if collection.hub is not None and collection.revision is None:
        collection = collection.model_copy(update={"revision": UNPINNED})
    if collection.judgements is not None and collection.judgements.revision is None:
        judgements = collection.judgements.model_copy(update={"revision": UNPINNED})
        collection = collection.model_copy(update={"judgements": judgements})
    return collection


def _taken_for_hub(source: _Source) -> _Source:
    known = (
        source.hub
        or source.revision is not None
        or not could_be_hub(source.model)
        or Path(source.model.partition("{language}")[0]).exists()
    )
    return source if known else source.model_copy(update={"hub": True, "revision": UNPINNED})


def _by_language(pattern: str, languages: Sequence[str]) -> str | dict[str, ModelSource]:
    """What a pattern of tokenizers stands for, if it can only be of hub models: where it leads, no folder is."""
    taken = _taken_for_hub(ModelSource(model=pattern))
    return dict.fromkeys(languages, taken) if taken.hub else pattern
