"""The sparse head: masked-LM logits to one weight per vocabulary entry (SPLADE, Formal et al. 2021).

w_j = log(1 + max over tokens of relu(logit_j)), pads left out. Saturation is monotonic, so it is applied once after pooling and not to every
token; the result is bit-identical to saturating first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from sembridge.parts import parts


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


def tokenize(encoder: Any, texts: Sequence[str], side: str, max_length: int | None = None) -> list[list[int]]:
    """Token ids of each text as the encoder reads it on the given side (`query` or `document`), at most `max_length` of them.

    Special tokens are put around a text that the masked LM reads, and not into a query that is looked up (inference-free encoders).
    """
    from transformers.tokenization_utils_base import LARGE_INTEGER  # a tokenizer without a limit says more

    found = parts(encoder)
    looked_up = side == "query" and found.query is not None
    tokenizer, limits = found.tokenizer, [max_length, found.transformer.max_seq_length]
    if looked_up:
        tokenizer, limits = found.query.tokenizer, [max_length]
    limit = min(length for length in (*limits, tokenizer.model_max_length) if length is not None)
    cut = {"truncation": True, "max_length": limit} if limit < LARGE_INTEGER else {}
    return tokenizer(list(texts), **cut, add_special_tokens=not looked_up, return_attention_mask=False)["input_ids"]


def represent(encoder: Any, batch: dict[str, torch.Tensor], side: str = "document") -> torch.Tensor:
    """[B, V] non-negative representations of a padded batch, by the encoder's own masked LM and pooling settings.

    Queries of an inference-free encoder are its stored weights of the tokens they contain.
    """
    found = parts(encoder)
    if side == "query" and found.query is not None:
        present = torch.zeros(len(batch["input_ids"]), len(found.query.weight), dtype=torch.long, device=batch["input_ids"].device)
        present.scatter_reduce_(1, batch["input_ids"], batch["attention_mask"], "amax")
        return present * found.query.weight
    logits = found.model(**batch).logits
    return pool(logits, batch["attention_mask"], found.pooling.pooling_strategy, found.pooling.activation_function)


def pool(logits: torch.Tensor, mask: torch.Tensor, strategy: str = "max", activation: str = "relu") -> torch.Tensor:
    """[B, L, V] logits and [B, L] attention mask to [B, V] weights; strategy max | sum, activation relu | log1p_relu."""
    masked = logits if bool(mask.all()) else logits.masked_fill(mask.unsqueeze(-1) == 0, float("-inf"))  # saves a copy of [B, L, V]
    if strategy == "max":
        return _saturate(masked.amax(dim=1), activation)
    return _saturate(masked, activation).sum(dim=1)


def _saturate(logits: torch.Tensor, activation: str) -> torch.Tensor:
    weights = torch.log1p(torch.relu(logits))
    return torch.log1p(weights) if activation == "log1p_relu" else weights
