"""Turn vectors by document into postings by dimension, part by part: memory holds one part, whatever the index has."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
from scipy import sparse

from sembridge.search.manifest import POSTINGS, part_files


def read_vectors(path: Path, dimensions: int) -> sparse.csr_array:
    """Return the vectors of a part, csr [B, V] float32."""
    from safetensors.numpy import load_file

    arrays = load_file(path)
    parts = arrays["weights"], arrays["dimensions"], arrays["offsets"]
    return sparse.csr_array(parts, shape=(len(arrays["offsets"]) - 1, dimensions))


def invert(folder: Path, parts: int, dimensions: int, ranks: np.ndarray) -> tuple[np.ndarray, int]:
    """Write the postings of an index from the vectors of its parts; the folder appears once it is whole.

    Returns where the entries of each dimension end, int64 [V + 1], and how many documents have no entries.
    """
    counts, without = np.zeros(dimensions, dtype=np.int64), 0
    for number in range(parts):
        vectors = read_vectors(folder / part_files(number)[1], dimensions)
        counts += np.bincount(vectors.indices, minlength=dimensions)
        without += int((np.diff(vectors.indptr) == 0).sum())
    ends = np.concatenate([[0], np.cumsum(counts)])
    aside = folder / f".{POSTINGS}.new"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    np.save(aside / "ends.npy", ends, allow_pickle=False)
    np.save(aside / "ranks.npy", np.asarray(ranks, dtype=np.int64), allow_pickle=False)
    _scatter(folder, aside, parts, dimensions, ends)
    shutil.rmtree(folder / POSTINGS, ignore_errors=True)
    os.replace(aside, folder / POSTINGS)
    return ends, without


def _scatter(folder: Path, aside: Path, parts: int, dimensions: int, ends: np.ndarray) -> None:
    """Write the entries of one part after another to their places in the files."""
    total = (int(ends[-1]),)
    if not total[0]:  # a file without entries cannot be mapped
        np.save(aside / "positions.npy", np.empty(0, np.int32), allow_pickle=False)
        np.save(aside / "weights.npy", np.empty(0, np.float32), allow_pickle=False)
        return
    positions = np.lib.format.open_memmap(aside / "positions.npy", mode="w+", dtype=np.int32, shape=total)
    weights = np.lib.format.open_memmap(aside / "weights.npy", mode="w+", dtype=np.float32, shape=total)
    free, first = ends[:-1].copy(), 0
    for number in range(parts):
        vectors = read_vectors(folder / part_files(number)[1], dimensions)
        columns = sparse.csc_array(vectors)  # documents ascend within a dimension
        sizes = np.diff(columns.indptr).astype(np.int64)
        places = np.repeat(free - columns.indptr[:-1], sizes) + np.arange(columns.nnz)
        positions[places], weights[places] = columns.indices + first, columns.data
        free += sizes
        first += vectors.shape[0]
    positions.flush()
    weights.flush()
