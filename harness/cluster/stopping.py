"""Let SIGTERM and SIGHUP do what Ctrl-C does: systemd, Slurm, Kubernetes and a closed terminal send them.

A command that a script starts in its background ignores SIGINT (its shell says so), and can be stopped by these only.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from harness.cluster.child_processes import children, kill

STOPS = (signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 20.0  # Slurm and Kubernetes kill after 30
_received: list[int] = []  # signals belong to the process, and so do these two
_arrived = threading.Event()


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise KeyboardInterrupt on the signals in STOPS; one that this process ignores (nohup) remains ignored.

    For the main thread only, as Python's signals are.
    """
    _received.clear()
    _arrived.clear()
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
        _arrived.set()
        raise KeyboardInterrupt from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ending_soon(sentence: str) -> Iterator[None]:
    """End the process GRACE_SECONDS after one of STOPS, with `sentence`, if it has not ended by itself.

    A signal to all processes of a group ends Ray's head process, too; a call to Ray may then take a minute, and does
    not notice signals. What sent the signal would kill the command before that.
    """
    over = threading.Event()

    def end() -> None:
        _arrived.wait()
        if not over.wait(GRACE_SECONDS):
            print(f"\n{sentence}", file=sys.stderr, flush=True)
            kill(children())
            os._exit(exit_code())

    threading.Thread(target=end, name="sembridge-ending", daemon=True).start()
    try:
        yield
    finally:
        over.set()


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
    _arrived.set()
    interrupt()
