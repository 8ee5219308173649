"""Functions that numba compiles; kept on disk for the next process where numba finds a folder that it may write to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compiled(function: Callable[..., Any]) -> Any:
    """Return the function, compiled on its first call; it releases the GIL. Sums keep their order: no fast-math."""
    from numba import njit

    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no writable folder: compiled anew in every process
        return njit(nogil=True)(function)
