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

from harness.retrieval.encode_options import EncodeOptions
from sembridge.encoder.head import arithmetic, encode_sparse, pad, tokenize
from sembridge.encoder.modules import splade_modules

WINDOW = 512
MOST_TOKENS = 8192  # per batch, pads included
ENOUGH_TOKENS = 1024  # from here on a batch is large enough to be closed before it has more than LARGEST_WASTE of pads
LARGEST_WASTE = 1 / 11


def encode(
    encoder: Any, texts: Iterable[str], side: str, options: EncodeOptions = EncodeOptions()
) -> Iterator[sp.csr_array]:
    """Yield one csr matrix [at most WINDOW, V] float32 per window of texts, in order; texts are taken window by window and may be a stream.

    side  query | document: which prompt of the encoder is put before each text, and how an inference-free encoder reads it
    """
    prompt = (getattr(encoder, "prompts", None) or {}).get(side) or ""
    stream = iter(texts)
    while window := list(islice(stream, WINDOW)):
        yield _encode_window(encoder, [prompt + text for text in window], side, options)


def encode_all(encoder: Any, texts: Sequence[str], side: str, options: EncodeOptions = EncodeOptions()) -> sp.csr_array:
    """Return all windows stacked: [N, V]. For queries, which fit in memory."""
    return sp.csr_array(sp.vstack(list(encode(encoder, texts, side, options)), format="csr"))


@torch.inference_mode()
def _encode_window(encoder: Any, texts: list[str], side: str, options: EncodeOptions) -> sp.csr_array:
    found = splade_modules(encoder)
    device = found.model.device
    token_ids = tokenize(encoder, texts, side, options.max_length)
    order = sorted(range(len(texts)), key=lambda i: (len(token_ids[i]), i))
    rows: list[sp.csr_array] = []
    with arithmetic(device, options.precision):  # around all batches: it keeps the weights it has converted
        for chosen in length_batches(order, token_ids, MOST_TOKENS // options.batch_divisor):
            rows.append(
                encode_sparse(encoder, pad([token_ids[i] for i in chosen], found.tokenizer.pad_token_id, device), side)
            )
    stacked = sp.vstack(rows, format="csr")
    return sp.csr_array(stacked[np.argsort(order)])


def length_batches(
    order: Sequence[int], token_ids: Sequence[Sequence[int]], most: int = MOST_TOKENS
) -> Iterator[list[int]]:
    """Runs of `order` (ascending length) within `most` tokens, or of one longer text; short of ENOUGH_TOKENS, pads are cheaper than another batch."""
    batch: list[int] = []
    tokens = 0
    for i in order:
        length = len(token_ids[i])
        padded = (len(batch) + 1) * length
        wasteful = tokens >= ENOUGH_TOKENS and padded - tokens - length > LARGEST_WASTE * padded
        if batch and (padded > most or wasteful):
            yield batch
            batch, tokens = [], 0
        batch.append(i)
        tokens += length
    if batch:
        yield batch
