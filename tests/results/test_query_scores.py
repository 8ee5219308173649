"""The scores of single queries, read back from queries.parquet; damaged files are named in one line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.results.export import write_results
from harness.results.query_scores import read


@pytest.fixture
def results(tmp_path, record) -> Path:
    records = [record("mean", seed=1), record("sembridge", bridge="a/b", alpha=4.0), record("bm25", reference=True)]
    for number, each in enumerate(records):
        folder = tmp_path / each.key.replace("/", "-")
        folder.mkdir()
        (folder / "run.trec.gz").write_bytes(gzip.compress(b""))
        columns = {name: [0.25 * number, 1.0] for name in ("ndcg@10", "recall@100", "mrr@10")}
        pq.write_table(pa.table({"query_id": ["q2", "q1"], **columns}), folder / "queries.parquet")
    write_results(tmp_path / "results", records, lambda record: tmp_path / record.key.replace("/", "-"))
    return tmp_path / "results"


def test_what_a_run_wrote_is_read_back_by_cell(results, record):
    records = [record("mean", seed=1), record("sembridge", bridge="a/b", alpha=4.0), record("bm25")]
    cells = {each.identity: 0.25 * number for number, each in enumerate(records)}
    for where in (results, results / "cells.csv"):
        scores = read(where, "ndcg@10")
        assert set(scores) == set(cells)
        for identity, first in cells.items():
            own = scores[identity]
            assert (list(own.ids), own.values.tolist()) == (["q2", "q1"], [first, 1.0])


def test_another_writer_may_have_one_row_group(results):
    table = pq.read_table(results / "queries.parquet")
    before = {cell: own.values.tolist() for cell, own in read(results, "mrr@10").items()}
    pq.write_table(table, results / "queries.parquet")
    assert {cell: own.values.tolist() for cell, own in read(results, "mrr@10").items()} == before


def test_without_the_file_there_are_no_scores(results):
    (results / "queries.parquet").unlink()
    assert read(results, "ndcg@10") == {}


def changed(results: Path, **columns: pa.Array) -> None:
    table = pq.read_table(results / "queries.parquet")
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, values) if place >= 0 else table
    pq.write_table(table, results / "queries.parquet")


def test_what_is_damaged_is_refused_in_one_line(results):
    def refused() -> str:
        with pytest.raises(ValueError, match=r"queries\.parquet") as error:
            read(results, "ndcg@10")
        assert "\n" not in str(error.value) and "run the grid's command again" in str(error.value)
        return str(error.value)

    whole = (results / "queries.parquet").read_bytes()
    changed(results, query_id=pa.array(["q1"] * 6))
    assert "the cell ko_bert_pocket-faq_mean_zero-shot_s1 has a query twice" in refused()
    (results / "queries.parquet").write_bytes(whole)
    for wrong in (float("nan"), 1.5, -0.5):
        changed(results, **{"ndcg@10": pa.array([wrong] + [0.5] * 5)})
        assert "has a score that is not from 0 to 1" in refused()
    changed(results, **{"ndcg@10": pa.array(["x"] * 6)})
    assert "has a score that is not from 0 to 1" in refused()
    pq.write_table(pq.read_table(results / "queries.parquet").drop(["seed"]), results / "queries.parquet")
    assert "it has no column 'seed'" in refused()
    (results / "queries.parquet").write_bytes(whole[:-20])
    assert "cannot be read (" in refused()
    (results / "queries.parquet").write_bytes(b"")
    assert "cannot be read (" in refused()


def test_a_folder_of_a_version_without_vectors_is_read_and_one_without_another_name_refused(results):
    before, table = read(results, "ndcg@10"), pq.read_table(results / "queries.parquet")
    pq.write_table(table.drop_columns(["vectors"]), results / "queries.parquet")
    after = read(results, "ndcg@10")
    assert {cell: own.values.tolist() for cell, own in after.items()} == {
        cell: own.values.tolist() for cell, own in before.items()
    }
    pq.write_table(table.drop_columns(["regime"]), results / "queries.parquet")
    with pytest.raises(ValueError, match="it has no column 'regime'; run the grid's command again"):
        read(results, "ndcg@10")
