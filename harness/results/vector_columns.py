"""The columns of cells.csv about vectors: what became of them before they were searched, and how large an index is."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from harness.results.record import Record
from harness.retrieval.vector_options import VectorOptions

OPTIONS = tuple(field.name for field in fields(VectorOptions))
COLUMNS = ("vectors", *OPTIONS, "index_bytes")
_NUMBER, _WEIGHT = 4, 4  # bytes of a document's number, and of a weight in float32


def values(record: Record) -> list[Any]:
    """Return the values of COLUMNS; but for `vectors`, "" where a cell has no score or no sparse vectors."""
    if not record.statistics:
        return [record.identity.vectors, *("" for _ in COLUMNS[1:])]
    about = record.provenance.get("about", {}).get("vectors", {})
    options = VectorOptions.of(about)
    values = [getattr(options, name) for name in OPTIONS]
    words = [str(value).lower() if isinstance(value, bool) else "" if value is None else value for value in values]
    return [record.identity.vectors, *words, index_bytes(record)]


def index_bytes(record: Record) -> int | str:
    """Return the bytes of the postings of an uncompressed index of a cell's documents; "" if they are not counted.

    A posting is a document's number (4 bytes) and its weight (4 bytes, or as many bits as `weight_bits` says).
    """
    documents, active = record.provenance.get("documents"), record.statistics.get("doc_active")
    if documents is None or active is None:
        return ""
    bits = record.provenance.get("about", {}).get("vectors", {}).get("weight_bits")
    return round(documents * active) * (_NUMBER + (_WEIGHT if bits is None else bits // 8))
