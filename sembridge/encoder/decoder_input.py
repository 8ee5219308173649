"""What a masked LM hands its decoder, the last linear layer, so that this layer can be computed in another way.

Model code differs from family to family (transformers and their own heads), but the decoder is what `get_output_embeddings` returns. During one
call of the model it is replaced by a function that keeps what it is given and returns a placeholder of the logits. If the model's own output is
this very placeholder, then nothing comes after the decoder, and its input is all that is needed; otherwise (a cap on the logits, a scale, a
second bias) the model is one that has to compute its logits itself.
"""

from __future__ import annotations

import logging
from typing import Any
from weakref import WeakKeyDictionary

import torch

logger = logging.getLogger(__name__)

_BARE: WeakKeyDictionary[Any, bool] = (
    WeakKeyDictionary()
)  # model -> whether its logits are its decoder's output; tried once


def decoder_input(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """[B, L, D] input of the decoder of a masked LM for a padded batch, or None if the logits are not simply `decoder(input)`.

    The decoder has to be a plain torch.nn.Linear, without hooks that someone waits for. A model is tried on one text first, which draws nothing
    from the global random generators.
    """
    decoder = model.get_output_embeddings()
    if not _plain(decoder):
        return None
    if model not in _BARE:
        _BARE[model] = _try(model, decoder, {name: tensor[:1] for name, tensor in batch.items()})
        if not _BARE[model]:
            name = type(model).__name__
            logger.info(
                "%s does more to its logits than its decoder; they are computed whole, which takes more time and memory",
                name,
            )
    return _stopped(model, decoder, batch)[0] if _BARE[model] else None


def _try(model: Any, decoder: torch.nn.Linear, batch: dict[str, torch.Tensor]) -> bool:
    device = decoder.weight.device
    with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            return _stopped(model, decoder, batch)[1]
        except RuntimeError:
            model(**batch)  # if this fails too, the placeholder was not the reason
            return False


def _stopped(model: Any, decoder: torch.nn.Linear, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, bool]:
    """What the decoder would have been given, and whether the model returned the decoder's output as it is."""
    given: list[torch.Tensor] = []
    returned: list[torch.Tensor] = []

    def instead(hidden: torch.Tensor) -> torch.Tensor:
        given.append(hidden)
        returned.append(
            hidden.new_zeros(()).expand(*hidden.shape[:-1], len(decoder.weight))
        )  # no memory; writing to it is an error
        return returned[-1]

    decoder.forward = instead  # type: ignore[assignment, method-assign]
    try:
        logits = model(**batch).logits
    finally:
        del decoder.forward
    alone = len(returned) == 1 and logits is returned[0] and given[0].shape[:-1] == batch["input_ids"].shape
    return given[0] if given else logits, alone


def _plain(decoder: Any) -> bool:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return (
        type(decoder) is torch.nn.Linear
        and "forward" not in vars(decoder)
        and not any(getattr(decoder, name) for name in hooks)
    )
