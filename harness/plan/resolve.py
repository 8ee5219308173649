"""Resolve the names in a preset to inputs: the user's folders, hub models, parts of the pocket.

Wrong names are refused here, before anything runs.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from harness.collections.stage import COLLECTION
from harness.plan.collection_source import CollectionSource
from harness.plan.preset import ModelSource, Named, PresetError
from harness.store.artifact import Artifact, Hub, Local, Source
from sembridge.nearest import nearest

UNPINNED = "not pinned"
"""Stands for the revision of a hub model that has none yet: enough for a plan, not for a run."""


def resolve(option: str, source: Named, language: str = "") -> Source:
    """Return the input that a preset names; error messages call it `option`."""
    name = source.model.replace("{language}", language)
    if source.hub:
        return Hub(name, source.revision or UNPINNED)
    if name.startswith("pocket:"):
        from harness.pocket.names import pocket_member

        try:
            return pocket_member(name.removeprefix("pocket:"))
        except ValueError as error:
            raise PresetError(f"{option}: {error}") from None
    path = Path(name).expanduser()
    if path.exists():
        return Local(path.resolve())
    takes_hub = option.startswith(("architectures.", "bridges.", "references.", "tokenizers.")) and could_be_hub(name)
    if takes_hub and source.revision is not None:
        return Hub(name, source.revision)
    if "{language}" in source.model:
        raise PresetError(f"{option}: {path} does not exist; {_siblings(source.model, language)}")
    advice = "; check the path"
    if takes_hub:
        advice = f"{near_folder(name)}; if it is a hub model, add its pinned revision (--set {option}.revision=COMMIT)"
    raise PresetError(f"{option}: {name!r} does not exist here{advice}")


def resolve_pinned(option: str, name: str, language: str) -> Source:
    """Return the model that an option names in one word: a folder, a part of the pocket, or OWNER/NAME@COMMIT."""
    here = name.replace("{language}", language)
    model, _, revision = here.partition("@")
    if not could_be_hub(model) or Path(here).expanduser().exists():
        return resolve(option, ModelSource(model=name), language)
    if not revision:
        advice = f"if it is a hub model, add its pinned revision (--set {option}={model}@COMMIT)"
        raise PresetError(f"{option}: {model!r} does not exist here{near_folder(model)}; {advice}")
    return Hub(model, revision)


def could_be_hub(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "~", "/", "pocket:"))


def near_folder(name: str) -> str:
    """Return " (did you mean the folder ...?)" for a name that may mean a folder; "" if none is near."""
    above, _, last = name.rpartition("/")
    inside = get_close_matches(last, [path.name for path in Path(above).glob("*") if path.is_dir()], 1)
    beside = get_close_matches(above, [path.name for path in Path().glob("*") if (path / last).is_dir()], 1)
    folder = f"{above}/{inside[0]}" if inside else f"{beside[0]}/{last}" if beside else ""
    return f" (did you mean the folder {folder!r}?)" if folder else ""


def resolve_collection(option: str, source: CollectionSource, language: str) -> Source:
    """Return a folder, or the artifact of a download. A hub dataset needs its revision, as models do."""
    if source.folder is not None:
        return resolve(option, ModelSource(model=source.folder), language)
    for dataset, revision, part in _hub_datasets(source):
        if revision is None:
            advice = f"(--set {option}.{part}revision=COMMIT)"
            raise PresetError(f"{option}: the hub dataset {dataset!r} needs its pinned revision {advice}")
    parameters = source.parameters(language)
    if source.ir_datasets is not None:
        from harness.collections.irds import check_id

        try:
            for name in (parameters["ir_datasets"], parameters.get("train")):
                if name is not None:
                    check_id(name)
        except ValueError as error:
            raise PresetError(f"{option}: {error}") from None
    return Artifact(COLLECTION, parameters, {})


def _hub_datasets(source: CollectionSource) -> Iterator[tuple[str, str | None, str]]:
    """Yield (name, revision, prefix of its options) of each hub dataset that a collection is read from."""
    if source.hub is not None:
        yield source.hub, source.revision, ""
    if source.judgements is not None:
        yield source.judgements.hub, source.judgements.revision, "judgements."


def _siblings(pattern: str, language: str) -> str:
    """Say which languages exist where this one does not."""
    before, _, after = pattern.partition("{language}")
    folder, prefix, suffix = Path(before).expanduser(), "", after.split("/")[0]
    if not before.endswith("/"):
        folder, prefix = folder.parent, folder.name
    present = [path.name for path in folder.glob(f"{glob.escape(prefix)}*{glob.escape(suffix)}") if path.name[0] != "."]
    names = [name.removeprefix(prefix).removesuffix(suffix) for name in present]
    describe = f"make the folder {folder} as the page 'own-data' of the documentation describes"
    return nearest(language, names) if names else describe


def may_be_inference_free(source: Source) -> bool:
    """Return whether an encoder may have query weights of its own; only a local folder can show that it has none."""
    return not isinstance(source, Local) or (source.path / "router_config.json").is_file()


def bridge_prompt(option: str, bridge: ModelSource, source: Source) -> tuple[str | None, str]:
    """Return what precedes every token that a bridge embeds, and a warning, "" without one.

    The prompt is None where only the loaded bridge can tell. The warning says that it is not what the bridge was
    trained with, as far as its files, its name and the catalog tell.
    """
    from harness.catalog.prompts import doubt, prompt_of_folder, prompt_of_hub_model

    if not isinstance(source, (Local, Hub)):  # a part of the pocket, which declares none
        return bridge.prompt or "", ""
    model, folder = _place(source)
    prompt = bridge.prompt
    if prompt is None:
        prompt = prompt_of_folder(folder) if folder else prompt_of_hub_model(model)
    return prompt, "" if prompt is None else doubt(option, f"--set {option}.prompt", model, folder, prompt)


def dense_prompts_warning(option: str, bridge: ModelSource, source: Source) -> str:
    """Return a warning if a bridge retrieves by itself without the prompts it was trained with, "" without one."""
    from harness.catalog.prompts import doubt_as_retriever

    if not isinstance(source, (Local, Hub)):
        return ""
    model, folder = _place(source)
    return doubt_as_retriever(option, model, folder, bridge.query_prompt, bridge.document_prompt)


def _place(source: Local | Hub) -> tuple[str, Path | None]:
    """Return the path or hub id of a model, and the folder where it lies, if it does."""
    return (str(source.path), source.path) if isinstance(source, Local) else (source.name, None)
