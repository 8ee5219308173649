"""Show one line per finished piece of work, with the remaining time; the same lines go to a log file."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from harness.files.redaction import without_secrets
from harness.files.units import duration


def _print(text: str) -> None:
    """Print a line; a named function, because Ray replaces `print` and Tune pickles what its callbacks hold."""
    print(text, flush=True)


class Progress:
    """Count work in expected seconds, so that the remaining time is known although pieces differ in size.

    expected  seconds of work over all pieces, as the plan estimates it
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
            except OSError as error:  # a log that cannot be written must not end the grid
                self._show(f"{self._log} cannot be written ({error.strerror}): the log has a gap from here on")

    def finish(self, text: str, expected: float) -> None:
        """Show that a piece of work, expected to take so many seconds, is finished."""
        self._left = max(0.0, self._left - expected)
        self._spent_expected += expected
        self.line(f"{text}{self._remaining()}")

    def add_span(self, seconds: float) -> None:
        """Record that a piece was being computed for so many seconds, up to now."""
        now = time.perf_counter()
        self._spans.append((now - seconds, now))

    def idle(self, since: float) -> float:
        """Return the seconds from `since` (of time.perf_counter) to now in which no piece was being computed."""
        now, idle, covered = time.perf_counter(), 0.0, since
        for begin, end in sorted(self._spans):
            idle += max(0.0, begin - covered)
            covered = max(covered, end)
        return idle + max(0.0, now - covered)

    def _remaining(self) -> str:
        """Return the remaining time: the expected seconds left, corrected by the clock time of the finished ones."""
        if self._left <= 0:
            return ""
        elapsed = time.perf_counter() - self._start
        rate = elapsed / self._spent_expected if self._spent_expected > 20 else 1 / self._slots
        return f"; about {duration(self._left * rate)} left"
