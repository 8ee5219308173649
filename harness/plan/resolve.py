"""From the names in a preset to inputs: the user's folders, hub models, parts of the pocket. Wrong names end here, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from harness.collections.stage import COLLECTION
from harness.files import json_data
from harness.plan.collection_source import CollectionSource
from harness.plan.preset import ModelSource, Named, PresetError, ReferenceSource
from harness.store.artifact import Artifact, Hub, Local, Source
from sembridge.encoder.loading import check_folder
from sembridge.nearest import nearest

UNPINNED = "not pinned"
"""The revision of a hub model whose revision is still to be given: good for a plan, never for a run."""


def resolve(option: str, source: Named, language: str = "") -> Source:
    """The input a preset names; `option` is what an error message calls it."""
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
    hint = f"; if it is a hub model, add its pinned revision (--set {option}.revision=COMMIT)" if takes_hub else ""
    raise PresetError(
        f"{option}: {name!r} does not exist here{near_folder(name) if hint else ''}{hint or '; check the path'}"
    )


def could_be_hub(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "~", "/", "pocket:"))


def near_folder(name: str) -> str:
    """For those who meant a folder by what could be the name of a hub model: the nearest that is there, in brackets; empty if none is near."""
    above, _, last = name.rpartition("/")
    inside = get_close_matches(last, [path.name for path in Path(above).glob("*") if path.is_dir()], 1)
    beside = get_close_matches(above, [path.name for path in Path().glob("*") if (path / last).is_dir()], 1)
    found = f"{above}/{inside[0]}" if inside else f"{beside[0]}/{last}" if beside else ""
    return f" (did you mean the folder {found!r}?)" if found else ""


def resolve_collection(option: str, source: CollectionSource, language: str) -> Source:
    """A folder, or the artifact that a download becomes. A hub dataset needs its revision, as models do."""
    if source.folder is not None:
        return resolve(option, ModelSource(model=source.folder), language)
    pinned = {"": source.revision} if source.hub else {}
    if source.judgements is not None:
        pinned["judgements."] = source.judgements.revision
    for part, revision in pinned.items():
        if revision is None:
            name = source.judgements.hub if part and source.judgements else source.hub
            raise PresetError(
                f"{option}: the hub dataset {name!r} needs its pinned revision (--set {option}.{part}revision=COMMIT)"
            )
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


def _siblings(pattern: str, language: str) -> str:
    """Which languages do exist where this one was looked for."""
    before, _, after = pattern.partition("{language}")
    folder = Path(before).expanduser() if before.endswith("/") else Path(before).expanduser().parent
    tail = after.split("/")[0]
    names = [path.name.removesuffix(tail) for path in folder.glob("*")] if folder.is_dir() else []
    return (
        nearest(language, names)
        if names
        else f"make the folder {folder} as the page 'own-data' of the documentation describes"
    )


def may_be_inference_free(source: Source) -> bool:
    """Whether an encoder may have query weights of its own: a local folder shows it, of other sources it is not known before they are here."""
    return not isinstance(source, Local) or (source.path / "router_config.json").is_file()


def check_model(option: str, source: Source) -> None:
    """A local encoder must be a masked LM in safetensors."""
    _check_local(option, source, check_folder)


def check_dense_model(option: str, source: Source) -> None:
    """A local bridge that is to retrieve by itself must be a dense encoder."""
    from harness.references.dense import check_dense

    _check_local(option, source, check_dense)


def check_reference(option: str, asked: ReferenceSource, source: Source) -> None:
    """A local reference model must be of the kind it is said to be, and need no code that was not asked for."""
    from harness.references.sparse_models import check

    _check_local(option, source, lambda model: check(asked.kind, model, remote_code=asked.remote_code))


def _check_local(option: str, source: Source, check: Callable[[str], object]) -> None:
    if isinstance(source, Local):
        _check_json(option, source.path)
        try:
            check(str(source.path))
        except ValueError as error:
            raise PresetError(f"{option}: {error}") from None


def check_tokenizer(option: str, source: Source) -> None:
    """A local tokenizer must have a tokenizer.json and a pad token."""
    if not isinstance(source, Local):
        return
    folder = source.path
    _check_json(option, folder)
    if not (folder / "tokenizer.json").is_file():
        raise PresetError(
            f"{option}: {folder} has no tokenizer.json; save the tokenizer with transformers' save_pretrained"
        )
    configured: dict = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            content = json_data.read(folder / name)
            if not isinstance(content, dict):
                raise PresetError(f"{option}: {folder / name} holds no JSON object; get the file again")
            configured |= content
    if not configured.get("pad_token"):
        raise PresetError(
            f"{option}: tokenizer {folder} has no pad token; set pad_token in its tokenizer_config.json to the token that pads a batch"
        )
    _check_cuts(option, folder / "tokenizer.json")


def _check_cuts(option: str, file: Path) -> None:
    """JSON that is no tokenizer fails in the reader's own words, which are of no help."""
    from tokenizers import Tokenizer

    try:
        Tokenizer.from_file(str(file))
    except Exception as error:  # the reader raises nothing more exact
        said = " ".join(str(error).split())[:100]
        raise PresetError(
            f"{option}: {file} is no tokenizer ({said}); save the tokenizer anew with transformers' save_pretrained"
        ) from None


def _check_json(option: str, folder: Path) -> None:
    """Files cut off by a broken download would fail much later, and without their name."""
    for path in sorted(folder.glob("*.json")):
        try:
            json_data.read(path)
        except json_data.JsonError as error:
            raise PresetError(f"{option}: {path} is no JSON ({error}); get the file again") from None
        except OSError as error:
            raise PresetError(
                f"{option}: {path} cannot be read ({error.strerror}); check the file and who may read it"
            ) from None


def check_collection(option: str, source: Source, needs_pairs: bool) -> None:
    """A local collection must be complete and consistent, and have training pairs if the grid trains on it."""
    if isinstance(source, Local):
        from harness.collections import beir

        try:
            summary = beir.check(source.path)
        except ValueError as error:
            raise PresetError(f"{option}: {error}") from None
        if needs_pairs and not summary.train_pairs:
            raise PresetError(
                f"{option}: {source.path} has no training pairs; add qrels/train.tsv, or leave fine-tuned out with --regimes zero-shot"
            )
