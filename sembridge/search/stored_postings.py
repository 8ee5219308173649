"""Search exactly over the postings of an index: only those of a query's dimensions are read from the disk.

The bits are those of `scipy_search.TopK`: a score is added up in the order of the query's dimensions, and a product of
two float32 weights is exact in float64.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sembridge.search.inversion import entries_check
from sembridge.search.manifest import MANIFEST, POSTINGS, damaged, read_checked
from sembridge.search.ranking import Best, Ranking, summable


class StoredPostings:
    """The postings of an index of N documents and V dimensions, from its files; manifest: what `read_manifest` gave.

    ends   int64 [V + 1]: the entries of dimension j are ends[j] to ends[j + 1] - 1
    ranks  int64 [N]: the rank of each document's id

    Raises IndexFolderError if the files are not as they were written, or do not fit together.
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any]):
        documents, dimensions, entries = (manifest[name] for name in ("documents", "dimensions", "entries"))
        self._folder, self._manifest, self._documents = folder, manifest, documents
        self._checked: set[int] = set()  # dimensions whose entries were found to be as they were written
        self.ends = self._whole("ends", np.int64, dimensions + 1)
        self.ranks = self._whole("ranks", np.int64, documents)
        self._checks = self._whole("checks", np.uint32, dimensions)
        self._positions = self._mapped("positions", np.int32, entries)
        self._weights = self._mapped("weights", np.float32, entries)
        if self.ends[0] != 0 or self.ends[-1] != entries or (self.ends[1:] < self.ends[:-1]).any():
            raise damaged(folder, f"{POSTINGS}/ends.npy does not fit the other files")
        if not _is_permutation(self.ranks):
            raise damaged(folder, f"{POSTINGS}/ranks.npy is not an order of the documents")

    def _whole(self, name: str, dtype: type, size: int) -> np.ndarray:
        """Read an array into memory."""
        file = f"{POSTINGS}/{name}.npy"
        content = read_checked(self._folder, self._manifest, file)
        start = self._start(file, io.BytesIO(content), len(content), dtype, size)
        return np.frombuffer(content, dtype, offset=start)

    def _mapped(self, name: str, dtype: type, size: int) -> np.ndarray:
        """Map an array, so that only what a query needs is read."""
        file = f"{POSTINGS}/{name}.npy"
        try:
            with (self._folder / file).open("rb") as opened:
                start = self._start(file, opened, os.fstat(opened.fileno()).st_size, dtype, size)
                return np.memmap(opened, dtype, "r", start, (size,)) if size else np.empty(0, dtype)
        except OSError as error:
            raise damaged(self._folder, f"{file} cannot be read ({type(error).__name__})") from None

    def _start(self, name: str, file: BinaryIO, length: int, dtype: type, size: int) -> int:
        """Return where the numbers of a .npy file begin, after checking that it holds what the manifest says."""
        try:
            np.lib.format.read_magic(file)
            shape, _, stored = np.lib.format.read_array_header_1_0(file)  # the form of all arrays of one plain type
        except Exception as error:  # the parser of the header raises many classes, by what is wrong
            raise damaged(self._folder, f"{name} cannot be read ({type(error).__name__})") from None
        if stored != dtype or shape != (size,) or length != file.tell() + size * np.dtype(dtype).itemsize:
            raise damaged(self._folder, f"{name} is not what {MANIFEST} says")
        return file.tell()

    def of(self, dimension: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the documents that have a dimension, int32 ascending, and their weights, float32."""
        entries = slice(self.ends[dimension], self.ends[dimension + 1])
        positions, weights = self._positions[entries], self._weights[entries]
        if len(positions) and dimension not in self._checked:
            ascending = positions[0] >= 0 and positions[-1] < self._documents and (np.diff(positions) > 0).all()
            if not ascending or not np.isfinite(weights).all():
                raise damaged(self._folder, f"{POSTINGS} has entries that cannot be, in dimension {dimension}")
            if entries_check(positions, weights) != self._checks[dimension]:
                raise damaged(self._folder, f"{POSTINGS} is not as it was written, in dimension {dimension}")
            self._checked.add(dimension)
        return positions, weights

    def top_k(self, queries: Any, k: int) -> Best:
        """Return the k best documents of each query, sparse [Q, V] float32; see `ranking.Ranking` for the order.

        Raises ValueError if a weight is not finite or the queries have another number of dimensions.
        """
        weights = summable(queries, np.float32)
        if weights.shape[1] != len(self.ends) - 1:
            problem = f"queries have {weights.shape[1]} dimensions, the index has {len(self.ends) - 1}"
            raise ValueError(f"{problem}: encode queries with the encoder of the index")
        ranking = _OneByOne(weights.shape[0], k, self.ranks, floor=0.0)
        for query in range(weights.shape[0]):
            ranking.add(query, self._scores(weights[[query]]))
        return ranking.best

    def _scores(self, query: sparse.csr_array) -> np.ndarray:
        """Return the scores of all documents for one query [1, V], float64 [N]."""
        scores = np.zeros(self._documents)
        for dimension, weight in zip(query.indices, query.data.astype(np.float64), strict=True):
            positions, weights = self.of(dimension)
            scores[positions] += weight * weights.astype(np.float64)
        return scores


def _is_permutation(ranks: np.ndarray) -> bool:
    """Return whether every rank from 0 on occurs once."""
    if ranks.min() < 0 or ranks.max() >= len(ranks):
        return False
    seen = np.zeros(len(ranks), dtype=bool)
    seen[ranks] = True
    return bool(seen.all())


class _OneByOne(Ranking):
    """Rank all documents of one query at a time."""

    def add(self, query: int, scores: np.ndarray) -> None:
        """Keep the best of the scores [N] of a query."""
        self._keep(query, scores[np.newaxis], 0)
