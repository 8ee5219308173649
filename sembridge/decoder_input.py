"""What a masked LM hands its decoder, the last linear layer, so that this layer can be computed in another way.

Model code differs from family to family (transformers and their own heads), but the decoder is what `get_output_embeddings` returns. During one
call of the model it is replaced by a function that keeps what it is given and returns a placeholder of the logits. If the model's own output is
this very placeholder, then nothing comes after the decoder, and its input is all that is needed; otherwise (a cap on the logits, a scale, a
second bias) the model is one that has to compute its logits itself.
"""

from __future__ import annotations

import logging
from typing import Any
from weakref import WeakSet

import torch

logger = logging.getLogger(__name__)

_UNSUITED: WeakSet[Any] = WeakSet()  # models whose logits are more than their decoder's output; found out once


def decoder_input(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """[B, L, D] input of the decoder of a masked LM for a padded batch, or None if the logits are not simply `decoder(input)`.

    The decoder has to be a plain torch.nn.Linear, without hooks that someone waits for.
    """
    decoder = model.get_output_embeddings()
    if model in _UNSUITED or not _plain(decoder):
        return None
    given: list[torch.Tensor] = []
    returned: list[torch.Tensor] = []

    def instead(hidden: torch.Tensor) -> torch.Tensor:
        given.append(hidden)
        returned.append(hidden.new_zeros(()).expand(*hidden.shape[:-1], len(decoder.weight)))  # no memory; writing to it is an error
        return returned[-1]

    decoder.forward = instead
    try:
        logits = model(**batch).logits
    except RuntimeError:  # the placeholder may be the reason; if it is not, computing the logits says so again
        logits = None
    finally:
        del decoder.forward
    if len(returned) == 1 and logits is returned[0] and given[0].shape[:-1] == batch["input_ids"].shape:
        return given[0]
    _UNSUITED.add(model)
    logger.info("%s does more to its logits than its decoder; they are computed whole, which takes more time and memory", type(model).__name__)
    return None


def _plain(decoder: Any) -> bool:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return type(decoder) is torch.nn.Linear and "forward" not in vars(decoder) and not any(getattr(decoder, name) for name in hooks)
