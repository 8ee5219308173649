"""Say below a table what became of the vectors of its rows before they were searched."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.results.record import Record

_MEANINGS = (
    (
        r"^idf$",
        "idf: each weight of a query is multiplied by ln(N / n) of its dimension, which n of the N documents have in "
        "the row's own vectors",
    ),
    (r" top \d+$", "top: at most so many dimensions of each query or document, the heaviest"),
    (
        r" mass [\d.e-]+$",
        "mass: the heaviest dimensions of each query or document that hold this share of the sum of its weights",
    ),
    (r"^\d+ bits$", "8 bits: weights of documents rounded to 256 levels up to the largest one of the collection"),
)
"""How a part of `VectorOptions.label` is recognized, and what it means."""


def parts(label: str) -> list[str]:
    """Return the parts of a label of `VectorOptions`, none for "" """
    return label.split(", ") if label else []


def vector_notes(records: Iterable[Record]) -> str:
    """Return the sentences that explain these records' options of vectors; "" if there are none."""
    records = list(records)
    named = [part for record in records for part in parts(record.identity.vectors)]
    sentences = [meaning for pattern, meaning in _MEANINGS if any(re.search(pattern, part) for part in named)]
    if not sentences:
        return ""
    others = [name for name in ("bm25", "dense") if any(record.identity.initializer == name for record in records)]
    if others:
        verb = "has" if len(others) == 1 else "have"
        sentences.append(f"{' and '.join(others)} {verb} no sparse vectors, so this concerns all other rows")
    return " ".join(f"{sentence}." for sentence in sentences)
