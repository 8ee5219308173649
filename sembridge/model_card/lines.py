"""What a token is made of, as a line for a person; columns that stay straight with characters two cells wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from sembridge.model_card.record import TransferRecord


def mixture_text(record: TransferRecord, target_id: int, top: int) -> str:
    """ ".71 password + .29 passcode": the `top` heaviest donors, and what the others weigh together."""
    parts = record.donors_of(target_id)
    shown = [f"{weight_text(weight)} {printable(record.source.shown[source_id])}" for source_id, weight in parts[:top]]
    others = int(record.support[target_id]) - len(shown)
    if others > 0:
        rest = max(0.0, 1 - sum(weight for _, weight in parts[:top]))
        shown.append(f"{weight_text(rest)} in {others:,} other{'s' if others > 1 else ''}")
    return " + ".join(shown)


def weight_text(weight: float) -> str:
    """ ".71"; "1" for all of it; "<.01" for what would be rounded to nothing; cosines may be negative."""
    if 0 < weight < 0.005:
        return "<.01"
    return f"{weight:.2f}".replace("0.", ".", 1) if weight < 0.995 else "1"


def origin_text(record: TransferRecord, target_id: int) -> str:
    """Where the row comes from, in words."""
    origin = str(record.origin[target_id])
    if origin == "copied":
        return f"copied ({record.rule[target_id]})"
    if origin == "mixed" and record.strength is not None:
        return f"mixed, cosine {weight_text(float(record.strength[target_id]))}"
    return origin


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell on a terminal."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def width(text: str) -> int:
    """Cells a text takes on a terminal: two for wide characters, none for combining ones and for the vowels and finals of Hangul jamo."""
    cells = 0
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me", "Cf") or "\u1160" <= character <= "\u11ff":
            continue
        cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return cells


def printable(token: str) -> str:
    """The token with characters that cannot be seen (controls, odd spaces) as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in token)
