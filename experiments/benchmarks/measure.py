"""Both sides of a comparison in one process, in the order A B A B, so that whatever slows the machine slows both.

Times are medians over the rounds; a ratio is the median of the ratios of neighboring rounds. Memory is measured in a
separate, untimed round: the largest resident size during the call, less the size before it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Row:
    """A line of docs/performance.md.

    job         what is measured, with the sizes
    against     the other side
    ours        seconds, median
    theirs      seconds, median
    ratio       how many times faster ours is: the median over neighboring rounds
    rounds      of both sides
    ours_mb     MB that the process grew by during a call; None if it cannot be measured
    theirs_mb   the same for the other side
    goal        the ratio we want to reach, if any
    note        what readers of the figures must know: extrapolations, lower bounds
    """

    job: str
    against: str
    ours: float
    theirs: float
    ratio: float
    rounds: int
    ours_mb: float | None = None
    theirs_mb: float | None = None
    goal: float | None = None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Ours(NamedTuple):
    """One of several jobs that have the other side in common."""

    job: str
    work: Callable[[], Any]
    goal: float | None = None
    note: str = ""


def compare(
    job: str,
    against: str,
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    *,
    rounds: int = 5,
    goal: float | None = None,
    scale: float = 1.0,
    note: str = "",
) -> Row:
    """Time two functions without arguments in turn, after one untimed call of each.

    scale  the other side does 1 / scale of the work, because all of it would take hours; its time is multiplied
    """
    return compare_all([Ours(job, ours, goal, note)], against, theirs, rounds=rounds, scale=scale)[0]


def compare_all(
    ours: Sequence[Ours], against: str, theirs: Callable[[], Any], *, rounds: int = 5, scale: float = 1.0
) -> list[Row]:
    """Return `compare` for several jobs of ours and one other side, which is timed once in each round."""
    memory = [peak_mb(side) for side in (*(mine.work for mine in ours), theirs)]  # also the round that warms up all
    times = [[*(seconds(mine.work) for mine in ours), seconds(theirs) * scale] for _ in range(rounds)]
    other = statistics.median(row[-1] for row in times)
    rows = []
    for place, (job, _, goal, note) in enumerate(ours):
        ratio, mine = (
            statistics.median(part) for part in zip(*((r[-1] / r[place], r[place]) for r in times), strict=True)
        )
        rows.append(Row(job, against, mine, other, ratio, rounds, memory[place], memory[-1], goal, note))
    return rows


def seconds(work: Callable[[], Any]) -> float:
    """Return the seconds of one call."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_mb(work: Callable[[], Any]) -> float | None:
    """Return the MB (10^6 bytes) by which a call raised the peak resident size; None if the system does not count."""
    gc.collect()
    clear = Path("/proc/self/clear_refs")
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # memory that was freed but not returned would hide what the call needs
    try:
        clear.write_text("5")  # resets the peak to the current resident size
    except OSError:
        work()
        return None
    before = _status("VmRSS")
    work()
    return max(0.0, (_status("VmHWM") - before) * 1024 / 1e6)


def rows_apart(name: str, quick: bool) -> list[dict[str, Any]]:
    """Return the rows of a benchmark, measured in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_rows, (name, quick))


def _rows(name: str, quick: bool) -> list[dict[str, Any]]:
    return [row.as_dict() for row in import_module(f"experiments.benchmarks.{name}").rows(quick)]


def hardware() -> str:
    """Return one line: processor and its instructions, cores, memory, accelerator, versions."""
    import torch

    from sembridge.processor import features

    kilobytes = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    disabled = ", AVX-512 disabled by environment variables" if features.limits().get("ONEDNN_MAX_CPU_ISA") else ""
    processor = f"{features.processor()} ({features.instructions()}{disabled})"
    machine = f"{processor}, {os.cpu_count()} cores, {kilobytes * 1024 / 1e9:.0f} GB, {device}"
    return f"{machine}; torch {torch.__version__}"


def _status(name: str) -> int:
    """Return the kB of a line of /proc/self/status."""
    return next(int(line.split()[1]) for line in _lines("/proc/self/status") if line.startswith(f"{name}:"))


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
