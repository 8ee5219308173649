"""Text in CSV files that no spreadsheet takes for a formula."""

from __future__ import annotations

_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_text(value: str) -> str:
    """The text, behind an apostrophe if a spreadsheet would compute it (OWASP, "CSV Injection"). For names and messages, not for numbers."""
    plain = value.replace("\r", " ")  # not all writers put it in quotes, and readers end the row there
    return f"'{plain}" if value.startswith(_STARTS) else plain
