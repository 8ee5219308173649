"""Search exactly over blocks of postings: the bits of `scipy_search.TopK`, many times faster on large collections.

Documents are collected into blocks whose scores fit in the processor's cache. A block is converted to postings (for
each dimension, the documents that have it, with their weights). Each query adds up the postings of its dimensions, and
scores that reach the k-th best so far are kept. Bits: a (query, document) pair is added up in the order of the query's
dimensions, every product of two float32 weights is exact in float64, and documents are compared by (score, rank of the
id), which is unique; so blocks, threads and the order of arrival change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy import sparse

from sembridge.compiled import compiled
from sembridge.search.collected import Collected
from sembridge.search.ranking import Best, Run, check_block, check_k, finite_csr, summable

_BLOCK = 4096  # documents: 32 KiB of scores; at most 65,536, because positions in a block have 16 bits
_TOGETHER = 8192  # documents collected per thread before they are scored
_STRIDE = 64  # scores tested together


class PostingsTopK:
    """Keep the k best documents of every query, as `scipy_search.TopK` does; see `ranking.Ranking` for k and order.

    queries  sparse [Q, V] float32
    threads  number of computing threads; None: as many as torch uses

    Memory beside the order: 32 k bytes per query, and the collected documents, once as csr and once as postings.
    """

    def __init__(self, queries: Any, k: int, order: np.ndarray, threads: int | None = None):
        check_k(k)
        self._k = k
        self._order = np.asarray(order, dtype=np.int64)
        weights = summable(queries, np.float32)
        # Only dimensions that a query has need postings.
        used, columns = np.unique(weights.indices, return_inverse=True)
        self._queries = weights.indptr.astype(np.int64), columns.astype(np.int64), weights.data.astype(np.float64)
        self._columns = len(used)
        self._column = np.full(weights.shape[1], len(used), dtype=np.int32)
        self._column[used] = np.arange(len(used))
        self._candidates = _Candidates(weights.shape[0], k)
        self._threads = threads or _threads()
        self._collected = Collected(_TOGETHER * self._threads)

    def add(self, first_position: int, block: Any) -> None:
        """Score a block of documents, sparse [B, V] float32, at positions first_position .. first_position + B - 1.

        Add each document once. Raises ValueError if the block does not fit the queries or the corpus, or a weight is
        not finite.
        """
        documents = finite_csr(block, f"documents from position {first_position}", np.float32)
        check_block(documents.shape, len(self._column), first_position, len(self._order))
        self._search_all(self._collected.add(first_position, documents))

    @property
    def best(self) -> Best:
        """The k best documents so far, for `ranking.merge`."""
        self._search_all(self._collected.rest())
        return self._candidates.best(self._k, self._order)

    def result(self, query_ids: Sequence[str], document_ids: Sequence[str]) -> Run:
        """Return the run so far; see `ranking.Best.result`."""
        return self.best.result(query_ids, document_ids)

    def _search_all(self, batches: list[tuple[int, sparse.csr_array]]) -> None:
        for first_position, documents in batches:
            self._search(first_position, documents)

    def _search(self, first_position: int, documents: sparse.csr_array) -> None:
        arrays = documents.indptr.astype(np.int64), documents.indices.astype(np.int32, copy=False), documents.data
        candidates = self._candidates
        splits = np.linspace(0, len(candidates.counts), self._threads + 1).astype(np.int64)
        starts = range(0, documents.shape[0], _BLOCK)
        with ThreadPoolExecutor(self._threads) as pool:
            ends = [min(start + _BLOCK, documents.shape[0]) for start in starts]
            columns = (self._column, self._columns)
            blocks = list(pool.map(lambda start, end: _postings(*arrays, *columns, start, end), starts, ends))

            def score(thread: int) -> None:
                queries = (*self._queries, splits[thread], splits[thread + 1])
                for start, end, postings in zip(starts, ends, blocks, strict=True):
                    place = (end - start, first_position + start, self._order, self._k)
                    _score(*queries, *postings, *place, *candidates.arrays())

            list(pool.map(score, range(self._threads)))


class _Candidates:
    """Up to 2k candidates of every query, unordered.

    scores     float64 [Q, 2k]
    positions  int64 [Q, 2k]
    counts     int64 [Q]: the number of candidates
    bounds     float64 [Q]: the score that a document must exceed to become a candidate; with exactly this score,
    last       int64 [Q]:   its rank must be below this one
    """

    def __init__(self, queries: int, k: int):
        self.scores = np.empty((queries, 2 * k))
        self.positions = np.empty((queries, 2 * k), dtype=np.int64)
        self.counts = np.zeros(queries, dtype=np.int64)
        self.bounds = np.full(queries, np.nextafter(0.0, 1.0))  # scores of 0 or less are not retrieved
        self.last = np.full(queries, np.iinfo(np.int64).max)

    def arrays(self) -> tuple[np.ndarray, ...]:
        return self.scores, self.positions, self.counts, self.bounds, self.last

    def best(self, k: int, order: np.ndarray) -> Best:
        best = Best.empty(len(self.counts), k)
        _sort(self.scores, self.positions, self.counts, order, k, best.scores, best.positions, best.ranks)
        return best


def _threads() -> int:
    import torch

    return torch.get_num_threads()


@compiled
def _postings(indptr, indices, data, column, columns, first, last):  # type: ignore[no-untyped-def]
    """Convert documents first .. last - 1 of a csr matrix to postings.

    column  int32 [V]: the column of each dimension; `columns` for dimensions without a query, which are left out

    Returns offsets [columns + 1], and by column the places in the block (16 bits, ascending) and the weights.
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
            target = column[indices[entry]]
            if target < columns:
                slot = free[target]
                places[slot], weights[slot] = document - first, data[entry]
                free[target] = slot + 1
    return offsets, places, weights


@compiled
def _score(  # type: ignore[no-untyped-def]
    indptr, indices, data, start, end,  # the queries
    offsets, places, weights, size, first, order, k,  # the block
    candidates, positions, counts, bounds, last,
):  # fmt: skip
    """Score queries start .. end - 1 with a block of `size` documents from position `first`; update the candidates."""
    scores = np.zeros((size + _STRIDE - 1) // _STRIDE * _STRIDE, np.float64)
    for query in range(start, end):
        for entry in range(indptr[query], indptr[query + 1]):
            weight, dimension = data[entry], indices[entry]
            for slot in range(offsets[dimension], offsets[dimension + 1]):
                scores[places[slot]] += weight * np.float64(weights[slot])
        bound, rank, count = bounds[query], last[query], counts[query]
        for stride in range(0, len(scores), _STRIDE):
            reaching = 0
            # Without a branch, so that the processor compares several scores at once.
            for place in range(stride, stride + _STRIDE):
                reaching += scores[place] >= bound
            if reaching == 0:
                continue
            for place in range(stride, stride + _STRIDE):
                score = scores[place]
                if score > bound or (score == bound and order[first + place] < rank):
                    candidates[query, count], positions[query, count] = score, first + place
                    count += 1
                    if count == candidates.shape[1]:
                        bound, rank = _halve(candidates[query], positions[query], order, k)
                        count = k
        scores[:] = 0.0
        bounds[query], last[query], counts[query] = bound, rank, count


@compiled
def _halve(scores, positions, order, k):  # type: ignore[no-untyped-def]
    """Move the k best of 2k candidates by (score, rank) to the front, in order of arrival; return the worst of them."""
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
def _sort(candidates, positions, counts, order, k, scores, places, ranks):  # type: ignore[no-untyped-def]
    """Write each query's k best candidates in order into scores, places and ranks [Q, k]."""
    for query in range(len(counts)):
        rank = order[positions[query, : counts[query]]]
        by_rank = np.argsort(rank)
        # A stable sort, so that ties stay ordered by rank.
        by_score = np.argsort(-candidates[query, : counts[query]][by_rank], kind="mergesort")
        best = by_rank[by_score][:k]
        for slot in range(len(best)):
            scores[query, slot], places[query, slot] = candidates[query, best[slot]], positions[query, best[slot]]
            ranks[query, slot] = rank[best[slot]]
