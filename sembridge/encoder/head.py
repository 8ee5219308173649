"""Encode with the sparse head: masked-LM logits become one weight per vocabulary entry (SPLADE, Formal et al. 2021).

w_j = log(1 + max over tokens of relu(logit_j)), without pads. Saturation is monotonic, so it is applied once after
pooling instead of to every token; the result is bit-identical.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import scipy.sparse as sp
import torch

from sembridge.encoder import triton_head
from sembridge.encoder.decoder_input import decoder_input
from sembridge.encoder.device_rows import rows_later
from sembridge.encoder.matmul import fast_linear
from sembridge.encoder.max_logits import max_logits, max_logits_chunks
from sembridge.encoder.modules import SpladeModules, splade_modules
from sembridge.processor import paths

LOGIT = "logit"
MOST_LOGITS = 2**26  # full logits computed at a time without gradient: 256 MB of float32


def pad(token_ids: Sequence[Sequence[int]], pad_id: int, device: Any = None) -> dict[str, torch.Tensor]:
    """Return input_ids and attention_mask [B, L] of a batch, padded on the right to its longest text."""
    length = max(map(len, token_ids))
    ids = torch.full((len(token_ids), length), pad_id, dtype=torch.long)
    mask = torch.zeros((len(token_ids), length), dtype=torch.long)
    for row, text in enumerate(token_ids):
        ids[row, : len(text)] = torch.as_tensor(text)
        mask[row, : len(text)] = 1
    batch = {"input_ids": ids, "attention_mask": mask}
    if device is not None and torch.device(device).type == "cuda":  # from pinned memory, copying waits for nothing
        return {name: tensor.pin_memory().to(device, non_blocking=True) for name, tensor in batch.items()}
    return {name: tensor.to(device) for name, tensor in batch.items()}


@contextmanager
def arithmetic(device: torch.device, precision: str) -> Iterator[None]:
    """Run the model inside this context in the given precision.

    precision  `auto`: bfloat16 on a GPU that has it, float32 elsewhere; or `float32` or `bfloat16` (which recent
               processors multiply several times as fast, and others several times as slowly: there it warns)
    """
    half = in_bfloat16(device, precision)
    if half and device.type == "cpu" and (slow := paths.slow_bfloat16("precision")):
        warnings.warn(slow, stacklevel=3)  # beyond contextlib's frame: the caller
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half), nullcontext() if half else fast_linear():
        yield


def in_bfloat16(device: torch.device, precision: str) -> bool:
    """Return whether `arithmetic` computes in bfloat16."""
    if precision == "auto" and device.type == "cuda":  # older GPUs emulate bfloat16, slower than float32
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return precision == "bfloat16"


def tokenize(encoder: Any, texts: Sequence[str], side: str, max_length: int | None = None) -> list[list[int]]:
    """Return at most `max_length` token ids of each text as the encoder reads it on a side (`query` or `document`).

    Special tokens surround a text that the masked LM reads, not a query that is looked up (inference-free encoders).
    """
    cut = reading_options(encoder, side, max_length)
    return reader(encoder, side)[0](list(texts), **cut, return_attention_mask=False)["input_ids"]


def reading_options(encoder: Any, side: str, max_length: int | None = None) -> dict[str, Any]:
    """Return the options with which the tokenizer of a side is called: where it cuts, and whether it adds marks."""
    from transformers.tokenization_utils_base import LARGE_INTEGER  # a tokenizer without a limit has a larger one

    tokenizer, special = reader(encoder, side)
    limits = [max_length, splade_modules(encoder).transformer.max_seq_length if special else None]
    limit = min(length for length in (*limits, tokenizer.model_max_length) if length is not None)
    cut = {"truncation": True, "max_length": limit} if limit < LARGE_INTEGER else {}
    return {**cut, "add_special_tokens": special}


def reader(encoder: Any, side: str) -> tuple[Any, bool]:
    """Return the tokenizer of a side, and whether special tokens surround its texts."""
    modules = splade_modules(encoder)
    looked_up = side == "query" and modules.query is not None
    return (modules.query.tokenizer, False) if looked_up else (modules.tokenizer, True)


def encode(encoder: Any, batch: dict[str, torch.Tensor], side: str = "document") -> torch.Tensor:
    """Return the non-negative representations [B, V] of a padded batch, by the encoder's own pooling; differentiable.

    A query of an inference-free encoder gets the stored weights of its tokens. Where the pooling is a maximum, the
    logits [B, L, V] are never in memory at once (`sembridge.encoder.max_logits`, on a GPU `triton_head`); the gradient
    of a maximum that several tokens share goes to the first of them.
    """
    modules = splade_modules(encoder)
    if side == "query" and modules.query is not None:
        ids = batch["input_ids"]
        present = ids.new_zeros((len(ids), len(modules.query.weight)))
        present.scatter_reduce_(1, ids, batch["attention_mask"], "amax")
        return present * modules.query.weight
    hidden, mask = _decoder_input(modules, batch), batch["attention_mask"]
    if hidden is not None:
        decoder = modules.model.get_output_embeddings()
        if triton_head.fits(hidden, decoder.weight):
            largest = triton_head.masked_max_logits(hidden, mask, decoder.weight, decoder.bias)
        else:
            largest = max_logits(*_packed(hidden, mask, decoder))
        return _saturate(largest, modules.pooling.activation_function)
    logits = modules.model(**batch).logits
    if not logits.requires_grad:  # nobody else uses them: overwriting the few pads saves a copy
        logits[mask == 0], mask = float("-inf"), torch.ones_like(mask)
    return pool(logits, mask, modules.pooling.pooling_strategy, modules.pooling.activation_function)


def encode_sparse(encoder: Any, batch: dict[str, torch.Tensor], side: str = "document") -> sp.csr_array:
    """Return `encode` [B, V] as sparse float32, without gradient; never dense where the pooling is a maximum."""
    return encode_sparse_later(encoder, batch, side)()


def encode_sparse_later(
    encoder: Any, batch: dict[str, torch.Tensor], side: str = "document"
) -> Callable[[], sp.csr_array]:
    """Start `encode_sparse` and return a function that returns its result; other devices than a GPU have finished.

    Start the next batch before asking for the result of this one: then the GPU never waits for the processor. On a GPU
    the weights [B, V] are dense until then.
    """
    with torch.no_grad():
        modules = splade_modules(encoder)
        looked_up = side == "query" and modules.query is not None
        hidden = None if looked_up else _decoder_input(modules, batch)
        if hidden is not None:
            decoder, mask = modules.model.get_output_embeddings(), batch["attention_mask"]
            activation = modules.pooling.activation_function
            if triton_head.fits(hidden, decoder.weight):
                largest = triton_head.masked_max_logits(hidden, mask, decoder.weight, decoder.bias)
                return rows_later(_saturate(largest, activation))
            rows = _sparse(_packed(hidden, mask, decoder), len(mask), activation)
            return lambda: rows
        dense = [encode(encoder, block, side) for block in _blocks(modules.model, batch)]
        result = sp.csr_array(torch.cat(dense).float().cpu().numpy())
        return lambda: result


@torch.no_grad()
def encode_logits(encoder: Any, batch: dict[str, torch.Tensor]) -> sp.csr_array:
    """Return the largest logit of each text and token where it is positive, [B, V] sparse float32.

    A token is active in a text if this logit is positive, whatever the encoder's pooling.
    """
    model, mask = splade_modules(encoder).model, batch["attention_mask"]
    hidden = decoder_input(model, batch)
    if hidden is not None:
        return _sparse(_packed(hidden, mask, model.get_output_embeddings()), len(mask), LOGIT)
    blocks = _blocks(model, batch)
    dense = [pool(model(**block).logits, block["attention_mask"], "max", LOGIT) for block in blocks]
    return sp.csr_array(torch.cat(dense).float().cpu().numpy())


def _blocks(model: Any, batch: dict[str, torch.Tensor]) -> Iterator[dict[str, torch.Tensor]]:
    """Yield parts of a batch of at most `MOST_LOGITS` logits, or of one text."""
    ids, mask = batch["input_ids"], batch["attention_mask"]
    texts = max(1, MOST_LOGITS // (ids.shape[1] * model.config.vocab_size))
    for block in zip(ids.split(texts), mask.split(texts), strict=True):
        yield dict(zip(("input_ids", "attention_mask"), block, strict=True))


def pool(logits: torch.Tensor, mask: torch.Tensor, strategy: str = "max", activation: str = "relu") -> torch.Tensor:
    """Pool logits [B, L, V] under an attention mask [B, L] to weights [B, V].

    strategy max | sum, activation relu | log1p_relu, or LOGIT for logits that are not saturated
    """
    # without pads there is nothing to mask, which saves a copy of [B, L, V]
    masked = logits if bool(mask.all()) else logits.masked_fill(mask.unsqueeze(-1) == 0, float("-inf"))
    if strategy == "max":
        return _saturate(masked.amax(dim=1), activation)
    return _saturate(masked, activation).sum(dim=1)


def _saturate(logits: torch.Tensor, activation: str) -> torch.Tensor:
    if activation == LOGIT:
        return torch.relu(logits)
    weights = torch.log1p(torch.relu(logits))
    return torch.log1p(weights) if activation == "log1p_relu" else weights


def _decoder_input(modules: SpladeModules, batch: dict[str, torch.Tensor]) -> torch.Tensor | None:
    """Return the input [B, L, D] of the decoder; None where logits have to be computed in full."""
    return decoder_input(modules.model, batch) if modules.pooling.pooling_strategy == "max" else None


def _packed(
    hidden: torch.Tensor, mask: torch.Tensor, decoder: Any
) -> tuple[torch.Tensor, list[int], torch.Tensor, torch.Tensor | None]:
    """Return the arguments of `max_logits`: without pads."""
    present = mask.bool()
    tokens = present.flatten().nonzero()[:, 0]
    return hidden.flatten(0, 1).index_select(0, tokens), present.sum(1).tolist(), decoder.weight, decoder.bias


def _sparse(
    packed: tuple[torch.Tensor, list[int], torch.Tensor, torch.Tensor | None], texts: int, activation: str
) -> sp.csr_array:
    """Return the sparse weights [texts, V], assembled from the non-zeros of one chunk of outputs after another."""
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
    entries = torch.cat(values).numpy(), torch.cat(rows).numpy(), ends.numpy()
    return sp.csr_array(sp.csc_array(entries, shape=(texts, len(weight))).tocsr())
