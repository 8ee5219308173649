"""Find two different tensors for one parameter in a file: a library would use one of them without a word.

transformers renames LayerNorm.gamma to LayerNorm.weight, drops or adds the name of the body, and shares the decoder
with the embedding. Where a file has both names, which one counts depends on the order of tensors and on the version of
transformers (5 keeps a stored decoder although config.json ties it, 4 overwrites it with the embedding).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sembridge.weights.stored import Stored, same_values

_LEGACY = {"gamma": "weight", "beta": "bias"}
_NORM = re.compile(r"(norm[^.]*)\.(gamma|beta)$", re.IGNORECASE)


def check_not_twice(name: str, kind: Any, stored: Mapping[str, Stored]) -> None:
    """Check that no parameter of a class has two tensors with different values; ValueError names both, one line.

    name    of the model for messages
    stored  the file's tensors
    """
    by_parameter: dict[str, str] = {}
    for tensor in sorted(stored):
        first = by_parameter.setdefault(_parameter(kind, tensor), tensor)
        if first != tensor and not same_values(stored[first], stored[tensor]):
            raise ValueError(
                f"model {name!r} stores {first} and {tensor} for one parameter of {kind.__name__}, with different "
                "values; delete the one that does not belong to it"
            )


def untied(name: str, kind: Any, config: Any, stored: Mapping[str, Stored]) -> list[str]:
    """Return a warning for each tensor of the decoder that config.json ties to another one of different values."""
    ties = getattr(kind, "_tied_weights_keys", None)
    if not getattr(config, "tie_word_embeddings", True) or not isinstance(ties, dict):
        return []
    by_parameter = {_parameter(kind, tensor): tensor for tensor in stored}
    warnings = []
    for decoder, shared in ties.items():
        own, other = (by_parameter.get(_parameter(kind, tensor)) for tensor in (decoder, shared))
        if own is not None and other is not None and not same_values(stored[own], stored[other]):
            warnings.append(
                f"model {name!r} stores {own} and {other} with different values, although its config.json says "
                f"tie_word_embeddings: true; {own} is used in the decoder, as transformers 5 does (4 used {other}): "
                f"delete {own} if that is wrong, or else set it to false"
            )
    return warnings


def _parameter(kind: Any, tensor: str) -> str:
    """Return the name that all names of one parameter share: without the body's name, and of today's layer norms."""
    prefix = getattr(kind, "base_model_prefix", "")
    while prefix and tensor.startswith(f"{prefix}."):
        tensor = tensor.removeprefix(f"{prefix}.")
    return _NORM.sub(lambda match: f"{match[1]}.{_LEGACY[match[2].lower()]}", tensor)
