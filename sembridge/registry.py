"""Find registered initializers by name."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from sembridge.nearest import nearest

ENTRY_POINTS = "sembridge.initializers"


def available_initializers() -> list[str]:
    """Return the names of all registered initializers, sorted."""
    return sorted({entry.name for entry in _entry_points()})


def initializer_class(name: str) -> Any:
    """Return the class registered under `name`; ValueError with the nearest name if there is none."""
    for entry in _entry_points():
        if entry.name == name:
            return entry.load()
    raise ValueError(f"initializer {name!r} is unknown; {nearest(name, available_initializers())}")


def _entry_points() -> Any:
    return _installed(tuple(sys.path))


@lru_cache(maxsize=1)
def _installed(path: tuple[str, ...]) -> Any:
    """Read the entry points once for a search path: it takes 20 ms, and a plan asks for every cell."""
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINTS)
