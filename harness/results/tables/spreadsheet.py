"""Write text into CSV files so that no spreadsheet reads it as a formula."""

from __future__ import annotations

_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_text(value: str) -> str:
    """Return the text, behind an apostrophe if a spreadsheet would compute it (OWASP, "CSV Injection").

    It is for names and messages, not for numbers.
    """
    plain = value.replace("\r", " ")  # some writers do not quote it, and readers end the row there
    return f"'{plain}" if value.startswith(_STARTS) else plain
