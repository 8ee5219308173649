"""Load a sparse encoder and make sure it is one: a masked LM under SPLADE pooling, from safetensors, without remote code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def load_encoder(model: str, revision: str | None = None, device: str | None = None) -> Any:
    """A sentence-transformers `SparseEncoder` from the hub or a folder.

    Raises ValueError if the model is no masked LM (sentence-transformers would silently build an untrained autoencoder on top of it) or not a
    Transformer + SpladePooling pair.
    """
    check_folder(model)
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    from sembridge.transplant import usable_positions

    encoder = SparseEncoder(model, revision=revision, device=device, trust_remote_code=False, model_kwargs={"use_safetensors": True})
    kinds = [type(module).__name__ for module in encoder]
    if len(kinds) != 2 or not isinstance(encoder[1], SpladePooling):
        raise ValueError(f"{model!r} is no SPLADE encoder: its modules are {', '.join(kinds)}; expected a masked LM and SpladePooling")
    if (positions := usable_positions(encoder[0].model)) is not None:  # sentence-transformers counts the rows RoBERTa leaves unused as well
        encoder.max_seq_length = min(encoder.max_seq_length, positions)
    return encoder.eval()


def load_tokenizer(name: str, revision: str | None = None) -> Any:
    """A transformers tokenizer from the hub or a folder; ValueError if it has no pad token (batches could not be padded)."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
    if tokenizer.pad_token_id is None:
        raise ValueError(f"tokenizer {name!r} has no pad token; set pad_token in its tokenizer_config.json to the token that pads a batch")
    return tokenizer


def check_folder(model: str) -> None:
    """The checks a local model folder allows before anything heavy is imported. Hub ids pass."""
    folder = Path(model)
    if not folder.is_dir():
        if folder.is_absolute() or model.startswith((".", "~")):
            raise ValueError(f"model folder {model!r} does not exist; check the path")
        return
    config = folder / "config.json"
    if not config.is_file():
        raise ValueError(f"model folder {model!r} has no config.json; a masked-LM folder has config.json, model.safetensors and a tokenizer")
    architectures = json.loads(config.read_text(encoding="utf-8")).get("architectures") or []
    if not any(name.endswith("ForMaskedLM") for name in architectures):
        shown = ", ".join(architectures) or "none"
        raise ValueError(f"model {model!r} is no masked LM (architectures: {shown}); choose a SPLADE encoder whose config names a ...ForMaskedLM")
    if not list(folder.glob("*.safetensors")):
        raise ValueError(f"model folder {model!r} has no .safetensors file; convert its weights, pickled weights are not loaded")
