"""Functions that numba compiles; kept on disk for the next process where numba finds a folder that it may write to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_ANY_ORDER = {"reassoc", "contract", "nsz"}  # of LLVM's flags, those that change neither infinity nor NaN


def compiled(function: Callable[..., Any] | None = None, *, any_order: bool = False) -> Any:
    """Return the function, compiled on its first call; it releases the GIL.

    any_order  sums may be added in any order, and multiplications fused into them: only where all of them are exact
    """
    from numba import njit

    options: dict[str, Any] = {"nogil": True, "fastmath": _ANY_ORDER if any_order else False}

    def compile_later(one: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(one)
        except RuntimeError:  # no writable folder: compiled anew in every process
            return njit(**options)(one)

    return compile_later if function is None else compile_later(function)
