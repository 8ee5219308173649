"""Write rows into CSV files: numbers unrounded, and text so that no spreadsheet reads it as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, fields
from typing import Any

_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_text(value: str) -> str:
    """Return the text, behind an apostrophe if a spreadsheet would compute it (OWASP, "CSV Injection").

    It is for names and messages, not for numbers.
    """
    plain = value.replace("\r", " ")  # some writers do not quote it, and readers end the row there
    return f"'{plain}" if value.startswith(_STARTS) else plain


def rows_csv(kind: type, rows: Iterable[Any]) -> str:
    """Return the CSV text of instances of a dataclass, its fields as columns; True and False are yes and no."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(kind)])
    writer.writerows(map(_written, astuple(row)) for row in rows)
    return text.getvalue()


def _written(value: Any) -> str | int:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value) if isinstance(value, float) else as_text(value) if isinstance(value, str) else value
