"""The sparse head: masked-LM logits to one weight per vocabulary entry (SPLADE, Formal et al. 2021).

w_j = log(1 + max over tokens of relu(logit_j)), pads left out. Saturation is monotonic, so it is applied once after pooling and not to every
token; the result is bit-identical to saturating first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import scipy.sparse as sp
import torch

from sembridge.encoder.decoder_input import decoder_input
from sembridge.encoder.matmul import fast_linear
from sembridge.encoder.max_logits import max_logits, max_logits_chunks
from sembridge.encoder.modules import SpladeModules, splade_modules

MOST_LOGITS = 2**26  # 256 MB of float32: computed at a time where they have to be computed whole, without gradient


def pad(token_ids: Sequence[Sequence[int]], pad_id: int, device: Any = None) -> dict[str, torch.Tensor]:
    """input_ids and attention_mask [B, L] of a batch, padded on the right to its longest text."""
    length = max(map(len, token_ids))
    ids = torch.full((len(token_ids), length), pad_id, dtype=torch.long)
    mask = torch.zeros((len(token_ids), length), dtype=torch.long)
    for row, text in enumerate(token_ids):
        ids[row, : len(text)] = torch.as_tensor(text)
        mask[row, : len(text)] = 1
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


@contextmanager
def arithmetic(device: torch.device, precision: str) -> Iterator[None]:
    """The context in which a model runs. `auto`: bfloat16 on a GPU that has it, float32 elsewhere; `float32` and `bfloat16` are what they say (recent
    processors multiply bfloat16 several times as fast)."""
    half = in_bfloat16(device, precision)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half), nullcontext() if half else fast_linear():
        yield


def in_bfloat16(device: torch.device, precision: str) -> bool:
    return precision == "bfloat16" or (precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported())


def tokenize(encoder: Any, texts: Sequence[str], side: str, max_length: int | None = None) -> list[list[int]]:
    """Token ids of each text as the encoder reads it on the given side (`query` or `document`), at most `max_length` of them.

    Special tokens are put around a text that the masked LM reads, and not into a query that is looked up (inference-free encoders).
    """
    from transformers.tokenization_utils_base import LARGE_INTEGER  # a tokenizer without a limit says more

    found = splade_modules(encoder)
    looked_up = side == "query" and found.query is not None
    tokenizer, limits = found.tokenizer, [max_length, found.transformer.max_seq_length]
    if looked_up:
        tokenizer, limits = found.query.tokenizer, [max_length]
    limit = min(length for length in (*limits, tokenizer.model_max_length) if length is not None)
    cut = {"truncation": True, "max_length": limit} if limit < LARGE_INTEGER else {}
    return tokenizer(list(texts), **cut, add_special_tokens=not looked_up, return_attention_mask=False)["input_ids"]


def encode(encoder: Any, batch: dict[str, torch.Tensor], side: str = "document") -> torch.Tensor:
    """[B, V] non-negative representations of a padded batch, by the encoder's own masked LM and pooling settings; differentiable.

    Queries of an inference-free encoder are its stored weights of the tokens they contain. Where the pooling is a maximum, the logits [B, L, V] are
    never held (`sembridge.encoder.max_logits`); the gradient of a maximum that several tokens share then goes to the first of them.
    """
    found = splade_modules(encoder)
    if side == "query" and found.query is not None:
        present = torch.zeros(
            len(batch["input_ids"]), len(found.query.weight), dtype=torch.long, device=batch["input_ids"].device
        )
        present.scatter_reduce_(1, batch["input_ids"], batch["attention_mask"], "amax")
        return present * found.query.weight
    packed = _packed(found, batch)
    if packed is not None:
        return _saturate(max_logits(*packed), found.pooling.activation_function)
    logits, mask = found.model(**batch).logits, batch["attention_mask"]
    if (
        not logits.requires_grad
    ):  # they are nobody else's: pads are overwritten, few as they are, and the rest is not copied
        logits[mask == 0], mask = float("-inf"), torch.ones_like(mask)
    return pool(logits, mask, found.pooling.pooling_strategy, found.pooling.activation_function)


def encode_sparse(encoder: Any, batch: dict[str, torch.Tensor], side: str = "document") -> sp.csr_array:
    """Return what `encode` does, without gradient, as [B, V] float32, never dense where the pooling is a maximum."""
    with torch.no_grad():
        found = splade_modules(encoder)
        packed = None if side == "query" and found.query is not None else _packed(found, batch)
        if packed is not None:
            return _sparse(packed, len(batch["input_ids"]), found.pooling.activation_function)
        texts = max(1, MOST_LOGITS // (batch["input_ids"].shape[1] * found.model.config.vocab_size))
        blocks = zip(*(batch[name].split(texts) for name in ("input_ids", "attention_mask")), strict=True)
        rows = [encode(encoder, {"input_ids": ids, "attention_mask": mask}, side) for ids, mask in blocks]
        return sp.csr_array(torch.cat(rows).float().cpu().numpy())


def pool(logits: torch.Tensor, mask: torch.Tensor, strategy: str = "max", activation: str = "relu") -> torch.Tensor:
    """[B, L, V] logits and [B, L] attention mask to [B, V] weights; strategy max | sum, activation relu | log1p_relu."""
    masked = (
        logits if bool(mask.all()) else logits.masked_fill(mask.unsqueeze(-1) == 0, float("-inf"))
    )  # saves a copy of [B, L, V]
    if strategy == "max":
        return _saturate(masked.amax(dim=1), activation)
    return _saturate(masked, activation).sum(dim=1)


def _saturate(logits: torch.Tensor, activation: str) -> torch.Tensor:
    weights = torch.log1p(torch.relu(logits))
    return torch.log1p(weights) if activation == "log1p_relu" else weights


def _packed(
    found: SpladeModules, batch: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, list[int], torch.Tensor, torch.Tensor | None] | None:
    """The arguments of `max_logits`; None where logits have to be computed whole."""
    hidden = decoder_input(found.model, batch) if found.pooling.pooling_strategy == "max" else None
    if hidden is None:
        return None
    decoder = found.model.get_output_embeddings()
    mask = batch["attention_mask"].bool()
    tokens = mask.flatten().nonzero()[:, 0]
    return hidden.flatten(0, 1).index_select(0, tokens), mask.sum(1).tolist(), decoder.weight, decoder.bias


def _sparse(
    packed: tuple[torch.Tensor, list[int], torch.Tensor, torch.Tensor | None], texts: int, activation: str
) -> sp.csr_array:
    """[texts, V], put together from the non-zeros of one chunk of outputs after another."""
    hidden, lengths, weight, bias = packed
    rows, columns, values = [], [], []
    for start, largest in max_logits_chunks(hidden, lengths, weight, bias):
        weights = _saturate(largest, activation).t()
        column, row = weights.nonzero(as_tuple=True)
        rows.append(row.int().cpu())
        columns.append((column + start).cpu())
        values.append(weights[column, row].float().cpu())
    ends = torch.zeros(len(weight) + 1, dtype=torch.int32)
    ends[1:] = torch.bincount(torch.cat(columns), minlength=len(weight)).cumsum(0)
    by_output = sp.csc_array(
        (torch.cat(values).numpy(), torch.cat(rows).numpy(), ends.numpy()), shape=(texts, len(weight))
    )
    return sp.csr_array(by_output.tocsr())
