"""Show one line per finished piece of work, with the remaining time; the same lines go to a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.estimate.remaining import Remaining, Running
from harness.files.headway import Headway
from harness.files.redaction import without_secrets
from harness.files.units import duration
from harness.store.artifact import Artifact

# The phases of a run, with the seconds of clock time in each before its first piece begins, until they are measured:
# Ray starts; each slot imports libraries in a process; Tune starts a process for each slot's trials; Ray stops.
RAY, SHARED, CELLS, STOP = "ray", "shared", "cells", "stop"
STARTING = {RAY: 5.0, SHARED: 8.0, CELLS: 3.0, STOP: 2.0}


def _print(text: str) -> None:
    """Print a line; a named function, because Ray replaces `print` and Tune pickles what its callbacks hold."""
    print(text, flush=True)


class Progress:
    """Show and log what happens, count pieces and cells, and estimate the remaining time.

    slots    how many pieces run at the same time
    verbose  show `detail` too
    """

    def __init__(
        self,
        slots: int = 1,
        log: Path | None = None,
        show: Callable[[str], None] | None = None,
        *,
        verbose: bool = False,
    ) -> None:
        self.slots, self._log, self._verbose = max(1, slots), log, verbose
        self._show = show or _print
        self._spans: list[tuple[float, float]] = []
        self.latest = time.perf_counter()  # when the last line was shown
        self._bar = False
        self.begin(Remaining({}), 0, {}, lambda artifact: None)

    def begin(
        self,
        remaining: Remaining,
        shared: int,
        cells: Mapping[str, int],
        measured: Callable[[Artifact], float | None],
        running: Callable[[], Mapping[str, Headway]] = dict,
    ) -> None:
        """Begin to count pieces.

        shared    number of artifacts that are computed before the cells
        cells     how many cells have their score from the artifact with this key, of all that must be computed
        measured  returns the seconds that a finished artifact took
        running   returns by key how far the pieces are that are being computed
        """
        self.remaining, self._measured, self.running = remaining, measured, running
        self._totals, self._cells = {SHARED: shared, CELLS: sum(cells.values())}, cells
        self._finished, self._unfinished = dict.fromkeys((SHARED, CELLS), 0), set(cells)
        self.enter(RAY)

    def recount(self, remaining: Remaining, shared: int, cells: Mapping[str, int]) -> None:
        """Count what is still to be computed anew, as a run has found out that it is less; see `begin`."""
        self.remaining.replace(remaining)
        finished, still = self._finished, {SHARED: shared, CELLS: sum(cells.values())}
        self._totals = {kind: finished[kind] + still[kind] for kind in finished}
        self._cells, self._unfinished = cells, set(cells)

    def enter(self, phase: str) -> None:
        """Say that a phase begins: RAY, SHARED, CELLS, STOP."""
        self._phase, self._entered, self._first = phase, time.perf_counter(), True

    def line(self, text: str) -> None:
        """Show and log one line, without secrets."""
        text = without_secrets(text)
        self.bar("")
        self._show(text)
        self.latest = time.perf_counter()
        self.write(text)

    def detail(self, text: str) -> None:
        """Show and log a line about the run itself, if the user wants these."""
        if self._verbose:
            self.line(text)

    def write(self, text: str) -> None:
        """Write a line to the log alone."""
        if self._log:
            try:
                with self._log.open("a", encoding="utf-8") as file:
                    file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
            except OSError as error:  # a log that cannot be written must not end the grid
                self._show(f"{self._log} cannot be written ({error.strerror}): the log has a gap from here on")

    def bar(self, text: str) -> None:
        """Show a text in the terminal's last line, which the next line replaces; "" clears it."""
        if text or self._bar:
            sys.stdout.write(f"\r\x1b[K{text}")
            sys.stdout.flush()
        self._bar = bool(text)

    def finish(self, text: str, artifact: Artifact) -> None:
        """Show that the piece of work that makes an artifact is finished, or has failed for good.

        Other artifacts that it computed on the way are finished with it.
        """
        for part in artifact.walk():
            if part.key in self.remaining.pieces and (part.key == artifact.key or self._measured(part) is not None):
                self.remaining.finish(part.key, self._measured(part))
        self._unfinished.discard(artifact.key)
        if self._measured(artifact) is None:  # what was only needed for it will not be computed
            self.remaining.keep(self._unfinished)
        kind = CELLS if artifact.key in self._cells else SHARED
        self._finished[kind] += self._cells.get(artifact.key, 1)
        left = self.left()
        self.line(f"[{self._finished[kind]}/{self._totals[kind]} {kind}] {text}{f'; {left}' if left else ''}")

    def add_span(self, seconds: float, *, light: bool = False) -> None:
        """Record that a piece was being computed for so many seconds, up to now; of a light one, see `Piece`."""
        now = time.perf_counter()
        self._spans.append((now - seconds, now))
        self._first = self._first and (light or not seconds)

    def idle(self, since: float) -> float:
        """Return the seconds from `since` (of time.perf_counter) to now in which no piece was being computed."""
        now, idle, covered = time.perf_counter(), 0.0, since
        for begin, end in sorted(self._spans):
            idle += max(0.0, begin - covered)
            covered = max(covered, end)
        return idle + max(0.0, now - covered)

    def left(self) -> str:
        """Return the remaining time in words; "" if nothing is left."""
        if not self.remaining.pieces:
            return ""
        seconds = self.seconds_left()
        return "time left: unknown" if seconds is None else f"about {duration(seconds)} left"

    def seconds_left(self) -> float | None:
        """Return the remaining seconds of clock time; None if they are not known."""
        pieces = self.remaining.pieces
        now = {key: _running(headway) for key, headway in self.running().items() if key in pieces}
        work = self.remaining.seconds(self.slots, now)
        return None if work is None else work + self._starting_left(any(not pieces[key].light for key in now))

    def _starting_left(self, runs: bool) -> float:
        """Return the seconds that starting and stopping still take beside the work.

        runs  a piece is being computed that needs the libraries
        """
        kinds = {SHARED if piece.shared else CELLS for piece in list(self.remaining.pieces.values())} | {RAY, STOP}
        phases = list(STARTING)
        current = phases.index(self._phase)
        starting = dict(STARTING)
        if not self._totals[SHARED]:  # cells are the first to need the libraries
            starting[CELLS] += starting[SHARED]
        left = sum(starting[phase] for phase in phases[current + 1 :] if phase in kinds)
        if self._phase in kinds and self._first and not runs:
            left += max(0.0, starting[self._phase] - (time.perf_counter() - self._entered))
        return left


def _running(piece: Headway) -> Running:
    """Return how far a piece is, by what it counts outermost."""
    if not piece.counts or not piece.counts[0].total or not piece.counts[0].rate:
        return Running(piece.elapsed)
    count = piece.counts[0]
    return Running(piece.elapsed, count.done / count.total, max(0, count.total - count.done) / count.rate)
