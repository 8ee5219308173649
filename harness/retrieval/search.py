"""Choose the exact search for a collection: scipy's product where there is little to score, compiled postings where there is much."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from harness.retrieval.scipy_search import TopK

_MANY_PAIRS = (
    1 << 19
)  # query-document pairs that are worth the time of a compilation, or of loading what was compiled before


def top_k(queries: sparse.sparray | sparse.spmatrix, k: int, order: np.ndarray) -> Any:
    """The accumulator for float32 queries [Q, V] and a corpus of len(order) documents: `TopK`, or where there is much to do `PostingsTopK`, which is
    compiled first. Both give the same bits."""
    if queries.shape[0] * len(order) < _MANY_PAIRS:
        return TopK(queries, k, order)
    from harness.retrieval.postings import PostingsTopK

    return PostingsTopK(queries, k, order)
