"""Measure how sparse vectors are, and what a search with them costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse


class Activity:
    """Count which dimensions are active, over blocks of documents, without keeping the vectors.

    queries  sparse [Q, V]

    Counts are integers, so blocks, their order and shards do not change the result. Stored zeros are not active.
    """

    def __init__(self, queries: sparse.sparray | sparse.spmatrix):
        self.queries = queries.shape[0]
        self.documents = 0
        self.query_counts = _counts(queries)
        self.document_counts = np.zeros_like(self.query_counts)

    @property
    def dimensions(self) -> int:
        """Return the length of the vectors, V."""
        return len(self.document_counts)

    @classmethod
    def empty(cls, dimensions: int) -> Activity:
        """Return the activity of no queries and no documents."""
        return cls(sparse.csr_array((0, dimensions)))

    def add(self, block: sparse.sparray | sparse.spmatrix) -> None:
        """Count a block of documents, sparse [B, V]. Raises ValueError if its V is not that of the queries."""
        if block.shape[1] != len(self.document_counts):
            problem = f"documents have {block.shape[1]} dimensions, queries have {len(self.document_counts)}"
            raise ValueError(f"{problem}: encode both with the same model")
        self.documents += block.shape[0]
        self.document_counts += _counts(block)

    def result(self) -> dict[str, float]:
        """Return query_active and doc_active, the mean number of non-zero dimensions, and flops.

        flops = sum over dimensions j of p_q(j) * p_d(j), with p(j) the fraction of the queries (documents) in which j
        is not zero: the mean number of products per query-document pair, which is the FLOPS of the SPLADE papers (Paria
        et al. 2020; Formal et al. 2021, "SPLADE v2", section 4). Raises ValueError without queries or documents.
        """
        if not self.queries or not self.documents:
            raise ValueError(f"no activity to report from {self.queries} queries and {self.documents} documents")
        # Python integers cannot overflow, and one division at the end rounds once.
        pairs = sum(int(q) * int(d) for q, d in zip(self.query_counts, self.document_counts, strict=True) if q and d)
        return {
            "query_active": int(self.query_counts.sum()) / self.queries,
            "doc_active": int(self.document_counts.sum()) / self.documents,
            "flops": pairs / (self.queries * self.documents),
        }


def merge(parts: Sequence[Activity]) -> Activity:
    """Merge the activities of shards, which share the queries but no documents."""
    if not parts:
        raise ValueError("no parts to merge")
    first = parts[0]
    for part in parts:
        if part.queries != first.queries or not np.array_equal(part.query_counts, first.query_counts):
            raise ValueError("the parts saw different queries")
    merged = Activity.empty(len(first.query_counts))
    merged.queries, merged.query_counts = first.queries, first.query_counts
    merged.documents = sum(part.documents for part in parts)
    merged.document_counts = np.sum([part.document_counts for part in parts], axis=0)
    return merged


def activity(
    queries: sparse.sparray | sparse.spmatrix, documents: sparse.sparray | sparse.spmatrix
) -> dict[str, float]:
    """Return `Activity.result` for queries [Q, V] and documents [N, V] in memory."""
    counter = Activity(queries)
    counter.add(documents)
    return counter.result()


def _counts(matrix: sparse.sparray | sparse.spmatrix) -> np.ndarray:
    """Return in how many rows each dimension is not zero, int64 [V]."""
    rows = sparse.csr_array(matrix)
    if not rows.has_canonical_format:  # an entry stored in two pieces is one active dimension
        rows = rows.copy()
        rows.sum_duplicates()
    return np.bincount(rows.indices[rows.data != 0], minlength=rows.shape[1])
