"""Keep the k best documents of every query by (score descending, document id ascending), block by block.

No index of the whole corpus exists: beside the order of the documents, memory is O(Q * (k + B)). Shards can be searched
separately and merged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

Run = dict[str, list[tuple[str, float]]]
"""Query id -> (document id, score), best first. A query that retrieved nothing has an empty list."""
_CELLS = 1 << 22  # query-document pairs scored at once: 32 MiB of float64


def id_order(document_ids: Sequence[str]) -> np.ndarray:
    """Return the rank of each document's id in ascending string order, int64 [N]; it breaks ties."""
    order = np.empty(len(document_ids), dtype=np.int64)
    # Python compares strings by code point, as strcmp does on UTF-8. numpy's strings would drop trailing NULs.
    order[sorted(range(len(document_ids)), key=document_ids.__getitem__)] = np.arange(len(document_ids))
    return order


@dataclass(frozen=True)
class Best:
    """The best documents of each query, best first; small enough to send between processes.

    scores     float64 [Q, k]; 0 where a query has fewer than k documents
    positions  int64 [Q, k]: the document's position in the corpus, -1 in an unused place
    ranks      int64 [Q, k]: the rank of its id, which breaks ties, -1 in an unused place
    """

    scores: np.ndarray
    positions: np.ndarray
    ranks: np.ndarray

    @classmethod
    def empty(cls, queries: int, k: int) -> Best:
        """Return unused places only."""
        return cls(np.zeros((queries, k)), np.full((queries, k), -1), np.full((queries, k), -1))

    def result(self, query_ids: Sequence[str], document_ids: Sequence[str] | Mapping[int, str]) -> Run:
        """Return the run, with the ids of the Q queries and of the N documents, or of those found, by position."""
        if len(query_ids) != len(self.scores):
            raise ValueError(f"{len(query_ids)} query ids for {len(self.scores)} queries")
        counts = (self.positions >= 0).sum(axis=1)
        return {
            query: [(document_ids[p], s) for p, s in zip(positions[:n].tolist(), scores[:n].tolist(), strict=True)]
            for query, n, positions, scores in zip(query_ids, counts, self.positions, self.scores, strict=True)
        }


class Ranking:
    """Accumulate the k best documents of every query (higher score, then smaller id), in any order of blocks.

    queries  number of queries
    k        documents kept per query
    order    int [N], `id_order(document_ids)` of the whole corpus, even if this accumulator sees only one shard
    floor    documents with this score or less are not retrieved
    """

    def __init__(self, queries: int, k: int, order: np.ndarray, floor: float):
        check_k(k)
        self._order = np.asarray(order, dtype=np.int64)
        self._floor = floor
        self.best = Best.empty(queries, k)

    def result(self, query_ids: Sequence[str], document_ids: Sequence[str]) -> Run:
        """Return the run so far; see `Best.result`."""
        return self.best.result(query_ids, document_ids)

    def _chunks(self, first_position: int, size: int) -> Iterator[tuple[int, int]]:
        """Return (start, end) of the queries to score at once. Raises ValueError for documents outside the corpus."""
        _check_positions(first_position, size, len(self._order))
        queries, step = len(self.best.scores), max(1, _CELLS // max(1, size))
        return ((start, min(start + step, queries)) for start in range(0, queries, step))

    def _keep(self, start: int, scores: np.ndarray, first_position: int) -> None:
        """Update queries start .. start + R - 1 with the scores [R, B] of a block."""
        best, (size, k) = self.best, (scores.shape[1], self.best.scores.shape[1])
        rows = slice(start, start + len(scores))
        # Two cheap filters, which keep ties: the k-th score so far; then, for too many documents, the block's k-th.
        worst = np.where(best.positions[rows, -1:] >= 0, best.scores[rows, -1:], self._floor)
        mask = (scores > self._floor) & (scores >= worst)
        crowded = np.flatnonzero(np.count_nonzero(mask, axis=1) > k)
        if crowded.size:
            mask[crowded] &= scores[crowded] >= np.partition(scores[crowded], size - k, axis=1)[:, [size - k]]
        row, column = np.nonzero(mask)
        if not row.size:
            return
        touched = np.unique(row) + start
        old_row, old_slot = np.nonzero(best.positions[touched] >= 0)
        old_row = touched[old_row]
        position = np.concatenate([best.positions[old_row, old_slot], first_position + column])
        _select(
            best,
            np.concatenate([old_row, row + start]),
            np.concatenate([best.scores[old_row, old_slot], scores[row, column]]),
            position,
            self._order[position],
        )


def merge(parts: Sequence[Best]) -> Best:
    """Merge the best documents of shards (all queries, disjoint documents): the same bits as in one pass."""
    if not parts:
        raise ValueError("no parts to merge")
    shapes = {part.scores.shape for part in parts}
    if len(shapes) > 1:
        raise ValueError(f"parts of different shapes [queries, k]: {sorted(shapes)}")
    scores, positions, order = (
        np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("scores", "positions", "ranks")
    )
    row, column = np.nonzero(positions >= 0)
    merged = Best.empty(*parts[0].scores.shape)
    _select(merged, row, scores[row, column], positions[row, column], order[row, column])
    return merged


def _select(best: Best, row: np.ndarray, score: np.ndarray, position: np.ndarray, rank: np.ndarray) -> None:
    """Write into `best` the first k entries of each row by (score descending, rank ascending); all arrays [entries]."""
    sequence = np.lexsort((rank, -score, row))
    row, score, position, rank = row[sequence], score[sequence], position[sequence], rank[sequence]
    slot = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    first = slot < best.scores.shape[1]
    where = row[first], slot[first]
    best.scores[where], best.positions[where], best.ranks[where] = score[first], position[first], rank[first]


def check_k(k: int) -> None:
    """Raise ValueError unless k is at least 1."""
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")


def check_block(shape: tuple[int, int], dimensions: int, first_position: int, documents: int) -> None:
    """Raise ValueError if a block [B, V] does not have the queries' dimensions or lies outside the corpus."""
    if shape[1] != dimensions:
        problem = f"documents have {shape[1]} dimensions, queries have {dimensions}"
        raise ValueError(f"{problem}: encode both with the same model")
    _check_positions(first_position, shape[0], documents)


def _check_positions(first: int, size: int, documents: int) -> None:
    if first < 0 or first + size > documents:
        raise ValueError(f"documents {first} to {first + size - 1} lie outside the corpus of {documents}")


def finite_csr(matrix: sparse.sparray | sparse.spmatrix, name: str, dtype: type = np.float64) -> sparse.csr_array:
    """Return the matrix in csr form. Raises ValueError with `name` if a weight is not finite."""
    weights = sparse.csr_array(matrix, dtype=dtype)
    if not np.isfinite(weights.data).all():
        raise ValueError(f"{name}: a weight is not finite; the encoder diverged")
    return weights


def summable(queries: sparse.sparray | sparse.spmatrix, dtype: type = np.float64) -> sparse.csr_array:
    """Return a copy of the queries in csr form, each dimension once. Raises ValueError if a weight is not finite.

    Entries are sorted by dimension, which fixes the order in which a score is added up.
    """
    weights = finite_csr(queries, "queries", dtype).copy()
    weights.sum_duplicates()
    return weights
