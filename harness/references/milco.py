"""Encode with a reference model whose repository holds code, which runs only if the preset sets `remote_code: true`.

MILCO (Nguyen et al. 2025, arXiv 2510.00671) is such a model. transformers' AutoModel loads it; its encode_query and
encode_document return sparse tensors: weights of English tokens and, from its LexEcho head (`source_view`), of the
text's own tokens. This module follows its published source and was tested on a stand-in, not on the released
checkpoint.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.hub.model_files import read_json

_SIDES = ("encode_query", "encode_document")


def check(model: str, revision: str | None = None) -> None:
    """Raise ValueError unless a folder or hub repository holds all code of an AutoModel itself."""
    settings = read_json(model, revision, "config.json") or {}
    if "AutoModel" not in (settings.get("auto_map") or {}):
        problem = "its config.json names no code under auto_map.AutoModel"
        raise ValueError(f"{model!r} is not of kind milco: {problem}; give MILCO's checkpoint")
    _check_within(model, _auto_map(settings))


def check_allowed(model: str, revision: str | None, modules: Sequence[str], remote_code: bool) -> None:
    """Raise ValueError if a sparse encoder needs code that `remote_code` does not allow, or code of another repository.

    modules  classes of its modules, see `model_files.module_types`
    """
    settings = read_json(model, revision, "config.json") or {}
    needed = [kind for kind in modules if not kind.startswith("sentence_transformers.")]
    if settings.get("auto_map"):
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

        needed += _auto_map(settings) if settings.get("model_type") not in CONFIG_MAPPING_NAMES else []
    if needed and not remote_code:
        advice = "if you have read it and trust it, set remote_code to true beside the model"
        raise ValueError(f"{model!r} runs code of its own ({needed[0]}); {advice}")
    if remote_code:
        _check_within(model, [*modules, *_auto_map(settings)])


def _auto_map(settings: dict[str, Any]) -> list[str]:
    """Return the names of classes; a tokenizer has up to two."""
    values = (settings.get("auto_map") or {}).values()
    return [str(name) for value in values for name in (value if isinstance(value, list) else [value]) if name]


def _check_within(model: str, classes: Sequence[str]) -> None:
    """Refuse classes of another repository, whose code the pinned revision does not fix."""
    for name in classes:
        if "--" in name:
            problem = f"runs code of another repository ({name}), which no revision fixes"
            raise ValueError(f"{model!r} {problem}; make a folder that holds that code itself")


def load(
    model: str, revision: str | None = None, *, remote_code: bool, max_length: int | None = None, batch_size: int
) -> Callable[[list[str], str], torch.Tensor]:
    """Return a function (texts, query | document) -> sparse tensor [N, V]. Runs the repository's code.

    remote_code  the preset's permission; without it transformers refuses
    max_length   tokens kept of a text; None: what the model allows

    The weights are float32; the repository's code chooses the precision of the arithmetic.
    Raises ValueError if the model lacks encode_query or encode_document.
    """
    from transformers import AutoModel

    from sembridge.weights.checked_load import FLOAT32, checked_load

    # The weights may have any format: they are as trusted as the code.
    revisions = {"revision": revision, "code_revision": revision}
    weights: dict[str, Any] = {"trust_remote_code": remote_code, **FLOAT32, **revisions}
    encoder = checked_load(model, lambda: AutoModel.from_pretrained(model, **weights))
    for name in _SIDES:
        if not callable(getattr(encoder, name, None)):
            raise ValueError(f"{model!r} is not of kind milco: its code has no {name}; give MILCO's checkpoint")
    encoder = encoder.to("cuda" if torch.cuda.is_available() else "cpu")
    options: dict[str, Any] = {"batch_size": batch_size, "return_dict": False}
    if max_length is not None:
        options["max_length"] = max_length
    # The training code has no such parameter and always returns both views.
    if "source_view" in inspect.signature(encoder.encode_text).parameters:
        options["source_view"] = True

    @torch.no_grad()  # not inference_mode: its sparse tensors cannot be coalesced outside of it
    def encode(texts: list[str], side: str) -> torch.Tensor:
        return {"query": encoder.encode_query, "document": encoder.encode_document}[side](texts, **options)

    return encode
