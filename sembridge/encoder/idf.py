"""Compute the inverse document frequency of tokens: the weight of a query token where no model reads the query."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np

_LINES = 4096  # tokenized at a time


def idf(lines: Iterable[str], tokenizer: Any, size: int) -> np.ndarray:
    """Return ln(1 + (N - n + 0.5) / (n + 0.5)) for a token in n of N lines, 0 for special tokens [size] float32.

    BM25 implementations use this form since Lucene: it is never negative. A token that no line contains gets the
    largest weight, like any rare token. Each line counts as one document; empty lines do not count. Only ratios matter
    to a ranking, so the scale is not fitted to the replaced weights.

    Raises ValueError if there is no line, or if the tokenizer emits an id of `size` or more.
    """
    counts, documents = np.zeros(size, dtype=np.int64), 0
    texts = (line for line in map(str.strip, lines) if line)
    while block := list(islice(texts, _LINES)):
        encoded = tokenizer(block, add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]
        for ids in encoded:
            present = np.unique(np.asarray(ids, dtype=np.int64))
            if len(present) and present[-1] >= size:
                raise ValueError(
                    f"the tokenizer gave id {present[-1]}, but there are {size:,} tokens to weigh; "
                    "give its own vocabulary's size"
                )
            counts[present] += 1
        documents += len(block)
    if not documents:
        raise ValueError("inverse document frequencies need text: the file has no line that is not empty")
    weights = np.log1p((documents - counts + 0.5) / (counts + 0.5))
    weights[tokenizer.all_special_ids] = 0
    return weights.astype(np.float32)
