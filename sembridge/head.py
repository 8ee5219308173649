"""The sparse head: masked-LM logits to one weight per vocabulary entry (SPLADE, Formal et al. 2021).

w_j = log(1 + max over tokens of relu(logit_j)), pads left out. Saturation is monotonic, so it is applied once after pooling and not to every
token; the result is bit-identical to saturating first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def pad(token_ids: Sequence[Sequence[int]], pad_id: int, device: Any = None) -> dict[str, torch.Tensor]:
    """input_ids and attention_mask [B, L] of a batch, padded on the right to its longest text."""
    length = max(map(len, token_ids))
    ids = torch.full((len(token_ids), length), pad_id, dtype=torch.long)
    mask = torch.zeros((len(token_ids), length), dtype=torch.long)
    for row, text in enumerate(token_ids):
        ids[row, : len(text)] = torch.as_tensor(text)
        mask[row, : len(text)] = 1
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context in which a model runs. `auto`: bfloat16 on a GPU that has it, float32 elsewhere; `float32` and `bfloat16` are what they say (recent
    processors multiply bfloat16 several times as fast)."""
    has_it = device.type == "cuda" and torch.cuda.is_bf16_supported()
    wanted = precision == "bfloat16" or (precision == "auto" and has_it)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted)


def represent(encoder: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """[B, V] non-negative representations of a padded batch, by the encoder's own masked LM and pooling settings."""
    logits = encoder[0].model(**batch).logits
    return pool(logits, batch["attention_mask"], encoder[1].pooling_strategy, encoder[1].activation_function)


def pool(logits: torch.Tensor, mask: torch.Tensor, strategy: str = "max", activation: str = "relu") -> torch.Tensor:
    """[B, L, V] logits and [B, L] attention mask to [B, V] weights; strategy max | sum, activation relu | log1p_relu."""
    masked = logits if bool(mask.all()) else logits.masked_fill(mask.unsqueeze(-1) == 0, float("-inf"))  # saves a copy of [B, L, V]
    if strategy == "max":
        return _saturate(masked.amax(dim=1), activation)
    return _saturate(masked, activation).sum(dim=1)


def _saturate(logits: torch.Tensor, activation: str) -> torch.Tensor:
    weights = torch.log1p(torch.relu(logits))
    return torch.log1p(weights) if activation == "log1p_relu" else weights
