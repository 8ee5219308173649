"""Exact search over blocks of postings: what `scipy_search.TopK` computes, to the bit, many times faster on large collections.

Documents are gathered into blocks small enough for their scores to stay in the processor's cache. A block is turned into postings (for each dimension
the documents that have it, with their weights), each query adds up the postings of its dimensions, and the scores that reach the k-th best so far are
kept. Bits: a (query, document) pair is added up in the order of the query's dimensions, every product of two float32 weights is exact in float64, and
documents are compared by (score, rank of the id), which no two share; so neither blocks nor threads nor the order of arrival matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy import sparse

from harness.retrieval.ranking import Best, Run, check_block, check_k, checked
from sembridge.compiled import compiled

_BLOCK = 4096  # documents: 32 KiB of scores; at most 65,536, for positions in a block are 16 bit
_TOGETHER = 8192  # documents that wait for each thread until they are scored
_STRIDE = 64  # scores looked at together


class PostingsTopK:
    """The k best documents of every query by the products of sparse vectors; see `ranking.Ranking` for k, order, and `scipy_search.TopK`.

    queries  sparse [Q, V] float32
    threads  how many compute at the same time; None: as many as torch would use

    Memory beside the order: 32 k bytes for each query, and the documents that wait, once as they came and once as postings.
    """

    def __init__(self, queries: Any, k: int, order: np.ndarray, threads: int | None = None):
        check_k(k)
        self._k = k
        self._order = np.asarray(order, dtype=np.int64)
        weights = checked(queries, "queries", np.float32).copy()
        weights.sum_duplicates()  # also sorts by dimension, which fixes the order of summation
        asked, columns = np.unique(
            weights.indices, return_inverse=True
        )  # of the other dimensions no postings are needed
        self._queries = weights.indptr.astype(np.int64), columns.astype(np.int64), weights.data.astype(np.float64)
        self._columns = len(asked)
        self._column = np.full(weights.shape[1], len(asked), dtype=np.int32)
        self._column[asked] = np.arange(len(asked))
        self._kept = _Kept(weights.shape[0], k)
        self._threads = threads or _threads()
        self._waiting: list[sparse.csr_array] = []
        self._first = self._count = 0

    def add(self, first_position: int, block: Any) -> None:
        """Score a block of documents, sparse [B, V] float32, which stand at positions first_position .. first_position + B - 1.

        A document must be added once only. ValueError if the block does not fit the queries or the corpus, or a weight is not finite.
        """
        documents = checked(block, f"documents from position {first_position}", np.float32)
        check_block(documents.shape, len(self._column), first_position, len(self._order))
        if self._waiting and first_position != self._first + self._count:
            self._flush()
        if not self._waiting:
            self._first = first_position
        self._waiting.append(documents)
        self._count += documents.shape[0]
        if self._count >= _TOGETHER * self._threads:
            self._flush()

    @property
    def best(self) -> Best:
        """The k best so far, as `ranking.merge` takes them from shards."""
        self._flush()
        return self._kept.best(self._k, self._order)

    def result(self, query_ids: Sequence[str], document_ids: Sequence[str]) -> Run:
        """The run so far; see `ranking.Best.result`."""
        return self.best.result(query_ids, document_ids)

    def _flush(self) -> None:
        if not self._waiting:
            return
        documents = sparse.csr_array(sparse.vstack(self._waiting, format="csr"))
        arrays = documents.indptr.astype(np.int64), documents.indices.astype(np.int32, copy=False), documents.data
        queries = len(self._kept.counts)
        shares = np.linspace(0, queries, self._threads + 1).astype(np.int64)
        starts = range(0, documents.shape[0], _BLOCK)
        with ThreadPoolExecutor(self._threads) as pool:
            ends = [min(start + _BLOCK, documents.shape[0]) for start in starts]
            built = list(
                pool.map(lambda start, end: _postings(*arrays, self._column, self._columns, start, end), starts, ends)
            )

            def score(share: int) -> None:
                for start, end, postings in zip(starts, ends, built, strict=True):
                    _score(
                        *self._queries, shares[share], shares[share + 1], *postings, end - start, self._first + start, self._order, self._k,
                        self._kept.scores, self._kept.positions, self._kept.counts, self._kept.bounds, self._kept.last,
                    )  # fmt: skip

            list(pool.map(score, range(self._threads)))
        self._waiting, self._count = [], 0


class _Kept:
    """Up to 2k candidates of every query, unordered: scores [Q, 2k], positions [Q, 2k], how many [Q]; and what a document must reach to become one:
    bounds [Q], and with exactly that score a rank below last [Q]."""

    def __init__(self, queries: int, k: int):
        self.scores = np.empty((queries, 2 * k))
        self.positions = np.empty((queries, 2 * k), dtype=np.int64)
        self.counts = np.zeros(queries, dtype=np.int64)
        self.bounds = np.full(queries, np.nextafter(0.0, 1.0))  # scores of 0 or less are not retrieved
        self.last = np.full(queries, np.iinfo(np.int64).max)

    def best(self, k: int, order: np.ndarray) -> Best:
        found = Best.empty(len(self.counts), k)
        _sorted(self.scores, self.positions, self.counts, order, k, found.scores, found.positions, found.ranks)
        return found


def _threads() -> int:
    import torch

    return torch.get_num_threads()


@compiled
def _postings(indptr, indices, data, column, columns, first, last):  # type: ignore[no-untyped-def]
    """Documents first .. last - 1 of a csr matrix by column: offsets [columns + 1], places in the block (16 bit, ascending) and weights.

    column  int32 [V]: which column a dimension is; `columns` for those that no query has, and which are left out
    """
    offsets = np.zeros(columns + 2, np.int64)
    for entry in range(indptr[first], indptr[last]):
        offsets[column[indices[entry]] + 1] += 1
    for place in range(columns):
        offsets[place + 1] += offsets[place]
    places, weights = np.empty(offsets[columns], np.uint16), np.empty(offsets[columns], np.float32)
    free = offsets[:columns].copy()
    for document in range(first, last):
        for entry in range(indptr[document], indptr[document + 1]):
            wanted = column[indices[entry]]
            if wanted < columns:
                slot = free[wanted]
                places[slot], weights[slot] = document - first, data[entry]
                free[wanted] = slot + 1
    return offsets, places, weights


@compiled
def _score(
    indptr,
    indices,
    data,
    start,
    end,
    offsets,
    places,
    weights,
    size,
    first,
    order,
    k,
    kept,
    positions,
    counts,
    bounds,
    last,
):  # type: ignore[no-untyped-def]
    """Score queries start .. end - 1 with a block of `size` documents from position `first`, and keep the candidates."""
    scores = np.zeros((size + _STRIDE - 1) // _STRIDE * _STRIDE, np.float64)
    for query in range(start, end):
        for entry in range(indptr[query], indptr[query + 1]):
            weight, dimension = data[entry], indices[entry]
            for slot in range(offsets[dimension], offsets[dimension + 1]):
                scores[places[slot]] += weight * np.float64(weights[slot])
        bound, rank, count = bounds[query], last[query], counts[query]
        for stride in range(0, len(scores), _STRIDE):
            reaching = 0
            for place in range(
                stride, stride + _STRIDE
            ):  # without a branch, so that the processor compares several at once
                reaching += scores[place] >= bound
            if reaching == 0:
                continue
            for place in range(stride, stride + _STRIDE):
                score = scores[place]
                if score > bound or (score == bound and order[first + place] < rank):
                    kept[query, count], positions[query, count] = score, first + place
                    count += 1
                    if count == kept.shape[1]:
                        bound, rank = _halve(kept[query], positions[query], order, k)
                        count = k
        scores[:] = 0.0
        bounds[query], last[query], counts[query] = bound, rank, count


@compiled
def _halve(scores, positions, order, k):  # type: ignore[no-untyped-def]
    """Keep, in front and in order of arrival, the k best of 2k candidates by (score, rank). Returns the score and the rank of the last of them."""
    size = len(scores)
    bound = np.partition(scores, size - k)[size - k]
    above = 0
    for slot in range(size):
        above += scores[slot] > bound
    ties = np.empty(size, np.int64)
    count = 0
    for slot in range(size):
        if scores[slot] == bound:
            ties[count] = order[positions[slot]]
            count += 1
    rank = np.sort(ties[:count])[k - above - 1]
    free = 0
    for slot in range(size):
        if scores[slot] > bound or (scores[slot] == bound and order[positions[slot]] <= rank):
            scores[free], positions[free] = scores[slot], positions[slot]
            free += 1
    return bound, rank


@compiled
def _sorted(kept, positions, counts, order, k, scores, places, ranks):  # type: ignore[no-untyped-def]
    """Write each query's k best candidates in order into scores, places and ranks [Q, k]."""
    for query in range(len(counts)):
        rank = order[positions[query, : counts[query]]]
        by_rank = np.argsort(rank)
        best = by_rank[np.argsort(-kept[query, : counts[query]][by_rank], kind="mergesort")][
            :k
        ]  # a stable sort: ties stay in the order of ranks
        for slot in range(len(best)):
            scores[query, slot], places[query, slot] = kept[query, best[slot]], positions[query, best[slot]]
            ranks[query, slot] = rank[best[slot]]
