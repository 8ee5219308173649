"""Search exactly on a GPU: the bits of `scipy_search.TopK`, whatever the device and the size of the blocks.

Blocks of documents are written into a dense table with a line for each dimension that a query has. A program adds up
one query's lines for a stretch of documents, in float64 and in the order of the query's dimensions, which is what the
processor does. The k best are selected by (score, rank of the id), which is unique, by stable sorts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy import sparse

from sembridge.search.collected import Collected
from sembridge.search.ranking import Best, Run, check_block, check_k, finite_csr, summable

TABLE = 2**28  # numbers in the dense table of a block: 1 GB
MOST = 2**15  # documents of a block
SCORES = 2**26  # scores computed at a time: 512 MB
STRETCH = 1024  # documents that one program scores


class DeviceTopK:
    """Keep the k best documents of every query, as `scipy_search.TopK` does; see `ranking.Ranking` for k and order.

    queries  sparse [Q, V] float32
    """

    def __init__(self, queries: Any, k: int, order: np.ndarray, device: torch.device | str = "cuda"):
        check_k(k)
        self._device = torch.device(device)
        weights = summable(queries, np.float32)
        used, columns = np.unique(weights.indices, return_inverse=True)
        self._ends = self._put(weights.indptr.astype(np.int64))
        self._columns, self._weights = self._put(columns.astype(np.int64)), self._put(weights.data.astype(np.float64))
        self._dimensions, self._lines = weights.shape[1], len(used)
        line = np.full(weights.shape[1], -1, dtype=np.int64)
        line[used] = np.arange(len(used))
        self._line, self._order = self._put(line), self._put(np.asarray(order, dtype=np.int64))
        self._together = max(1, min(MOST, TABLE // max(1, len(used))))
        shape = weights.shape[0], k
        self._scores = torch.zeros(shape, dtype=torch.float64, device=self._device)
        self._positions, self._ranks = (torch.full(shape, -1, device=self._device) for _ in range(2))
        self._collected = Collected(self._together)

    def add(self, first_position: int, block: Any) -> None:
        """Score a block of documents, sparse [B, V] float32, at positions first_position .. first_position + B - 1.

        Add each document once. Raises ValueError if the block does not fit the queries or the corpus, or a weight is
        not finite.
        """
        documents = finite_csr(block, f"documents from position {first_position}", np.float32)
        check_block(documents.shape, self._dimensions, first_position, len(self._order))
        if not documents.has_canonical_format:  # the table has one place for a document's weight
            documents = documents.copy()
            documents.sum_duplicates()
        self._search_all(self._collected.add(first_position, documents))

    @property
    def best(self) -> Best:
        """The k best documents so far, for `ranking.merge`."""
        self._search_all(self._collected.rest())
        return Best(*(part.cpu().numpy() for part in (self._scores, self._positions, self._ranks)))

    def result(self, query_ids: Sequence[str], document_ids: Sequence[str]) -> Run:
        """Return the run so far; see `ranking.Best.result`."""
        return self.best.result(query_ids, document_ids)

    def _put(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(self._device)

    def _search_all(self, batches: list[tuple[int, sparse.csr_array]]) -> None:
        for first_position, documents in batches:
            for start in range(0, documents.shape[0], self._together):
                self._search(documents[start : start + self._together], first_position + start)

    def _search(self, documents: sparse.csr_array, first_position: int) -> None:
        from sembridge.search.device_kernels import score_documents

        table, count, queries = self._table(documents), documents.shape[0], len(self._scores)
        step = max(1, SCORES // count)
        for start in range(0, queries, step):
            rows = slice(start, min(start + step, queries))
            scores = torch.empty((rows.stop - start, count), dtype=torch.float64, device=self._device)
            grid = len(scores), -(-count // STRETCH)
            score_documents[grid](self._ends[start:], self._columns, self._weights, table, scores, count, BLOCK=STRETCH)
            self._keep(rows, scores, first_position)

    def _table(self, documents: sparse.csr_array) -> torch.Tensor:
        """Return the documents' weights [lines, B] float32, with a line for each dimension that a query has."""
        counts = self._put(np.diff(documents.indptr).astype(np.int64))
        place = torch.repeat_interleave(torch.arange(len(counts), device=self._device), counts)
        line, weights = self._line[self._put(documents.indices).long()], self._put(documents.data)
        table = torch.zeros((self._lines, len(counts)), dtype=torch.float32, device=self._device)
        used = line >= 0
        table[line[used], place[used]] = weights[used]
        return table

    def _keep(self, rows: slice, scores: torch.Tensor, first_position: int) -> None:
        """Update some queries with the scores [R, B] of a block."""
        k = self._scores.shape[1]
        full, worst = self._positions[rows, -1:] >= 0, self._scores[rows, -1:]
        reaching = (scores > 0) & (scores >= torch.where(full, worst, 0.0))
        if scores.shape[1] > k:  # ties of the k-th score stay
            reaching &= scores >= scores.topk(k, dim=1).values[:, -1:]
        row, column = reaching.nonzero(as_tuple=True)
        if not len(row):
            return
        old_row, old_slot = (self._positions[rows] >= 0).nonzero(as_tuple=True)
        row_of = torch.cat([old_row, row])
        score = torch.cat([self._scores[rows][old_row, old_slot], scores[row, column]])
        position = torch.cat([self._positions[rows][old_row, old_slot], first_position + column])
        rank = self._order[position]
        sequence = rank.argsort()
        for key in (-score, row_of):  # each sort is stable: by row, then by score, then by rank
            sequence = sequence[key[sequence].argsort(stable=True)]
        row_of = row_of[sequence].contiguous()
        slot = torch.arange(len(row_of), device=row_of.device) - torch.searchsorted(row_of, row_of)
        first = slot < k
        where, chosen = (row_of[first], slot[first]), sequence[first]
        for kept, entries in ((self._scores, score), (self._positions, position), (self._ranks, rank)):
            kept[rows][where] = entries[chosen]
