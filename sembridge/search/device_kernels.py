"""The Triton kernel of the search on a GPU; import it only where `sembridge.gpu.runs_kernels`."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def score_documents(  # type: ignore[no-untyped-def]
    indptr, dimensions, weights, documents, scores, count, BLOCK: tl.constexpr
):
    """Write the scores [Q, B] float64 of queries, csr with float64 weights, for documents [U, B] float32.

    A score is added up in the order of the query's entries. Products of two float32 weights are exact in float64, and
    adding a product of zero changes nothing: the bits are those of the sum over the dimensions that both have.
    """
    query = tl.program_id(0)
    place = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = place < count
    total = tl.zeros((BLOCK,), tl.float64)
    for entry in range(tl.load(indptr + query), tl.load(indptr + query + 1)):
        line = documents + tl.load(dimensions + entry) * count
        total += tl.load(weights + entry) * tl.load(line + place, mask=inside, other=0.0).to(tl.float64)
    tl.store(scores + query.to(tl.int64) * count + place, total, mask=inside)
