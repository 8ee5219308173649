"""Let SIGTERM and SIGHUP do what Ctrl-C does: systemd, Slurm, Kubernetes and a closed terminal send them.

A command that a script starts in its background ignores SIGINT (its shell says so), and can be stopped by these only.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

STOPS = (signal.SIGTERM, signal.SIGHUP)
_received: list[int] = []  # signals belong to the process, and so does this


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise KeyboardInterrupt on the signals in STOPS; one that this process ignores (nohup) remains ignored.

    For the main thread only, as Python's signals are.
    """
    _received.clear()
    before = {number: signal.getsignal(number) for number in STOPS}
    handled = [number for number in STOPS if before[number] is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


@contextmanager
def keeping_handlers() -> Iterator[None]:
    """Put the handlers of STOPS back after code that installs its own, as ray.init does."""
    before = {number: signal.getsignal(number) for number in STOPS}
    try:
        yield
    except SystemExit:  # the handler that ray.init installs, before it is put back
        _received.append(signal.SIGTERM)
        raise KeyboardInterrupt from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stopped() -> bool:
    """Return whether one of STOPS has come."""
    return bool(_received)


def exit_code() -> int:
    """Return the exit code of an interrupted command: 128 and the number of the signal, as a shell reports it."""
    return 128 + (_received[0] if _received else signal.SIGINT)


def interrupt() -> None:
    """Do what Ctrl-C does now; in the main thread.

    While Tune runs, it has a handler of its own, which lets it end in order.
    """
    handler: Callable[[int, FrameType | None], Any] | int | None = signal.getsignal(signal.SIGINT)
    if not callable(handler):  # SIGINT is ignored
        raise KeyboardInterrupt
    handler(signal.SIGINT, None)


def _stop(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    interrupt()
