"""Compute the mixture at alpha 1 on demand: every donor has weight in every row, too many weights to store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sembridge.mixture.entmax import entmax
from sembridge.mixture.mixture import UnitVectors, exact_scores

_BLOCK = 32  # rows a thread computes at a time


@dataclass(frozen=True, eq=False)
class SoftmaxMixture:
    """A mixture [T, S] float32: in some rows softmax over the scores of a query with every donor, sparse in the others.

    queries  n queries
    donors   donors in a table of S
    places   [n] the rows of the queries
    others   sparse [T, S] float32, empty at these rows

    Weights have the same bits each time, for any number of threads. Computing all of a real vocabulary takes minutes.
    """

    queries: UnitVectors
    donors: UnitVectors
    places: np.ndarray
    others: sp.csr_array

    @property
    def shape(self) -> tuple[int, int]:
        return self.others.shape

    @property
    def support(self) -> np.ndarray:
        """Return how many donors each row has [T]."""
        support = np.diff(self.others.indptr).astype(np.int64)
        support[self.places] = len(self.donors)
        return support

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        """Return the product [T] or [T, D] float64 with values [S] or [S, D]."""
        return self.product(values, np.dtype(np.float64))

    def product(self, values: np.ndarray, dtype: np.dtype[Any], added: np.ndarray | None = None) -> np.ndarray:
        """Return `self @ values` plus `added` [T, D], computed in float64 and stored as `dtype`."""
        from sembridge.mixture.row_sums import mix

        table = values[:, None] if values.ndim == 1 else values
        products = np.empty((self.shape[0], table.shape[1]), dtype=dtype)
        exact = table.astype(np.float64)
        for start in range(0, len(products), 1024):
            part = slice(start, start + 1024)
            result = self.others[part].astype(np.float64) @ exact
            products[part] = result if added is None else result + added[part]

        def work(part: slice) -> None:
            weights = self.weights(part)
            result = np.zeros((len(weights), table.shape[1]))
            starts = np.arange(len(weights) + 1) * len(self.donors)
            mix(starts, np.tile(self.donors.ids, len(weights)), weights.ravel(), table, result)
            places = self.places[part]
            products[places] = result if added is None else result + added[places]

        self._each(work)
        return products[:, 0] if values.ndim == 1 else products

    def heaviest(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ([n, k] source ids of the heaviest donors at `places`, [n, k] their weights); k at most all donors.

        The heaviest donor comes first; ties are ordered by id.
        """
        shape = len(self.places), min(k, len(self.donors))
        ids, weights = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.float32)

        def work(part: slice) -> None:
            rows = self.weights(part)
            order = np.argsort(-rows, axis=1, kind="stable")[:, :k]
            ids[part], weights[part] = self.donors.ids[order], np.take_along_axis(rows, order, axis=1)

        self._each(work)
        return ids, weights

    def weights(self, part: slice) -> np.ndarray:
        """Return the weights [b, m] float32 of some of the queries on all donors."""
        points = self.queries.points(part)
        counts = np.full(len(points), len(self.donors))
        ids = np.tile(np.arange(len(self.donors), dtype=np.int32), len(points))
        scores = exact_scores(ids, counts, points, self.queries.scale, self.donors)
        return entmax(scores.reshape(len(points), -1), 1.0)[0].astype(np.float32)

    def _each(self, work: Callable[[slice], None]) -> None:
        import torch

        if self.donors.rounded:
            _ = self.donors.whole  # before threads ask for it at the same time
        parts: Iterator[slice] = (slice(start, start + _BLOCK) for start in range(0, len(self.places), _BLOCK))
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(work, parts))
