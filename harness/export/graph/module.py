"""The encoder as one module, from token ids to weights, in operations that every runtime of ONNX has.

`sembridge.encoder.head` computes the same with functions of its own, which no exporter knows. Here the decoder, the
last linear layer of the masked LM, is computed for a block of outputs at a time, and every block is pooled at once: the
logits [B, L, V] are never in memory, only [B, L, BLOCK] of them.
"""

from __future__ import annotations

from typing import Any

import torch

from sembridge.encoder.decoder_input import decoder_input
from sembridge.encoder.modules import SpladeModules

BLOCK = 4096
"""Outputs that are computed and pooled together."""


class SparseGraph(torch.nn.Module):
    """Read token ids [B, L] with a masked LM and pool its logits as the encoder does: weights [B, V].

    Pads, where the attention mask is 0, count for nothing.
    """

    def __init__(self, modules: SpladeModules, batch: dict[str, torch.Tensor]) -> None:
        """Find out, with a batch, whether the logits are the decoder's output; if not, they are computed in full."""
        super().__init__()
        self.model = modules.model
        self.strategy, self.activation = modules.pooling.pooling_strategy, modules.pooling.activation_function
        with torch.no_grad():
            self.in_blocks = decoder_input(self.model, batch) is not None

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the weights [B, V]."""
        batch = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            batch["token_type_ids"] = token_type_ids
        pads = (attention_mask == 0).unsqueeze(-1)
        if self.in_blocks:
            decoder = self.model.get_output_embeddings()
            hidden = self._hidden(decoder, batch)
            pooled = torch.cat(
                [
                    self._pooled(torch.nn.functional.linear(hidden, weight, bias), pads)
                    for weight, bias in _blocks(decoder)
                ],
                dim=1,
            )
        else:
            pooled = self._pooled(self.model(**batch).logits, pads)
        return self._saturated(pooled) if self.strategy == "max" else pooled

    def _hidden(self, decoder: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the input [B, L, D] of the decoder."""
        decoder.forward = lambda hidden: hidden
        try:
            return self.model(**batch).logits
        finally:
            del decoder.forward

    def _pooled(self, logits: torch.Tensor, pads: torch.Tensor) -> torch.Tensor:
        """Return the maximum over positions, not yet saturated (that keeps the order), or the sum of what is saturated.

        Pads are replaced, not added to: whatever the model has computed there, a NaN too, is gone.
        """
        if self.strategy == "max":
            return torch.where(pads, float("-inf"), logits).amax(dim=1)
        return torch.where(pads, 0.0, self._saturated(logits)).sum(dim=1)

    def _saturated(self, logits: torch.Tensor) -> torch.Tensor:
        weights = torch.log1p(torch.relu(logits))
        return torch.log1p(weights) if self.activation == "log1p_relu" else weights


def _blocks(decoder: Any) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
    """Return the rows [at most BLOCK, D] of the decoder with their biases."""
    starts = range(0, len(decoder.weight), BLOCK)
    weights = [decoder.weight[start : start + BLOCK] for start in starts]
    biases = [None if decoder.bias is None else decoder.bias[start : start + BLOCK] for start in starts]
    return list(zip(weights, biases, strict=True))
