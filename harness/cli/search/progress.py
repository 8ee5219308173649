"""Show how far a command is, on stderr: one line that changes on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time

from harness.files.units import duration

SECONDS = 30.0  # between two lines where they cannot be replaced


class Progress:
    """Show counts of a unit, e.g. "documents", of a total, with their rate and the remaining time."""

    def __init__(self, unit: str, total: int) -> None:
        self._unit, self._total = unit, total
        self._began = self._shown = time.monotonic()
        self._replaces = sys.stderr.isatty()

    def __call__(self, done: int, earlier: int = 0) -> None:
        """Show that so many are done, of which an earlier command did some."""
        now = time.monotonic()
        if now - self._shown < (0.2 if self._replaces else SECONDS):
            return
        self._shown = now
        text = describe(self._unit, done, self._total, done - earlier, now - self._began)
        line = f"\r\x1b[K{text}" if self._replaces else f"{text}\n"
        print(line, end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Clear the line."""
        if self._replaces:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def describe(unit: str, done: int, total: int, new: int, seconds: float) -> str:
    """Return how far it is in words; `new` of the done were done in these seconds."""
    text = f"{done:,} of {total:,} {unit}"
    if new <= 0 or seconds <= 0:
        return text
    rate = new / seconds
    speed = f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.1f} a second"
    return f"{text}, {speed}, about {duration((total - done) / rate)} left"
