"""Return the input of a masked LM's decoder, its last linear layer, so that this layer can be computed in another way.

Model code differs between families (transformers and their own heads), but `get_output_embeddings` always returns the
decoder. During one call of the model a function replaces the decoder: it stores its input and returns a placeholder of
the logits. If the model returns this very placeholder, nothing follows the decoder, and its input suffices. Otherwise
(a cap on the logits, a scale, a second bias) the model has to compute its logits itself.
"""

from __future__ import annotations

import logging
from typing import Any
from weakref import WeakKeyDictionary

import torch

logger = logging.getLogger(__name__)

# model -> whether its logits are its decoder's output; tried once
_BARE: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def decoder_input(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """Return the input [B, L, D] of a masked LM's decoder for a padded batch; None if logits are not `decoder(input)`.

    The decoder has to be a plain torch.nn.Linear without hooks. A model is first tried on one text, which does not
    advance the global random generators.
    """
    decoder = model.get_output_embeddings()
    if not _plain(decoder):
        return None
    if model not in _BARE:
        _BARE[model] = _try(model, decoder, {name: tensor[:1] for name, tensor in batch.items()})
        if not _BARE[model]:
            note = "%s changes its logits after its decoder; computing them in full takes more time and memory"
            logger.info(note, type(model).__name__)
    return _stop_before(model, decoder, batch)[0] if _BARE[model] else None


def _try(model: Any, decoder: torch.nn.Linear, batch: dict[str, torch.Tensor]) -> bool:
    device = decoder.weight.device
    with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            return _stop_before(model, decoder, batch)[1]
        except RuntimeError:
            model(**batch)  # raises again unless the placeholder was the reason
            return False


def _stop_before(model: Any, decoder: torch.nn.Linear, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, bool]:
    """Return the decoder's input, and whether the model returned the decoder's output unchanged."""
    inputs: list[torch.Tensor] = []
    outputs: list[torch.Tensor] = []

    def record(hidden: torch.Tensor) -> torch.Tensor:
        inputs.append(hidden)
        # an expanded zero takes no memory, and writing to it is an error
        outputs.append(hidden.new_zeros(()).expand(*hidden.shape[:-1], len(decoder.weight)))
        return outputs[-1]

    decoder.forward = record  # type: ignore[assignment, method-assign]
    try:
        logits = model(**batch).logits
    finally:
        del decoder.forward
    alone = len(outputs) == 1 and logits is outputs[0] and inputs[0].shape[:-1] == batch["input_ids"].shape
    return inputs[0] if inputs else logits, alone


def _plain(decoder: Any) -> bool:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    is_linear = type(decoder) is torch.nn.Linear and "forward" not in vars(decoder)
    return is_linear and not any(getattr(decoder, name) for name in hooks)
