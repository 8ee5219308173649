"""The mixture at alpha 1, where every donor weighs something in every row: too many weights to hold, so they are computed when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from sembridge.mixture.entmax import entmax
from sembridge.mixture.mixture import UnitVectors

_BLOCK = 32  # rows a thread computes at a time


@dataclass(frozen=True, eq=False)
class SoftmaxMixture:
    """[T, S] float32 weights: softmax of the scores of each query with every donor at some rows, a sparse matrix at the others.

    queries  [n]; donors, of a table of S
    places   [n] the rows the queries stand for
    others   sparse [T, S] float32, empty at these rows

    Weights have the same bits whenever they are computed, whatever the number of threads; all of them take minutes, where V is a real vocabulary.
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
        """[T] how many donors a row has."""
        support = np.diff(self.others.indptr).astype(np.int64)
        support[self.places] = len(self.donors)
        return support

    def __matmul__(self, values: np.ndarray) -> np.ndarray:
        """[T] or [T, D] float64 for values [S] or [S, D]."""
        return self.product(values, np.dtype(np.float64))

    def product(self, values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
        """`@`, computed in float64 and given in `dtype`."""
        from sembridge.mixture.kernels import mix

        table = values[:, None] if values.ndim == 1 else values
        found = np.empty((self.shape[0], table.shape[1]), dtype=dtype)
        exact = table.astype(np.float64)
        for start in range(0, len(found), 1024):
            found[start : start + 1024] = self.others[start : start + 1024].astype(np.float64) @ exact

        def work(part: slice) -> None:
            weights = self.weights(part)
            result = np.zeros((len(weights), table.shape[1]))
            starts = np.arange(len(weights) + 1) * len(self.donors)
            mix(starts, np.tile(self.donors.ids, len(weights)), weights.ravel(), table, result)
            found[self.places[part]] = result

        self._each(work)
        return found[:, 0] if values.ndim == 1 else found

    def heaviest(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """([n, k] source ids of the heaviest donors at `places`, heaviest first, ties by id; [n, k] their weights); fewer where there are fewer."""
        k = min(k, len(self.donors))
        ids, weights = (
            np.empty((len(self.places), k), dtype=np.int64),
            np.empty((len(self.places), k), dtype=np.float32),
        )

        def work(part: slice) -> None:
            found = self.weights(part)
            order = np.argsort(-found, axis=1, kind="stable")[:, :k]
            ids[part], weights[part] = self.donors.ids[order], np.take_along_axis(found, order, axis=1)

        self._each(work)
        return ids, weights

    def weights(self, part: slice) -> np.ndarray:
        """[b, m] float32, of some of the queries, on all donors."""
        from sembridge.mixture.kernels import score

        points = self.queries.points(part)
        counts = np.full(len(points), len(self.donors))
        ids, scores = np.tile(np.arange(len(self.donors), dtype=np.int32), len(points)), np.empty(counts.sum())
        position = np.zeros(0) if self.donors.position is None else self.donors.position
        score(ids, counts, points, self.donors.vectors, self.donors.ids, self.donors.lengths, position, scores)
        return entmax(scores.reshape(len(points), -1), 1.0)[0].astype(np.float32)

    def _each(self, work: Callable[[slice], None]) -> None:
        parts: Iterator[slice] = (slice(start, start + _BLOCK) for start in range(0, len(self.places), _BLOCK))
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(work, parts))
