"""Find the donors that can carry weight from products of 8-bit integers, whose error is bounded.

A vector is its part along a few axes, kept in float32, and a rest, rounded to a scale times whole numbers. The axes
are those along which donors vary most: vectors of an encoder share a direction, and integers would be spent on it. A
product of integers is exact, so the error of a score is at most |r| |e'| + |e| (|r'| + |e'|) for rests r, r' and their
rounding errors e, e' (Cauchy-Schwarz), plus roundings in float32. All are computed, none is guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from sembridge.processor import integers

AXES = 32  # a product with them takes a few hundredths of the time; more make the rests hardly shorter
_SAMPLE = 4096  # donors whose axes are taken
_BLOCK = 1024  # donors rounded at a time
_LOST = 2.0**-23  # error of a float32 sum, per term, relative to the lengths: twice the worst of any order of summation
_EXACT = 2**24  # whole numbers up to this are exact in float32

Candidates = Callable[[slice], tuple[np.ndarray, np.ndarray]]


class _Rounded(NamedTuple):
    """Points [n, K] as along [n, A] float32, whole [n, K] int8 and scale [n] float32; lengths and errors [n] float64.

    along_length  of the part along the axes
    leak          length of what the rest still has along the axes, by rounding
    length        of the rest as it is rounded
    error         length of the rest's rounding error
    """

    along: np.ndarray
    whole: np.ndarray
    scale: np.ndarray
    along_length: np.ndarray
    leak: np.ndarray
    length: np.ndarray
    error: np.ndarray


class IntegerScreen:
    """Compute approximate scores of points [n, K] float64 with `count` donors, read in blocks by `donor_points(slice)`.

    largest  absolute value of the integers, up to which this processor's products are exact; None: find out
    """

    beside = False

    def __init__(self, donor_points: Callable[[slice], np.ndarray], count: int, largest: int | None = None):
        self._largest = largest or integers.largest()
        self._axes = _axes(donor_points, count)
        blocks = [slice(start, start + _BLOCK) for start in range(0, count, _BLOCK)]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            parts = list(pool.map(lambda block: self._round(donor_points(block)), blocks))
        columns = _Rounded(*(np.concatenate(pieces) for pieces in zip(*parts, strict=True)))
        self._along, self._whole, self._scale = columns.along, torch.from_numpy(columns.whole), columns.scale
        self._most = {name: float(getattr(columns, name).max()) for name in _Rounded._fields[3:]}

    def __call__(self, points: np.ndarray, alpha_minus_1: float) -> Candidates:
        """Return a function of a slice of these points [B, K].

        It returns (ids [n] int32 of the donors that can carry weight, counts [B]).
        """
        from sembridge.mixture.integer_kernel import combine
        from sembridge.mixture.kernels import screen

        near, most = self._round(points), self._most
        rests = near.length * most["length"]
        alongs = near.along_length * most["along_length"]
        off = near.error * most["length"] + (near.length + near.error) * most["error"]
        off += near.leak * most["along_length"] + near.along_length * most["leak"]
        off += _LOST * ((AXES + 4) * alongs + (8 + self._wide) * rests) + 1e-12 * (alongs + rests)
        products = torch._int_mm(torch.from_numpy(near.whole), self._whole.T).numpy()
        scores = near.along @ self._along.T

        def screen_rows(rows: slice) -> tuple[np.ndarray, np.ndarray]:
            part = scores[rows].copy()  # a slice may be asked for again
            combine(part, products[rows], near.scale[rows], self._scale)
            ids, counts = np.empty(part.size, dtype=np.int32), np.empty(len(part), dtype=np.int64)
            count = screen(part.view(np.uint32), np.uint32(0), off[rows], 0.0, alpha_minus_1, ids, counts)
            return ids[:count], counts

        return screen_rows

    @property
    def _wide(self) -> int:
        """Return 1 where a product may be too large to be exact in float32."""
        return int(self._whole.shape[1] * self._largest**2 > _EXACT)

    def _round(self, points: np.ndarray) -> _Rounded:
        along = (points @ self._axes).astype(np.float32)
        rest = points - along.astype(np.float64) @ self._axes.T
        scale = np.maximum(np.abs(rest).max(axis=1), np.finfo(np.float32).tiny) / self._largest
        scale = np.nextafter(scale.astype(np.float32), np.float32(np.inf))  # so that no quotient exceeds the largest
        whole = np.rint(rest / scale[:, None])
        back = whole * scale[:, None].astype(np.float64)
        return _Rounded(
            along=along,
            whole=whole.astype(np.int8),
            scale=scale,
            along_length=np.linalg.norm(along.astype(np.float64), axis=1),
            leak=np.linalg.norm(rest @ self._axes, axis=1),
            length=np.linalg.norm(back, axis=1),
            error=np.linalg.norm(rest - back, axis=1),
        )


def _axes(donor_points: Callable[[slice], np.ndarray], count: int) -> np.ndarray:
    """Return orthonormal axes [K, A] along which a sample of donors is longest, evenly taken from all blocks."""
    each = max(1, _SAMPLE * _BLOCK // max(count, 1))
    starts = range(0, count, _BLOCK)
    sample = np.concatenate([donor_points(slice(start, min(start + each, start + _BLOCK, count))) for start in starts])
    _, vectors = np.linalg.eigh(sample.T @ sample)
    return np.ascontiguousarray(vectors[:, ::-1][:, :AXES])
