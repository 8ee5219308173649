"""Find the donors that can carry weight, from approximate scores whose error is bounded.

Scores come from a matrix product in bfloat16 where the hardware is faster at that, else in float32. With q', d' the
rounded vectors, the error of a score is at most |q - q'| |d'| + |q| |d - d'| (Cauchy-Schwarz) plus the rounding of the
sum plus the rounding of the stored result. All three are computed, none is guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from sembridge.processor import paths

Candidates = Callable[[slice], tuple[np.ndarray, np.ndarray]]

_LOST = 2.0**-23  # error of a float32 sum, per term, relative to the lengths: twice the worst of any order of summation
_STORED = 2.0**-9 * 1.01  # error of a score stored as bfloat16, relative to the stored value
_BLOCK = 1024  # donors rounded at a time
_GROUP = 16  # donors of which a device first looks at the largest score alone


class Screen:
    """Compute approximate scores of points [n, K] float64 with `count` donors, read in blocks by `donor_points(slice)`.

    dtype   data type of the product, bfloat16 or float32; None: bfloat16 where the hardware is faster at it
    device  where the product is computed; None: the GPU if there is one
    """

    def __init__(
        self,
        donor_points: Callable[[slice], np.ndarray],
        count: int,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ):
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._dtype = dtype or (torch.bfloat16 if multiplies_bfloat16(self._device) else torch.float32)
        blocks = [slice(start, start + _BLOCK) for start in range(0, count, _BLOCK)]
        self._donors = torch.empty((count, donor_points(slice(0, 1)).shape[1]), dtype=self._dtype, device=self._device)
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            longest, worst = zip(*pool.map(lambda block: self._store(block, donor_points(block)), blocks), strict=True)
        self._longest, self._worst = max(longest), max(worst)

    @property
    def beside(self) -> bool:
        """Return whether the screen runs on another device, beside the processor's own work."""
        return self._device.type != "cpu"

    def _store(self, block: slice, points: np.ndarray) -> tuple[float, float]:
        near, lengths, errors = self._round(points)
        self._donors[block] = near
        return float(lengths.max()), float(errors.max())

    def __call__(self, points: np.ndarray, alpha_minus_1: float) -> Candidates:
        """Return a function of a slice of these points [B, K].

        It returns (ids [n] int32 of the donors that can carry weight, counts [B]).
        """
        near, lengths, errors = self._round(points)
        product = lengths * self._longest
        off = errors * self._longest + (lengths + errors) * self._worst + _LOST * (points.shape[1] + 2) * product
        if self._device.type != "cpu":
            return self._on_device(near, off, alpha_minus_1)
        if self._dtype == torch.float32:  # by numpy, because torch may be set to multiply float32 less precisely
            return _in_slices((near.numpy() @ self._donors.numpy().T).view(np.uint32), off, 0.0, alpha_minus_1)
        scores = torch.mm(near, self._donors.T)
        return _in_slices(scores.view(torch.uint16).numpy(), off, _STORED, alpha_minus_1)

    def _on_device(self, near: torch.Tensor, off: np.ndarray, alpha_minus_1: float) -> Candidates:
        half = near.dtype == torch.bfloat16
        near, keys = (near, self._donors) if half else (near.double(), self._donors.double())
        scores = torch.mm(near, keys.T, out_dtype=torch.float32) if half else near @ keys.T
        ids, counts = candidates(scores, torch.from_numpy(off).to(scores.device), alpha_minus_1)
        ends = np.cumsum(counts)
        return lambda rows: (ids[(ends - counts)[rows][0] : ends[rows][-1]], counts[rows])

    def _round(self, points: np.ndarray) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
        """Return (the rounded points [n, K] on the device, their lengths [n], the lengths of their errors [n])."""
        near = torch.from_numpy(points.astype(np.float32)).to(self._dtype)
        back = near.double().numpy()
        return near.to(self._device), np.linalg.norm(back, axis=1), np.linalg.norm(points - back, axis=1)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 faster than float32: GPUs that have instructions, else a trial."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return paths.screen() == "bfloat16"


def candidates(scores: torch.Tensor, errors: torch.Tensor, alpha_minus_1: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (ids [n] int32, counts [B]) by operations that every device has: `kernels.screen` without its loops.

    scores [B, S]; errors [B] float64
    """
    exact = scores.double()
    top = exact.amax(1, keepdim=True)
    tau = _threshold(exact, top, alpha_minus_1)
    passes = exact >= top + tau / alpha_minus_1 - 1e-12 - 2 * errors[:, None]
    return passes.nonzero()[:, 1].int().cpu().numpy(), passes.sum(1).cpu().numpy()


def _threshold(scores: torch.Tensor, top: torch.Tensor, alpha_minus_1: float) -> torch.Tensor:
    """Return a lower bound [B, 1] of the threshold of the scaled distances to the largest score.

    It is bisected on the largest score of each group, which can only lower it. Where the norm is convex, Newton's
    steps from below over all scores bring it close.
    """
    groups = torch.nn.functional.pad(scores, (0, -scores.shape[1] % _GROUP), value=float("-inf"))
    largest = groups.unflatten(1, (-1, _GROUP)).amax(2)
    power, gaps = 1 / alpha_minus_1, alpha_minus_1 * (largest - top)
    tau, width = torch.full_like(top, -1.0), 1.0
    for _ in range(24):
        width /= 2
        enough = (gaps - (tau + width)).clamp_min_(0).pow_(power).sum(1, keepdim=True) >= 1 + 1e-9
        tau = torch.where(enough & (tau + width < 0), tau + width, tau)
    for _ in range(3 if power >= 1 else 0):
        above = (alpha_minus_1 * (scores - top) - tau).clamp_min_(0)
        slope = power * above.pow(power - 1).where(above > 0, 0.0).sum(1, keepdim=True)
        tau = tau + ((above.pow_(power).sum(1, keepdim=True) - 1 - 1e-9) / slope).clamp_min_(0) * (1 - 1e-9)
    return tau


def _in_slices(bits: np.ndarray, errors: np.ndarray, stored: float, alpha_minus_1: float) -> Candidates:
    from sembridge.mixture.kernels import screen

    shift = np.uint32(32 - 8 * bits.itemsize)

    def screen_rows(rows: slice) -> tuple[np.ndarray, np.ndarray]:
        part = bits[rows]
        ids, counts = np.empty(part.size, dtype=np.int32), np.empty(len(part), dtype=np.int64)
        count = screen(part, shift, errors[rows], stored, alpha_minus_1, ids, counts)
        return ids[:count], counts

    return screen_rows
