"""Encode texts into sparse vectors, window by window.

A window is a fixed run of consecutive texts; batches are formed inside it by length. What shares a batch therefore depends on the texts alone, not on
block sizes, shards or workers, and neither do the bits of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from sembridge.head import autocast, pad, represent, tokenize
from sembridge.parts import parts

WINDOW = 512
LOGITS = 2**26  # logits held at a time: 256 MB of float32
MOST_TOKENS = 8192  # per batch


def encode(encoder: Any, texts: Iterable[str], side: str, *, max_length: int | None, precision: str = "auto") -> Iterator[sp.csr_array]:
    """Yield one csr matrix [at most WINDOW, V] float32 per window of texts, in order; texts are taken window by window and may be a stream.

    side        query | document: which prompt of the encoder is put before each text, and how an inference-free encoder reads it
    max_length  tokens kept of each text, special tokens included; None: what the encoder allows
    precision   see `sembridge.head.autocast`
    """
    prompt = (getattr(encoder, "prompts", None) or {}).get(side) or ""
    stream = iter(texts)
    while window := list(islice(stream, WINDOW)):
        yield _encode_window(encoder, [prompt + text for text in window], side, max_length, precision)


def encode_all(encoder: Any, texts: Sequence[str], side: str, **options: Any) -> sp.csr_array:
    """All windows stacked: [N, V]. For queries, which fit in memory."""
    return sp.csr_array(sp.vstack(list(encode(encoder, texts, side, **options)), format="csr"))


@torch.inference_mode()
def _encode_window(encoder: Any, texts: list[str], side: str, max_length: int | None, precision: str) -> sp.csr_array:
    found = parts(encoder)
    device = found.model.device
    token_ids = tokenize(encoder, texts, side, max_length)
    order = sorted(range(len(texts)), key=lambda i: (len(token_ids[i]), i))
    rows: list[sp.csr_array] = []
    for chosen in _batches(order, token_ids, min(MOST_TOKENS, LOGITS // found.model.config.vocab_size)):
        batch = pad([token_ids[i] for i in chosen], found.tokenizer.pad_token_id, device)
        with autocast(device, precision):
            weights = represent(encoder, batch, side)
        rows.append(sp.csr_array(weights.float().cpu().numpy()))
    stacked = sp.vstack(rows, format="csr")
    return sp.csr_array(stacked[np.argsort(order)])


def _batches(order: Sequence[int], token_ids: Sequence[Sequence[int]], most: int) -> Iterator[list[int]]:
    """Runs of `order` (ascending length) whose padded size stays within `most` tokens; a single text may be longer."""
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) + 1) * len(token_ids[i]) > most:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
