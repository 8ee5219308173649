"""Functions that numba compiles, kept on disk for the next process where a place for them can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compiled(function: Callable[..., Any]) -> Any:
    """`function` compiled on its first call; it lets other threads run meanwhile. Sums keep the order they are written in: no fast-math."""
    from numba import njit

    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba finds no folder it may write to: compiled anew in every process
        return njit(nogil=True)(function)
