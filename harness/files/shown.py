"""Show a value of any size and kind in a one-line message."""

from __future__ import annotations

LONGEST = 80


def shown(value: object) -> str:
    """Return the repr, shortened if it is long; the type if there is none (numbers of thousands of digits)."""
    if isinstance(value, str):
        value = value if len(value) <= LONGEST else f"{value[:LONGEST]}..."
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return type(value).__name__
    return text if len(text) <= 2 * LONGEST else f"{text[:LONGEST]}..."
