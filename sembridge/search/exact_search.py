"""Choose the exact search for a collection: scipy's product for a small one, else compiled postings, or the GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import sparse

from sembridge.gpu import runs_kernels
from sembridge.search.scipy_search import TopK

_MANY_PAIRS = 1 << 19  # query-document pairs that are worth the time to compile, or to load compiled code


def top_k(queries: sparse.sparray | sparse.spmatrix, k: int, order: np.ndarray) -> Any:
    """Return the accumulator for float32 queries [Q, V] and a corpus of len(order) documents.

    It is a `TopK`, or for a large search a `PostingsTopK`, which is compiled first, or a `DeviceTopK` where there is a
    GPU; all give the same bits.
    """
    if queries.shape[0] * len(order) < _MANY_PAIRS:
        return TopK(queries, k, order)
    if torch.cuda.is_available() and runs_kernels(torch.device("cuda")):
        from sembridge.search.device_search import DeviceTopK

        return DeviceTopK(queries, k, order)
    from sembridge.search.postings import PostingsTopK

    return PostingsTopK(queries, k, order)
