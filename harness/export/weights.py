"""Write weights as text without losing a bit, and do to weights what an engine will do to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

FOLD = 32_768
"""OpenSearch keeps the ids of a sparse_vector in 15 bits: ids that are equal modulo this number become one."""
_BYTE = 255


def shortest(weights: np.ndarray) -> list[str]:
    """Return the shortest decimals that give back the same float32 [n]; they are numbers of JSON and of SQL."""
    return np.asarray(weights, dtype=np.float32).astype("U32").tolist()


def integers(weights: np.ndarray, scale: int) -> np.ndarray:
    """Return scale * weight, rounded to the nearest integer [n] int64."""
    return np.rint(np.asarray(weights, dtype=np.float64) * scale).astype(np.int64)


def nine_bits(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return the weights as Lucene's FeatureField stores them: 9 significant bits, the rest is cut off.

    It keeps sign, exponent and 8 bits of the fraction of a float32, the upper 17 of its 32 bits.
    """
    bits = matrix.data.astype(np.float32).view(np.uint32) >> 15 << 15
    return _with(matrix, bits.astype(np.uint32).view(np.float32))


def half(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return the weights in half precision."""
    return _with(matrix, matrix.data.astype(np.float16).astype(np.float32))


def byte(matrix: sparse.csr_array, ceiling: float) -> sparse.csr_array:
    """Return the weights as 0 .. 255 of `ceiling`; larger ones are cut to it. The integers stand for themselves."""
    clipped = np.clip(matrix.data.astype(np.float32), 0, np.float32(ceiling))
    scaled = clipped * np.float32(_BYTE) / np.float32(ceiling)
    return _with(matrix, np.floor(scaled + np.float32(0.5)).astype(np.float32))


def folded(matrix: sparse.csr_array, modulus: int = FOLD) -> sparse.csr_array:
    """Return the matrix with ids modulo `modulus`; of weights that meet in one id, the largest stays."""
    if matrix.shape[1] <= modulus:
        return matrix
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    columns = matrix.indices % modulus
    order = np.lexsort((-matrix.data, columns, rows))
    rows, columns, data = rows[order], columns[order], matrix.data[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    return sparse.csr_array((data[first], (rows[first], columns[first])), shape=(matrix.shape[0], modulus))


def csr(rows: Sequence[tuple[Sequence[int], Sequence[float]]], dimensions: int) -> sparse.csr_array:
    """Return the matrix [len(rows), V] float32 of (dimensions, weights) pairs."""
    indptr = np.cumsum([0, *(len(indices) for indices, _ in rows)])
    indices = np.concatenate([np.asarray(indices, dtype=np.int64) for indices, _ in rows] or [np.zeros(0, np.int64)])
    data = np.concatenate([np.asarray(weights, dtype=np.float32) for _, weights in rows] or [np.zeros(0, np.float32)])
    return sparse.csr_array((data, indices, indptr), shape=(len(rows), dimensions))


def _with(matrix: sparse.csr_array, data: np.ndarray) -> sparse.csr_array:
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
