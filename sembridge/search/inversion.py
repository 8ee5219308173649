"""Turn vectors by document into postings by dimension, part by part: memory holds one part, whatever the index has."""

from __future__ import annotations

import os
import shutil
import zlib
from pathlib import Path

import numpy as np
from scipy import sparse

from sembridge.search.manifest import POSTINGS, damaged, part_files


def part_vectors(content: bytes, dimensions: int) -> sparse.csr_array:
    """Return the vectors in a file of a part, csr [B, V] float32. Raises ValueError for bytes that are no such file.

    What they say is checked: compiled code would read and write outside of its arrays by a dimension that is not there.
    """
    from safetensors.numpy import load

    try:
        arrays = load(content)
        offsets, places, weights = (arrays[name] for name in ("offsets", "dimensions", "weights"))
    except Exception as error:  # the reader raises its own class, KeyError and others, by what is wrong
        raise ValueError(type(error).__name__) from None
    if (offsets.dtype, places.dtype, weights.dtype) != (np.int64, np.int32, np.float32):
        raise ValueError("it has other types")
    if not (offsets.ndim == places.ndim == weights.ndim == 1 and len(places) == len(weights) and len(offsets)):
        raise ValueError("its arrays have other sizes")
    if offsets[0] != 0 or offsets[-1] != len(weights) or (offsets[1:] < offsets[:-1]).any():
        raise ValueError("its offsets do not ascend")
    within = np.ones(len(places), dtype=bool)
    within[offsets[:-1][offsets[:-1] < len(places)]] = False  # the first entry of a document follows none of its own
    if len(places) and (places.min() < 0 or places.max() >= dimensions or (within[1:] & (np.diff(places) <= 0)).any()):
        raise ValueError("it has dimensions that cannot be")
    if not np.isfinite(weights).all():
        raise ValueError("it has weights that are not finite")
    return sparse.csr_array((weights, places, offsets), shape=(len(offsets) - 1, dimensions))


def read_part(folder: Path, number: int, dimensions: int) -> sparse.csr_array:
    """Return the vectors of a part while an index is built; IndexFolderError if they cannot be read."""
    name = part_files(number)[1]
    try:
        return part_vectors((folder / name).read_bytes(), dimensions)
    except (OSError, ValueError) as error:
        raise damaged(folder, f"{name} cannot be read ({error})") from None


def invert(folder: Path, parts: int, dimensions: int, ranks: np.ndarray) -> tuple[np.ndarray, int]:
    """Write the postings of an index from the vectors of its parts; the folder appears once it is whole.

    Returns where the entries of each dimension end, int64 [V + 1], and how many documents have no entries.
    """
    counts, without = np.zeros(dimensions, dtype=np.int64), 0
    for number in range(parts):
        vectors = read_part(folder, number, dimensions)
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
        np.save(aside / "checks.npy", np.zeros(dimensions, np.uint32), allow_pickle=False)
        return
    positions = np.lib.format.open_memmap(aside / "positions.npy", mode="w+", dtype=np.int32, shape=total)
    weights = np.lib.format.open_memmap(aside / "weights.npy", mode="w+", dtype=np.float32, shape=total)
    free, first = ends[:-1].copy(), 0
    for number in range(parts):
        vectors = read_part(folder, number, dimensions)
        columns = sparse.csc_array(vectors)  # documents ascend within a dimension
        sizes = np.diff(columns.indptr).astype(np.int64)
        places = np.repeat(free - columns.indptr[:-1], sizes) + np.arange(columns.nnz)
        positions[places], weights[places] = columns.indices + first, columns.data
        free += sizes
        first += vectors.shape[0]
    positions.flush()
    weights.flush()
    bounds = zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    checks = [entries_check(positions[start:end], weights[start:end]) for start, end in bounds]
    np.save(aside / "checks.npy", np.array(checks, dtype=np.uint32), allow_pickle=False)


def entries_check(positions: np.ndarray, weights: np.ndarray) -> int:
    """Return the CRC-32 of the entries of a dimension."""
    return zlib.crc32(weights.data, zlib.crc32(positions.data))
