"""Tables of further measures: written beside the main ones, scores marked and tested, costs neither."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.results.export import write_results
from harness.results.record import Record


@pytest.fixture
def records(record) -> list[Record]:
    """Two methods in two languages; random has half of the active dimensions, bm25 has none of its own."""
    made = []
    for language in ("ko", "ru"):
        made += [record("mean", language, 0.5), record("random", language, 0.25)]
        made[-1] = replace(made[-1], statistics={"query_active": 6.0, "doc_active": 40.25, "flops": 0.126})
        made.append(replace(record("bm25", language, 0.75, reference=True), statistics={}))
    return made


@pytest.fixture
def artifact_of(tmp_path) -> Callable[[Record], Path]:
    """Return artifacts of ten queries, of which so many have a score of 1, the others of 0."""
    right = {
        "mean": {"ndcg@10": 5, "recall@100": 10, "mrr@10": 3},
        "random": {"ndcg@10": 4, "recall@100": 0, "mrr@10": 3},
    }

    def of(record: Record) -> Path:
        folder = tmp_path / "store" / record.key
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.trec.gz").write_bytes(gzip.compress(b""))
        own = right.get(record.identity.initializer, dict.fromkeys(right["mean"], 10))
        columns = {name: [1.0] * count + [0.0] * (10 - count) for name, count in own.items()}
        pq.write_table(pa.table({"query_id": [f"q{n}" for n in range(10)], **columns}), folder / "queries.parquet")
        return folder

    return of


def test_without_any_nothing_but_the_main_measure_is_written(tmp_path, records, artifact_of):
    written = write_results(tmp_path / "out", records, artifact_of)
    assert written.further == [] and not list((tmp_path / "out" / "tables").glob("*recall*"))


def test_a_score_has_tables_a_summary_and_tests_of_its_own(tmp_path, records, artifact_of):
    written = write_results(tmp_path / "out", records, artifact_of, measures=["recall@100"])
    table, summary = written.further
    assert (table.name, table.columns) == ("pocket-faq_zero-shot_bert_recall@100", ("mean", "ko", "ru"))
    rows = {row.label: row.cells for row in table.rows}
    assert [cell.text for cell in rows["mean"]] == ["0.250"] * 3 and all(cell.best for cell in rows["mean"])
    assert not any(cell.undecided for cell in rows["random"])  # all ten queries differ
    assert summary.title == "Mean Recall@100 over ko, ru; bert, seed 0"
    with (tmp_path / "out" / "significance.csv").open(encoding="utf-8") as lines:
        tested = {(row["table"], row["column"]): row for row in csv.DictReader(lines)}
    main = tested["pocket-faq_zero-shot_bert", "ko"]
    own = tested["pocket-faq_zero-shot_bert_recall@100", "ko"]
    assert (float(main["difference"]), float(own["difference"])) == (pytest.approx(0.1), pytest.approx(1.0))
    assert float(main["p"]) == 1 and float(own["p"]) == pytest.approx(2 / 2**10)
    names = {path.name for path in (tmp_path / "out" / "tables").iterdir()}
    for name in ("summary_recall@100", "pocket-faq_zero-shot_bert_recall@100"):
        assert {f"{name}{form}" for form in (".md", ".csv", ".tex")} <= names
    everything = (tmp_path / "out" / "tables" / "all.md").read_text(encoding="utf-8")
    assert "\n## pocket-faq, zero-shot, bert: Recall@100\n" in everything


def test_costs_have_no_best_and_only_rows_that_have_them(tmp_path, records, artifact_of):
    written = write_results(tmp_path / "out", records, artifact_of, measures=["query_active", "doc_active", "flops"])
    tables = {table.name: table for table in written.further}
    flops, active = (tables[f"pocket-faq_zero-shot_bert_{name}"] for name in ("flops", "doc_active"))
    assert [(row.label, [cell.text for cell in row.cells]) for row in flops.rows] == [
        ("mean", ["1.25"] * 3),
        ("random", ["0.13"] * 3),
    ]
    assert [[cell.text for cell in row.cells] for row in active.rows] == [["80.5"] * 3, ["40.2"] * 3]
    cells = [cell for table in written.further for row in table.rows for cell in row.cells]
    assert len(cells) == 3 * (6 + 2) and not any(cell.best or cell.undecided for cell in cells)
    assert tables["summary_flops_bert"].title == "Mean FLOPS over ko, ru; bert, seed 0"
    with (tmp_path / "out" / "significance.csv").open(encoding="utf-8") as lines:
        assert {row["table"] for row in csv.DictReader(lines)} == {"pocket-faq_zero-shot_bert"}


def test_seeds_of_a_cost_are_averaged(tmp_path, record):
    cells = [record("mean", seed=seed) for seed in (1, 2)]
    cells[1] = replace(cells[1], statistics={"query_active": 13.0})
    [table, _] = write_results(tmp_path, cells, lambda _: None, measures=["query_active"]).further
    assert [cell.text for cell in table.rows[0].cells] == ["12.5 ± 0.7"]


def test_a_row_that_failed_stays_and_one_that_is_not_computed(tmp_path, record):
    cells = [
        record("mean"),
        record("ofa", ndcg=None),
        replace(record("focus"), status="missing", scores={}, statistics={}),
    ]
    [table, _] = write_results(tmp_path, cells, lambda _: None, measures=["flops"]).further
    assert {row.label: row.cells[0].text for row in table.rows} == {"mean": "1.25", "ofa": "failed", "focus": "–"}


def test_tables_that_are_not_asked_for_again_are_removed(tmp_path, records, artifact_of):
    write_results(tmp_path / "out", records, artifact_of, measures=["recall@100", "flops"])
    write_results(tmp_path / "out", records, artifact_of)
    names = {path.name for path in (tmp_path / "out" / "tables").iterdir()}
    assert not [name for name in names if "recall" in name or "flops" in name] and "summary.md" in names
