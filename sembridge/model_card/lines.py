"""Write what a token is made of as a line for a person, in columns that allow for characters two cells wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from sembridge.model_card.record import TransferRecord


def mixture_text(record: TransferRecord, target_id: int, top: int) -> str:
    """Return ".71 password + .29 passcode": the `top` heaviest donors, and the total weight of the others.

    Signed weights keep their signs, ".62 password - .38 secret", and of the others only the number is told, because
    their weights may cancel out. What a row has besides its donors comes last.
    """
    parts, text = record.donors_of(target_id), ""
    for source_id, weight in parts[:top]:
        sign = (" - " if weight < 0 else " + ") if text else "-" * (weight < 0)
        text += f"{sign}{weight_text(abs(weight))} {printable(record.source.shown[source_id])}"
    others = int(record.support[target_id]) - len(parts[:top])
    if others > 0:
        rest = max(0.0, 1 - sum(weight for _, weight in parts[:top]))
        share = "" if record.signed else f"{weight_text(rest)} in "
        text += f" + {share}{others:,} other{'s' if others > 1 else ''}"
    return f"{text}, and {own_text(record.own_of(target_id))}" if record.own_of(target_id) else text


def own_text(share: float) -> str:
    """Return the part of a row that no donor gives, in words; `share` as in `TransferRecord.own`."""
    return f"a direction of its own ({f'{share:.0%}' if share >= 0.005 else '<1%'} of its squared length)"


def weight_text(weight: float) -> str:
    """Return ".71"; "1" for the whole; "<.01" for a weight that would round to zero; cosines may be negative."""
    if 0 < weight < 0.005:
        return "<.01"
    return "1" if 0.995 <= weight < 1.005 else f"{weight:.2f}".replace("0.", ".", 1) if weight < 1 else f"{weight:.2f}"


def origin_text(record: TransferRecord, target_id: int) -> str:
    """Return where the row comes from, in words."""
    origin = str(record.origin[target_id])
    if origin == "copied":
        return f"copied ({record.rule[target_id]})"
    if origin == "mixed" and record.strength is not None:
        return f"mixed, cosine {weight_text(float(record.strength[target_id]))}"
    return origin


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines, each column as wide as its widest cell on a terminal."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    padded = ([cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(cells).rstrip() for cells in padded]


def width(text: str) -> int:
    """Return the terminal cells of a text: 2 for wide characters, 0 for combining ones and non-initial Hangul jamo."""
    cells = 0
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me", "Cf") or "\u1160" <= character <= "\u11ff":
            continue
        cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return cells


def printable(token: str) -> str:
    """Return the token with invisible characters (controls, odd spaces) as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in token)
