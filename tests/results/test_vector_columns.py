"""Columns of cells.csv about vectors, written out by hand, and read back."""

from __future__ import annotations

import csv
from dataclasses import replace

from harness.results.export import write_results
from harness.results.scored_cells import read_cells
from harness.results.vector_columns import COLUMNS, values
from harness.retrieval.vector_options import VectorOptions


def measured(record, options, documents=10):
    about = {"vectors": options.parameters} if options.parameters else {}
    return replace(record(vectors=options.label), provenance={"documents": documents, "about": about})


def test_values_by_hand(record):
    """80.5 active dimensions of 10 documents are 805 postings, of 8 bytes each, or of 5."""
    assert values(measured(record, VectorOptions())) == ["", "false", "", "", "", "", "", 6440]
    options = VectorOptions(True, None, 64, 0.9, None, 8)
    label = "idf, document top 64, query mass 0.9, 8 bits"
    assert values(measured(record, options)) == [label, "true", "", 64, 0.9, "", 8, 4025]
    assert len(COLUMNS) == 8


def test_cells_without_vectors_say_nothing(record):
    failed = record(ndcg=None, vectors="idf")
    assert values(failed) == ["idf", *[""] * 7]
    assert values(replace(record("bm25"), statistics={})) == [""] * 8


def test_the_columns_stand_last_and_are_read_back(record, tmp_path):
    cells = [measured(record, VectorOptions()), measured(record, VectorOptions(query_idf=True))]
    write_results(tmp_path, cells, lambda _: None)
    with (tmp_path / "cells.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0])[-8:] == list(COLUMNS)
    assert [(row["vectors"], row["query_idf"], row["index_bytes"]) for row in rows] == [
        ("", "false", "6440"),
        ("idf", "true", "6440"),
    ]
    assert [cell.vectors for cell in read_cells(tmp_path)] == ["", "idf"]


def test_files_of_an_earlier_version_are_still_known_as_ours(record, tmp_path):
    write_results(tmp_path, [record("mean"), record("ofa", collection="web")], lambda _: None)
    with (tmp_path / "cells.csv").open(encoding="utf-8") as lines:
        old = [",".join(row[:-8]) for row in csv.reader(lines)]
    (tmp_path / "cells.csv").write_text("\n".join(old) + "\n", encoding="utf-8")
    write_results(tmp_path, [record("mean")], lambda _: None)
    assert not list((tmp_path / "tables").glob("web*")), "a table of the earlier grid was left behind"
