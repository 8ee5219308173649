"""Check the models that a preset names before anything runs, as far as their files tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.files import json_data
from harness.plan.preset import PresetError, ReferenceSource
from harness.store.artifact import Local, Source
from sembridge.encoder.loading import check_folder
from sembridge.vocabulary.tokenizer_check import OTHER_TOKENIZER
from sembridge.weights.check import BODY, check_weights


def check_model(option: str, source: Source) -> None:
    """Refuse a local encoder that is not a masked LM in safetensors."""
    _check_local(option, source, check_folder)


def check_encoder_folder(option: str, source: Source) -> None:
    """Refuse a folder that is not a sparse or a dense encoder."""
    if not isinstance(source, Local):
        return
    _check_json(option, source.path)
    if not any((source.path / name).is_file() for name in ("modules.json", "config.json")):
        raise PresetError(
            f"{option}: {str(source.path)!r} has neither modules.json nor config.json; give the folder of an encoder"
        )


def check_contents(option: str, kind: str, source: Source) -> None:
    """Refuse a local model whose tokenizer is not used as its tokenizer.json says, or whose files lack weights.

    kind  encoder | tokenizer | bridge | donor (an encoder if it is sparse, else as a bridge)

    Loads tokenizers with transformers, so the light checks come first.
    """
    from sembridge.bridge import check_bridge_tokenizer
    from sembridge.donor import is_sparse
    from sembridge.encoder.loading import check_encoder_tokenizers, load_tokenizer

    if kind == "donor" and isinstance(source, Local):
        kind = "sparse donor" if is_sparse(str(source.path)) else "bridge"
    checks: dict[str, tuple[Callable[[str], object], ...]] = {
        "encoder": (check_encoder_tokenizers, check_weights),
        "sparse donor": (check_folder, check_encoder_tokenizers, check_weights),
        "tokenizer": (load_tokenizer,),
        "bridge": (check_bridge_tokenizer, lambda model: check_weights(model, BODY)),
    }
    for check in checks.get(kind, ()):
        _check_folder(option, source, check)


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
