"""Notes on options of vectors: explained where a table has them, and only there; labels of their rows."""

from __future__ import annotations

import pytest

from harness.results.tables.table import make_tables, row_labels
from harness.results.tables.vector_notes import vector_notes
from harness.retrieval.vector_options import VectorOptions


def test_nothing_is_said_without_options(record):
    assert vector_notes([record(), record("bm25")]) == ""


@pytest.mark.parametrize("name", list(VectorOptions().__dict__))
def test_every_option_is_explained(record, name):
    value = {"query_idf": True, "weight_bits": 8}.get(name, 0.5 if name.startswith("mass") else 64)
    label = VectorOptions(**{name: value}).label
    note = vector_notes([record(vectors=label)])
    word = {"query_idf": "idf:", "weight_bits": "8 bits:"}.get(name, "mass:" if "mass" in name else "top:")
    assert note.startswith(word) and note.endswith(".")


def test_each_meaning_once_and_rows_it_does_not_concern(record):
    records = [record(vectors="idf"), record("ofa", vectors="idf, document top 64"), record("bm25"), record("dense")]
    note = vector_notes(records)
    assert note.count("idf:") == note.count("top:") == 1
    assert note.endswith("bm25 and dense have no sparse vectors, so this concerns all other rows.")
    assert vector_notes(records[:-1]).endswith("bm25 has no sparse vectors, so this concerns all other rows.")


def test_rows_are_named_after_their_options(record):
    records = [
        record("mean"),
        record("mean", vectors="idf"),
        record("sembridge", bridge="b", alpha=2.0),
        record("sembridge", bridge="b", alpha=4.0, vectors="idf, 8 bits"),
        record("ofa", label="ofa (bridge vectors)", vectors="idf"),
    ]
    assert list(row_labels(records).values()) == [
        "mean",
        "mean (idf)",
        "sembridge (α=2)",
        "sembridge (α=4, idf, 8 bits)",
        "ofa (bridge vectors, idf)",
    ]
    (table,) = make_tables(records)
    assert [row.label for row in table.rows] == list(row_labels(records).values())
    assert "idf: each weight of a query" in table.note and "8 bits:" in table.note
