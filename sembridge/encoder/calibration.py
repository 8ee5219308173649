"""Calibrate the decoder bias on text of the new language: each token is active in a few of the texts only.

A new row has not learned how large its logits are. Mixtures inherit the hidden states' common direction, so many of
them are positive for nearly every text: such tokens tell no document from another, and cost postings. A threshold
taken off a token's bias leaves it active where its logit is among its own largest. Training learns the same from
millions of pairs; here it takes a thousand texts without labels.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from sembridge.encoder.batches import length_batches
from sembridge.encoder.head import arithmetic, encode_logits, pad, tokenize
from sembridge.encoder.modules import splade_modules

RATE = 0.005
"""Share of the texts that may activate a token beside those that it stands in; the page 'methods' has the evidence."""

TEXTS = 1000
"""Texts that are read, at most."""


def thresholds(
    encoder: Any, texts: Iterable[str], *, rate: float = RATE, max_length: int | None = None, precision: str = "auto"
) -> np.ndarray:
    """Return what to take off each token's bias [V] float32, so that few of the texts activate it; 0 where few do.

    encoder     a sparse encoder; it is not changed
    texts       of the language that it is to read; `sample` chooses among them
    rate        share of the texts that may activate a token without holding it
    max_length  tokens kept of each text; None: what the encoder allows
    precision   see `sembridge.encoder.head.arithmetic`

    A token may be active in as many texts as it stands in, and in that share of all, one at least. Which they are, the
    logits say: the texts in which a token stands need not be among them.

    Raises ValueError for a rate that is not between 0 and 1, if there is no text, and for an encoder whose decoder has
    no bias.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate {rate} is not a share of texts; give one between 0 and 1, as {RATE}")
    if splade_modules(encoder).model.get_output_embeddings().bias is None:
        raise ValueError("the encoder's decoder has no bias to calibrate; choose bias 'transfer'")
    chosen = sample(texts)
    if not chosen:
        raise ValueError("calibration needs text of the new language, and there is none; choose bias 'transfer'")
    token_ids = tokenize(encoder, chosen, "document", max_length)
    logits = _positive_logits(encoder, token_ids, precision)
    allowed = _occurrences(token_ids, logits.shape[1]) + max(1, round(rate * len(chosen)))
    return _largest_but(logits, allowed)


def lower_bias(encoder: Any, values: np.ndarray) -> Any:
    """Take `values` [V] off the decoder bias of an encoder; change and return the encoder."""
    bias = splade_modules(encoder).model.get_output_embeddings().bias
    with torch.no_grad():
        bias -= torch.from_numpy(values).to(bias)
    return encoder


def sample(texts: Iterable[str], most: int = TEXTS) -> list[str]:
    """Return at most `most` of the different texts, chosen and ordered by their digests: their order says nothing."""
    chosen: dict[int, str] = {}
    largest_first: list[int] = []  # a heap of the digests of `chosen`, negative
    for text in texts:
        digest = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())
        if digest in chosen:
            continue
        chosen[digest] = text
        heapq.heappush(largest_first, -digest)
        if len(chosen) > most:
            del chosen[-heapq.heappop(largest_first)]
    return [chosen[digest] for digest in sorted(chosen)]


def _positive_logits(encoder: Any, token_ids: list[list[int]], precision: str) -> sp.csc_array:
    """Return the largest logit of each text and token where it is positive, [N, V], shortest texts first."""
    modules = splade_modules(encoder)
    device, pad_id, was_training = modules.model.device, modules.tokenizer.pad_token_id, modules.model.training
    order = sorted(range(len(token_ids)), key=lambda i: (len(token_ids[i]), i))
    modules.model.eval()
    with arithmetic(device, precision):
        batches = ([token_ids[i] for i in members] for members in length_batches(order, token_ids))
        rows = [encode_logits(encoder, pad(batch, pad_id, device)) for batch in batches]
    modules.model.train(was_training)
    return sp.csc_array(sp.vstack(rows, format="csc"))


def _occurrences(token_ids: list[list[int]], size: int) -> np.ndarray:
    """Return in how many of the texts each token is [V]."""
    counts = np.zeros(size, dtype=np.int64)
    for ids in token_ids:
        counts[np.unique(np.asarray(ids, dtype=np.int64))] += 1
    return counts


def _largest_but(logits: sp.csc_array, allowed: np.ndarray) -> np.ndarray:
    """Return of each column [texts, V] the largest value after the `allowed` [V] largest, 0 where there is none."""
    values = np.zeros(logits.shape[1], dtype=np.float32)
    for column in np.flatnonzero(np.diff(logits.indptr) > allowed):
        positive = logits.data[logits.indptr[column] : logits.indptr[column + 1]]
        place = len(positive) - 1 - allowed[column]
        values[column] = np.partition(positive, place)[place]
    return values
