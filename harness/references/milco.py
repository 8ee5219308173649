"""Reference models that are code in their repository, which runs only where a preset asks for it by name (`remote_code: true`).

MILCO (Nguyen et al. 2025, arXiv 2510.00671) is such a model: transformers' AutoModel loads it, and its encode_query and encode_document give sparse
tensors: weights of English tokens and, from its LexEcho head (`source_view`), of the text's own. This was written after its published source and
tried on a stand-in; the released checkpoint was not at hand.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.hub.model_files import read_json

_SIDES = ("encode_query", "encode_document")


def check(model: str, revision: str | None = None) -> None:
    """ValueError unless a folder or hub repository brings the code of an AutoModel, all of it in itself."""
    settings = read_json(model, revision, "config.json") or {}
    if "AutoModel" not in (settings.get("auto_map") or {}):
        raise ValueError(
            f"{model!r} is not of kind milco: its config.json names no code under auto_map.AutoModel; give MILCO's checkpoint"
        )
    _check_within(model, _auto_map(settings))


def check_allowed(model: str, revision: str | None, modules: Sequence[str], remote_code: bool) -> None:
    """ValueError if a sparse encoder needs code of its repository that was not asked for, or code of another repository.

    modules  classes of its modules, see `model_files.module_types`
    """
    settings = read_json(model, revision, "config.json") or {}
    needed = [kind for kind in modules if not kind.startswith("sentence_transformers.")]
    if settings.get("auto_map"):
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

        needed += _auto_map(settings) if settings.get("model_type") not in CONFIG_MAPPING_NAMES else []
    if needed and not remote_code:
        raise ValueError(
            f"{model!r} runs code of its own ({needed[0]}); if you have read it and trust it, set remote_code to true beside the model"
        )
    if remote_code:
        _check_within(model, [*modules, *_auto_map(settings)])


def _auto_map(settings: dict[str, Any]) -> list[str]:
    """Names of classes; a tokenizer has two of them, either of which may be missing."""
    values = (settings.get("auto_map") or {}).values()
    return [str(name) for value in values for name in (value if isinstance(value, list) else [value]) if name]


def _check_within(model: str, classes: Sequence[str]) -> None:
    """The pinned revision says what runs: of a class in another repository it says nothing."""
    for name in classes:
        if "--" in name:
            raise ValueError(
                f"{model!r} runs code of another repository ({name}), which no revision pins; make a folder that holds that code itself"
            )


def load(
    model: str, revision: str | None = None, *, remote_code: bool, max_length: int | None = None, batch_size: int
) -> Callable[[list[str], str], torch.Tensor]:
    """Texts and side (query, document) to a sparse tensor [N, V] by the repository's code, in the precision that code chooses. Runs that code.

    remote_code  what the preset says; without it transformers refuses
    max_length   tokens kept of a text; None: what the model allows

    ValueError if the model has no encode_query and encode_document.
    """
    from transformers import AutoModel

    # The format of the weights is the repository's choice, as all is that its code does.
    loaded = AutoModel.from_pretrained(
        model, revision=revision, code_revision=revision, trust_remote_code=remote_code
    ).eval()
    for name in _SIDES:
        if not callable(getattr(loaded, name, None)):
            raise ValueError(f"{model!r} is not of kind milco: its code has no {name}; give MILCO's checkpoint")
    loaded = loaded.to("cuda" if torch.cuda.is_available() else "cpu")
    options: dict[str, Any] = {"batch_size": batch_size, "return_dict": False}
    if max_length is not None:
        options["max_length"] = max_length
    if (
        "source_view" in inspect.signature(loaded.encode_text).parameters
    ):  # the training code gives both views without being asked
        options["source_view"] = True

    @torch.no_grad()  # not inference_mode, whose sparse tensors cannot be coalesced outside of it
    def encode(texts: list[str], side: str) -> torch.Tensor:
        return {"query": loaded.encode_query, "document": loaded.encode_document}[side](texts, **options)

    return encode
