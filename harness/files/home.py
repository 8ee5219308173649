"""Find the user's home folder. A container may run as a user without one: no HOME, and no entry in passwd."""

from __future__ import annotations

from pathlib import Path


def home() -> Path | None:
    """Return the home folder; None if the system knows none."""
    try:
        return Path.home()
    except RuntimeError:
        return None
