"""Resolve the names in a preset to inputs: the user's folders, hub models, parts of the pocket.

Wrong names are refused here, before anything runs.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path

from harness.collections.stage import COLLECTION
from harness.files import json_data
from harness.plan.collection_source import CollectionSource
from harness.plan.preset import ModelSource, Named, PresetError, ReferenceSource
from harness.store.artifact import Artifact, Hub, Local, Source
from sembridge.encoder.loading import check_folder
from sembridge.encoder.weights import BODY, check_weights
from sembridge.nearest import nearest
from sembridge.vocabulary.tokenizer_check import OTHER_TOKENIZER

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


def check_model(option: str, source: Source) -> None:
    """Refuse a local encoder that is not a masked LM in safetensors."""
    _check_local(option, source, check_folder)


def bridge_prompt(option: str, bridge: ModelSource, source: Source) -> tuple[str | None, str]:
    """Return what precedes every token that a bridge embeds, and a warning, "" without one.

    The prompt is None where only the loaded bridge can tell. The warning says that it is not what the bridge was
    trained with, as far as its files, its name and the catalog tell.
    """
    from harness.catalog.prompts import doubt, prompt_of_folder, prompt_of_hub_model

    if not isinstance(source, (Local, Hub)):  # a part of the pocket, which declares none
        return bridge.prompt or "", ""
    folder, model = (source.path, str(source.path)) if isinstance(source, Local) else (None, source.name)
    prompt = bridge.prompt
    if prompt is None:
        prompt = prompt_of_folder(folder) if folder else prompt_of_hub_model(model)
    return prompt, "" if prompt is None else doubt(option, f"--set {option}.prompt", model, folder, prompt)


def dense_prompts_warning(option: str, bridge: ModelSource, source: Source) -> str:
    """Return a warning if a bridge retrieves by itself without the prompts it was trained with, "" without one."""
    from harness.catalog.prompts import doubt_as_retriever

    if not isinstance(source, (Local, Hub)):
        return ""
    folder, model = (source.path, str(source.path)) if isinstance(source, Local) else (None, source.name)
    return doubt_as_retriever(option, model, folder, bridge.query_prompt, bridge.document_prompt)


def check_encoder_weights(option: str, source: Source) -> None:
    """Refuse a local encoder whose file lacks weights; imports transformers."""
    _check_folder(option, source, check_weights)


def check_bridge_weights(option: str, source: Source) -> None:
    """Refuse a local bridge whose files lack weights; imports transformers for one that is a model of it."""
    _check_folder(option, source, lambda model: check_weights(model, BODY))


def check_reading(option: str, kind: str, source: Source) -> None:
    """Refuse a local encoder, tokenizer or bridge whose tokenizer is not used as its tokenizer.json says.

    kind  encoder | tokenizer | bridge

    Loads tokenizers with transformers, so the light checks come first.
    """
    if isinstance(source, Local):
        from sembridge.bridge import check_bridge_tokenizer
        from sembridge.encoder.loading import check_encoder_tokenizers, load_tokenizer

        checks: dict[str, Callable[[str], object]] = {"encoder": check_encoder_tokenizers, "tokenizer": load_tokenizer}
        checks["bridge"] = check_bridge_tokenizer
        try:
            checks[kind](str(source.path))
        except ValueError as error:
            raise PresetError(f"{option}: {error}") from None


def check_dense_model(option: str, source: Source) -> None:
    """Refuse a local bridge that has to retrieve by itself (`dense`) and is not a dense encoder."""
    from harness.references.dense import check_dense

    _check_local(option, source, check_dense)


def check_reference(option: str, reference: ReferenceSource, source: Source) -> None:
    """Refuse a local reference model that is not of its declared kind, or needs code that was not allowed."""
    from harness.references.sparse_models import check

    _check_local(option, source, lambda model: check(reference.kind, model, remote_code=reference.remote_code))


def _check_local(option: str, source: Source, check: Callable[[str], object]) -> None:
    if isinstance(source, Local):
        _check_json(option, source.path)
        _check_folder(option, source, check)


def _check_folder(option: str, source: Source, check: Callable[[str], object]) -> None:
    if isinstance(source, Local):
        try:
            check(str(source.path))
        except ValueError as error:
            raise PresetError(f"{option}: {error}") from None


def check_tokenizer(option: str, source: Source) -> None:
    """Refuse a local tokenizer without a readable tokenizer.json or without a pad token."""
    if not isinstance(source, Local):
        return
    folder = source.path
    _check_json(option, folder)
    if not (folder / "tokenizer.json").is_file():
        raise PresetError(
            f"{option}: {folder} has no tokenizer.json; save the tokenizer with transformers' save_pretrained; if that "
            f"writes none, the tokenizer is Python code, which cannot be used: {OTHER_TOKENIZER}"
        )
    settings: dict = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            content = json_data.read(folder / name)
            if not isinstance(content, dict):
                raise PresetError(f"{option}: {folder / name} holds no JSON object; get the file again")
            settings |= content
    if not settings.get("pad_token"):
        raise PresetError(
            f"{option}: tokenizer {folder} has no pad token; "
            "set pad_token in its tokenizer_config.json to the token that pads a batch"
        )
    _check_tokenizer_file(option, folder / "tokenizer.json")


def _check_tokenizer_file(option: str, file: Path) -> None:
    """Refuse JSON that is not a tokenizer; the reader's own message would not help a person."""
    from tokenizers import Tokenizer

    try:
        Tokenizer.from_file(str(file))
    except Exception as error:  # the reader raises no narrower class
        reason = " ".join(str(error).split())[:100]
        raise PresetError(
            f"{option}: {file} is not a tokenizer ({reason}); save it anew with transformers' save_pretrained"
        ) from None


def _check_json(option: str, folder: Path) -> None:
    """Refuse damaged JSON files: one cut off by a broken download would fail much later, and without its name."""
    for path in sorted(folder.glob("*.json")):
        try:
            json_data.read(path)
        except json_data.JsonError as error:
            raise PresetError(f"{option}: {path} is not JSON ({error}); get the file again") from None
        except OSError as error:
            raise PresetError(
                f"{option}: {path} cannot be read ({error.strerror}); check the file and who may read it"
            ) from None
