"""Find the hub models of a plan that lack a pinned revision, and say what to type for each."""

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
    """Return one line for each model that these cells read and that has no pinned revision."""
    inputs = [source for cell in cells for artifact in cell.artifact.walk() for source in artifact.inputs.values()]
    unpinned_names = {source.name for source in inputs if isinstance(source, Hub) and source.revision == UNPINNED}
    lines = []
    for option in MODELS:
        sources = getattr(preset, option)
        for name, source in sources.items() if isinstance(sources, dict) else ():
            model = source.model.replace("{language}", name)
            if source.revision in (None, UNPINNED) and model in unpinned_names:
                problem = f"{model} has no pinned revision"
                if source.revision == UNPINNED:  # the name may also mean a folder
                    problem += f", and there is no such folder here{near_folder(model)}"
                lines.append(f"{option}.{name}: {problem}; add --set {option}.{name}.revision=COMMIT")
    return lines


def with_placeholders(preset: Preset) -> Preset:
    """Return the preset with UNPINNED for every revision it lacks: enough for a plan, not for a run.

    A model without a folder is assumed to be on the hub.
    """
    models: dict[str, Any] = {
        option: {name: _assume_hub(source) for name, source in sources.items()}
        for option in MODELS
        if isinstance(sources := getattr(preset, option), dict)
    }
    if isinstance(preset.tokenizers, str):
        models["tokenizers"] = _expand_pattern(preset.tokenizers, preset.languages)
    collections = {name: _fill_revisions(collection) for name, collection in preset.collections.items()}
    return preset.model_copy(update=models | {"collections": collections})


def _fill_revisions(collection: CollectionSource) -> CollectionSource:
    if collection.hub is not None and collection.revision is None:
        collection = collection.model_copy(update={"revision": UNPINNED})
    if collection.judgements is not None and collection.judgements.revision is None:
        judgements = collection.judgements.model_copy(update={"revision": UNPINNED})
        collection = collection.model_copy(update={"judgements": judgements})
    return collection


def _assume_hub(source: _Source) -> _Source:
    """Return the source as a hub model without revision, unless it is decided or may be a folder."""
    decided = source.hub or source.revision is not None or not could_be_hub(source.model)
    if decided or Path(source.model.partition("{language}")[0]).exists():
        return source
    return source.model_copy(update={"hub": True, "revision": UNPINNED})


def _expand_pattern(pattern: str, languages: Sequence[str]) -> str | dict[str, ModelSource]:
    """Return the tokenizer of each language, if a pattern can only mean hub models because no folder is there."""
    source = _assume_hub(ModelSource(model=pattern))
    return dict.fromkeys(languages, source) if source.hub else pattern
