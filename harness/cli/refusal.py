"""How a command says no."""

from __future__ import annotations


class RefusedError(ValueError):
    """One line for a person: the option, its value, the nearest valid one, the next step. Nothing was computed or written."""
