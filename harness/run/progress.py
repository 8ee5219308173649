"""What a person sees while the grid runs: one line per finished piece, with the remaining time; the same lines go to a log file."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from harness.files.redaction import without_secrets
from harness.files.units import duration


def _print(text: str) -> None:
    """By its name: Ray replaces `print` while it runs, and Tune pickles what its callbacks hold."""
    print(text, flush=True)


class Progress:
    """Counts work in expected seconds, so that a remaining time can be told although pieces differ in size.

    expected  seconds of work, as the plan estimates it, over all pieces
    slots     how many pieces run at the same time
    """

    def __init__(
        self, expected: float, slots: int, log: Path | None = None, show: Callable[[str], None] | None = None
    ) -> None:
        self._left, self._slots, self._log = expected, max(1, slots), log
        self._show = show or _print
        self._spent_expected = 0.0
        self._start = time.perf_counter()
        self._spans: list[tuple[float, float]] = []

    def line(self, text: str) -> None:
        """Show and log one line, without secrets."""
        text = without_secrets(text)
        self._show(text)
        if self._log:
            try:
                with self._log.open("a", encoding="utf-8") as file:
                    file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
            except OSError as error:  # a full disk must not end the grid for the sake of its log
                self._show(f"{self._log} cannot be written ({error.strerror}): the log has a gap from here on")

    def finished(self, text: str, expected: float) -> None:
        """One piece of work, that was expected to take so many seconds, is done."""
        self._left = max(0.0, self._left - expected)
        self._spent_expected += expected
        self.line(f"{text}{self._remaining()}")

    def computed(self, seconds: float) -> None:
        """A piece was being computed for so many seconds, up to now."""
        now = time.perf_counter()
        self._spans.append((now - seconds, now))

    def idle(self, since: float) -> float:
        """Seconds from `since` (of time.perf_counter) to now in which no piece was being computed."""
        now, idle, covered = time.perf_counter(), 0.0, since
        for begin, end in sorted(self._spans):
            idle += max(0.0, begin - covered)
            covered = max(covered, end)
        return idle + max(0.0, now - covered)

    def _remaining(self) -> str:
        """Remaining time: the expected seconds left, corrected by how the finished ones compared with the clock."""
        elapsed = time.perf_counter() - self._start
        if self._left <= 0:
            return ""
        rate = elapsed / self._spent_expected if self._spent_expected > 20 else 1 / self._slots
        return f"; about {duration(self._left * rate)} left"
