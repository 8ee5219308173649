"""Time several sides on a GPU in turn, with events, and find the largest batch that fits.

Without a GPU everything runs on the processor, to rehearse: times are then the clock's, and memory is not counted.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
HALF = torch.bfloat16 if DEVICE == "cuda" else torch.float16  # Triton's interpreter cannot multiply bfloat16


def synchronize() -> None:
    if DEVICE == "cuda":
        torch.cuda.synchronize()


@dataclass
class Side:
    """What was measured of a side: seconds of the first call, peak MB beyond what was held, ms of each round."""

    first_s: float
    mb: float
    repeats: int
    rounds: list[float]

    @property
    def ms(self) -> float:
        return statistics.median(self.rounds)

    def times(self, other: Side) -> float:
        """Return how many times longer this side takes: the median over neighboring rounds."""
        return statistics.median(mine / its for mine, its in zip(self.rounds, other.rounds, strict=True))


def in_turn(sides: dict[str, Callable[[], Any]], rounds: int, least: float = 0.05) -> dict[str, Side]:
    """Return what each side takes, measured in turn, A B C A B C; a side that does not fit into memory is left out.

    A round of a side repeats it for about `least` seconds.
    """
    results: dict[str, Side] = {}
    for name, work in sides.items():
        try:
            start = time.perf_counter()
            work()
            synchronize()
            first = time.perf_counter() - start
            mb = peak_mb(work)
            results[name] = Side(first, mb, max(1, int(least * 1e3 / milliseconds(work, 1))), [])
        except torch.OutOfMemoryError:
            free()
    for _ in range(rounds):
        for name, side in results.items():
            side.rounds.append(milliseconds(sides[name], side.repeats))
    return results


def peak_mb(work: Callable[[], Any]) -> float:
    """Return the MB (10^6 bytes) that a call takes beyond what is held."""
    held = free()
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    work()
    synchronize()
    return (torch.cuda.max_memory_allocated() - held) / 1e6 if DEVICE == "cuda" else 0.0


def milliseconds(work: Callable[[], Any], times: int) -> float:
    """Return the milliseconds of one of `times` calls in a row."""
    if DEVICE == "cpu":
        start_s = time.perf_counter()
        for _ in range(times):
            work()
        return (time.perf_counter() - start_s) * 1e3 / times
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    start.record()
    for _ in range(times):
        work()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / times


def ceilings() -> tuple[float, float]:
    """Return what the card reaches: TFLOP/s of a large product in bfloat16, TB/s of a copy, both ways counted."""
    left, right = (torch.randn(8192, 8192, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
    product = 2 * 8192**3 / _steady(lambda: left @ right) / 1e9
    block = torch.empty(2**30, device=DEVICE, dtype=torch.int32)
    copy = 2 * block.nbytes / _steady(block.clone) / 1e9
    return product, copy


def _steady(work: Callable[[], Any]) -> float:
    """Return the median milliseconds of a call after some to warm up."""
    milliseconds(work, 3)
    return statistics.median(milliseconds(work, 5) for _ in range(5))


def free() -> int:
    """Give cached memory back; return the bytes in use."""
    if DEVICE == "cpu":
        return 0
    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    return torch.cuda.memory_allocated()


def largest(work: Callable[[int], Any], start: int, most: int = 2**15, steps: int = 3) -> int:
    """Return the largest batch for which `work(batch)` fits in memory, to 2^-steps; 0 if not even `start` does."""
    fitting, failing = 0, 0
    batch = start
    while batch <= most and not failing:
        if _fits(work, batch):
            fitting, batch = batch, 2 * batch
        else:
            failing = batch
    for _ in range(steps if fitting and failing else 0):
        middle = (fitting + failing) // 2
        fitting, failing = (middle, failing) if _fits(work, middle) else (fitting, middle)
    return fitting


def _fits(work: Callable[[int], Any], batch: int) -> bool:
    try:
        work(batch)
        synchronize()
        return True
    except torch.OutOfMemoryError:
        return False
    finally:
        free()
