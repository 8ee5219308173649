"""Tell a run how far the piece of work in this process has come, through a small file.

Whoever computes a piece opens the file with `reporting`; the piece's code counts with `counting` and `advance`. Outside
of `reporting` counting does nothing. The file is written at most once in SECONDS and renamed into place. A file that
cannot be written (its folder is gone, or the disk is full) does not disturb the work.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from harness.files.atomic import replaced

SECONDS = 1.0


class Count(NamedTuple):
    """How many units are done, of how many (0: not known yet), and how many a second since counting began."""

    unit: str
    done: int
    total: int
    rate: float


class Headway(NamedTuple):
    """How far a piece is.

    elapsed  seconds since it began
    counts   outermost first, e.g. steps of a training and texts of an evaluation between two steps
    """

    elapsed: float
    counts: tuple[Count, ...] = ()


class _Report:
    def __init__(self, path: Path) -> None:
        self.path, self._written = path, 0.0
        self._origin = {"host": socket.gethostname(), "pid": os.getpid(), "began": time.time()}
        self.counts: list[list[Any]] = []  # unit, done, total, seconds of time.time() and units done when it began

    def write(self, now: float) -> None:
        self._written = now
        with suppress(OSError), replaced(self.path) as temporary:
            temporary.write_text(json.dumps(self._origin | {"counts": self.counts}), encoding="utf-8")

    def write_sometimes(self) -> None:
        now = time.monotonic()
        if now - self._written >= SECONDS:
            self.write(now)


_report: _Report | None = None  # a process computes one piece at a time


@contextmanager
def reporting(path: Path) -> Iterator[None]:
    """Report what the block counts in the file `path`, which vanishes at its end."""
    global _report
    outer, _report = _report, _Report(path)
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
    _report.write(time.monotonic())
    try:
        yield
    finally:
        _report = outer
        with suppress(OSError):
            path.unlink(missing_ok=True)


def current() -> Path | None:
    """Return the file of the enclosing `reporting`, for a process that does its work; None outside of one."""
    return None if _report is None else _report.path


@contextmanager
def counting(unit: str, total: int, done: int = 0) -> Iterator[None]:
    """Count `total` of a unit in the block, e.g. "texts", of which so many are done."""
    report = _report
    if report is None:
        yield
        return
    report.counts.append([unit, done, total, time.time(), done])
    report.write_sometimes()
    try:
        yield
    finally:
        report.counts.pop()


def advance(number: int = 1) -> None:
    """Count further units of the innermost `counting`."""
    if _report is not None and _report.counts:
        _report.counts[-1][1] += number
        _report.write_sometimes()


def reach(number: int, total: int | None = None) -> None:
    """Say how many units of the innermost `counting` are done, and of how many if that was not known before."""
    if _report is not None and _report.counts:
        _report.counts[-1][1] = number
        if total is not None:
            _report.counts[-1][2] = total
        _report.write_sometimes()


def steps(total: int) -> Iterator[int]:
    """Yield 0, 1, ... and count each as a step when its turn is over."""
    with counting("steps", total):
        for step in range(total):
            yield step
            advance()


@contextmanager
def counting_rows(model: Any, unit: str, total: int) -> Iterator[None]:
    """Count the rows that a SentenceTransformer embeds in the block, batch by batch; it changes nothing."""
    from sembridge.encoder.embed import counted_rows

    with counting(unit, total), counted_rows(model, None if _report is None else advance):
        yield


def read(folder: Path) -> dict[str, Headway]:
    """Return the headway of pieces by the names of their files, without those whose process on this machine is dead."""
    host, now = socket.gethostname(), time.time()
    pieces: dict[str, Headway] = {}
    for path in folder.glob("*.json"):
        try:
            report = json.loads(path.read_bytes())
            if report["host"] == host and not _alive(report["pid"]):
                continue
            counts = tuple(
                Count(str(unit), int(done), int(total), (done - first) / max(SECONDS, now - began))
                for unit, done, total, began, first in report["counts"]
            )
            pieces[path.stem] = Headway(max(0.0, now - report["began"]), counts)
        except (OSError, ValueError, LookupError, TypeError):  # it vanished, or another program wrote it
            continue
    return pieces


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
