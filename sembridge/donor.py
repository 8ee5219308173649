"""Load a donor model: another encoder, sparse or dense, whose rows or outputs a method may use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sembridge.bridge import load_bridge
from sembridge.encoder.loading import load_encoder
from sembridge.vocabulary.tokenizer_check import model_file


def load_donor(model: str, revision: str | None = None, device: str | None = None) -> Any:
    """Return a `SparseEncoder` (see `load_encoder`) or a `SentenceTransformer` (see `load_bridge`), as the model says.

    model  hub id or folder

    Raises ValueError as these loaders do.
    """
    load = load_encoder if is_sparse(model, revision) else load_bridge
    return load(model, revision, device)


def is_sparse(model: str, revision: str | None = None) -> bool:
    """Return whether a model is a sparse encoder by its own files: of sentence-transformers, or a bare masked LM."""
    described = _json(model_file(model, "config_sentence_transformers.json", revision))
    if isinstance(described, dict) and "model_type" in described:
        return described["model_type"] == "SparseEncoder"
    modules = _json(model_file(model, "modules.json", revision))
    if isinstance(modules, list):
        return any(str(module.get("type")).endswith("SpladePooling") for module in modules if isinstance(module, dict))
    config = _json(model_file(model, "config.json", revision))
    names = config.get("architectures") if isinstance(config, dict) else None
    return isinstance(names, list) and any(str(name).endswith("ForMaskedLM") for name in names)


def _json(path: str | None) -> Any:
    """Return what a file holds; None for one that is absent or damaged, of which the loader says what is wrong."""
    try:
        return None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
