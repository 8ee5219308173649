"""Encode texts into sparse vectors, window by window.

A window is a fixed number of consecutive texts, which are batched by length. Which texts share a batch, and so the bits
of the result, therefore depend on the texts alone, not on block sizes, shards or workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from sembridge.encoder.batches import MOST_TOKENS, length_batches
from sembridge.encoder.head import arithmetic, encode_sparse_later, pad, reader, tokenize
from sembridge.encoder.modules import side_prompt, splade_modules
from sembridge.search.encode_options import WINDOW, EncodeOptions
from sembridge.search.unknown import UnknownTokens
from sembridge.vocabulary.unknown import TokenCounter

_DEFAULTS = EncodeOptions()


def encode(
    encoder: Any,
    texts: Iterable[str],
    side: str,
    options: EncodeOptions = _DEFAULTS,
    unknown: UnknownTokens | None = None,
    advance: Callable[[int], object] | None = None,
) -> Iterator[sp.csr_array]:
    """Yield one csr matrix [at most WINDOW, V] float32 per window of texts, in order; texts may be a stream.

    side     query | document: selects the prompt before each text, and how an inference-free encoder reads it
    unknown  counts the tokens, those of prompts included
    advance  is called with the number of texts of every batch, once it was given to the device
    """
    counter = TokenCounter(*reader(encoder, side)) if unknown is not None else None
    prompt = side_prompt(encoder, side)
    stream = iter(texts)
    while window := list(islice(stream, WINDOW)):
        token_ids = tokenize(encoder, [prompt + text for text in window], side, options.max_length)
        if unknown is not None and counter is not None:
            unknown.add(side, counter.count(token_ids))
        yield _encode_window(encoder, token_ids, side, options, advance)


def encode_all(encoder: Any, texts: Sequence[str], side: str, options: EncodeOptions = _DEFAULTS) -> sp.csr_array:
    """Return the vectors of all texts, [N, V]; for queries, which fit in memory."""
    return sp.csr_array(sp.vstack(list(encode(encoder, texts, side, options)), format="csr"))


@torch.inference_mode()
def _encode_window(
    encoder: Any, token_ids: list[list[int]], side: str, options: EncodeOptions, advance: Callable[[int], object] | None
) -> sp.csr_array:
    modules = splade_modules(encoder)
    device, pad_id = modules.model.device, modules.tokenizer.pad_token_id
    order = sorted(range(len(token_ids)), key=lambda i: (len(token_ids[i]), i))
    rows: list[sp.csr_array] = []
    waiting: list[Callable[[], sp.csr_array]] = []
    with arithmetic(device, options.precision):  # around all batches, because it caches converted weights
        for members in length_batches(order, token_ids, MOST_TOKENS // options.batch_divisor):
            batch = pad([token_ids[i] for i in members], pad_id, device)
            waiting.append(encode_sparse_later(encoder, batch, side))
            if len(waiting) > 1:  # a GPU computes this batch while the previous one is fetched
                rows.append(waiting.pop(0)())
            if advance is not None:
                advance(len(members))
    rows += [fetch() for fetch in waiting]
    stacked = sp.vstack(rows, format="csr")
    return sp.csr_array(stacked[np.argsort(order)])
