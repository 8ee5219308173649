"""Load a sparse encoder, checked to be a masked LM under SPLADE pooling, from safetensors and without remote code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sembridge.vocabulary.tokenizer_check import (
    check_ids,
    check_is_fast,
    check_reads_as_file,
    check_tokenizer_folder,
    model_file,
    tokenizer_of,
)
from sembridge.weights.check import check_files

if TYPE_CHECKING:
    from sembridge.encoder.modules import SpladeModules


def load_encoder(model: str, revision: str | None = None, device: str | None = None) -> Any:
    """Return a sentence-transformers `SparseEncoder` from the hub or a folder.

    Its modules are Transformer + SpladePooling, or an inference-free Router (see `splade_modules`); its weights are
    float32, whatever the file holds. Raises ValueError for other modules, for a model that is not a masked LM
    (sentence-transformers would silently build an untrained autoencoder on top of it), for one whose file lacks weights
    (see `checked_load`), and for a tokenizer that is not used as its tokenizer.json says.
    """
    check_folder(model)
    check_files(model)
    check_is_fast(model, revision, _part(model, revision, "Transformer"))
    from sentence_transformers import SparseEncoder

    from sembridge.encoder.modules import splade_modules
    from sembridge.weights.checked_load import FLOAT32, checked_load

    options: dict[str, Any] = {"trust_remote_code": False, "model_kwargs": {"use_safetensors": True, **FLOAT32}}
    encoder = checked_load(model, lambda: SparseEncoder(model, revision=revision, device=device, **options), "logits")
    try:
        modules = splade_modules(encoder)
    except ValueError as error:
        raise ValueError(f"{model!r} is not a SPLADE encoder: {error}") from None
    check_readings(modules, model, revision)
    within_positions(modules)
    return encoder


def check_readings(modules: SpladeModules, model: str, revision: str | None = None) -> None:
    """Check the tokenizers of a loaded encoder; ValueError if one is not used as its tokenizer.json says."""
    document = {"lowercase": bool(modules.transformer.do_lower_case)}
    check_reads_as_file(modules.tokenizer, model, revision, _part(model, revision, "Transformer"), **document)
    if modules.query is not None:
        check_reads_as_file(modules.query.tokenizer, model, revision, _part(model, revision, "SparseStaticEmbedding"))


def within_positions(modules: SpladeModules) -> None:
    """Limit the transformer to its usable positions: sentence-transformers also counts those RoBERTa leaves unused."""
    from sembridge.encoder.transplant import usable_positions

    if (positions := usable_positions(modules.model)) is not None:
        modules.transformer.max_seq_length = min(modules.transformer.max_seq_length, positions)


def load_tokenizer(name: str, revision: str | None = None) -> Any:
    """Return a transformers tokenizer from the hub or a folder, checked to be used as its tokenizer.json says.

    Raises ValueError if it is not, if it is Python code, if its class cannot read its files, if it has no pad token for
    batches, and for ids that two tokens share or that few tokens have.
    """
    tokenizer = tokenizer_of(name, revision, _part(name, revision, "Transformer"))
    check_pads(tokenizer)
    check_ids(name, tokenizer.backend_tokenizer)
    return tokenizer


def check_encoder_tokenizers(model: str) -> None:
    """Check the tokenizers of an encoder's folder before its weights are read; ValueError as by `load_encoder`."""
    for kind in ("Transformer", "SparseStaticEmbedding"):
        if (part := _part(model, None, kind)) or kind == "Transformer":
            check_tokenizer_folder(model, part)


def check_pads(tokenizer: Any) -> None:
    """Check that a tokenizer has a pad token, without which batches could not be padded; ValueError if not."""
    if tokenizer.pad_token_id is None:
        raise ValueError(
            f"tokenizer {tokenizer.name_or_path!r} has no pad token; "
            "set pad_token in its tokenizer_config.json to the token that pads a batch"
        )


def check_folder(model: str) -> None:
    """Check what can be checked of a local model folder before heavy imports; ValueError if it fails. Hub ids pass."""
    folder = Path(model)
    if not folder.is_dir():
        if folder.is_absolute() or model.startswith((".", "~")):
            raise ValueError(f"model folder {model!r} does not exist; check the path")
        return
    folder = masked_lm_folder(folder)
    config = folder / "config.json"
    if not config.is_file():
        raise ValueError(
            f"model folder {str(folder)!r} has no config.json; "
            "a masked-LM folder has config.json, model.safetensors and a tokenizer"
        )
    if (Path(model) / "modules.json").is_file() and not (Path(model) / "config_sentence_transformers.json").is_file():
        raise ValueError(
            f"model folder {model!r} has modules.json, but no config_sentence_transformers.json, which says that it is "
            "a SparseEncoder and what precedes its texts; copy all of its files there"
        )
    settings = _read(config)
    if settings.get("auto_map"):
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

        if settings.get("model_type") not in CONFIG_MAPPING_NAMES:
            raise ValueError(
                f"model {model!r} is code of its own (auto_map in its config.json), which is not run; "
                "choose an encoder without"
            )
    names = settings.get("architectures")
    architectures = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    if not any(name.endswith("ForMaskedLM") for name in architectures):
        shown = ", ".join(architectures) or "none"
        raise ValueError(
            f"model {model!r} is not a masked LM (architectures: {shown}); "
            "choose a SPLADE encoder whose config names a ...ForMaskedLM"
        )
    parts = _routed(Path(model), "SparseStaticEmbedding")
    pickled = [part for part in parts if list(part.glob("*.bin")) and not list(part.glob("*.safetensors"))]
    for part in pickled or ([] if list(folder.glob("*.safetensors")) else [folder]):
        raise ValueError(
            f"model folder {str(part)!r} has no .safetensors file; convert its weights, pickled weights are not loaded"
        )


def masked_lm_folder(model: Path) -> Path:
    """Return the folder of the masked LM and tokenizer: `model`, or the document side of an inference-free encoder."""
    return next(iter(_routed(model, "Transformer")), model)


def _routed(model: Path, kind: str) -> list[Path]:
    """Return the folders of a Router's modules whose class ends with `kind`; [] for an encoder without a Router."""
    router = model / "router_config.json"
    return [model / name for name in _types(router, kind)] if router.is_file() else []


def _part(model: str, revision: str | None, kind: str) -> str:
    """Return the folder, inside a model's, of a Router's module whose class ends with `kind`; "" if there is none."""
    router = model_file(model, "router_config.json", revision)
    return next(iter(_types(Path(router), kind)), "") if router else ""


def _types(router: Path, kind: str) -> list[str]:
    """Return the folders of modules whose class ends with `kind`; ValueError for one outside of the model's folder."""
    types = _read(router).get("types", {})
    if not isinstance(types, dict):
        raise ValueError(f"{router} names no modules under types; copy the model anew")
    for name in types:
        if name.startswith("/") or ".." in name.replace("\\", "/").split("/"):
            raise ValueError(
                f"{router} has a module in {name[:80]!r}, outside of the model's folder; "
                "get the model again from its maker"
            )
    return [name for name, path in types.items() if str(path).endswith(kind)]


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds one object. Raises ValueError naming the file if it does not."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}); copy the model anew") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no JSON object; copy the model anew")
    return content
