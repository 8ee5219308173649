"""The strata in reports: after a run, from the store alone, and where the store does not have them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.evaluation import strata
from harness.plan.plan import Cell, lacking, missing
from harness.results.record import Identity
from harness.run.report import report
from harness.store.artifact import Artifact
from harness.store.stage import Stage
from harness.store.store import Store
from tests.helpers.measurements_made import write_measurement

SCORES = {"meaning": ([0.5, 0.4], 0.2), "identity": ([0.0, 0.1], 0.9)}  # in low queries by turns, in high ones


def build_cell(out: Path, parameters, inputs) -> None:
    low, high = SCORES[parameters["of"]]
    values = [*(low * 3), *([high] * 6)]
    write_measurement(out, sum(values) / 12)
    columns = {name: values for name in ("ndcg@10", "recall@100", "mrr@10")}
    pq.write_table(pa.table({"query_id": [f"q{i}" for i in range(12)], **columns}), out / "queries.parquet")


def build_strata(out: Path, parameters, inputs) -> None:
    shares = {"query_id": [f"q{i}" for i in range(12)], "share": [0.0] * 6 + [1.0] * 6}
    pq.write_table(pa.table(shares), out / strata.FILE)


EVALUATION = Stage("evaluation", version=1, seconds=1, build=build_cell, shared=False)
STRATA = Artifact(Stage("strata", version=1, seconds=1, build=build_strata), {"language": "ko"})
NAMES = [Identity("ko", "bert", "faq", name, "", None, "zero-shot", 42) for name in SCORES]
CELLS = [Cell(name, name.initializer, False, Artifact(EVALUATION, {"of": name.initializer}), STRATA) for name in NAMES]


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store(tmp_path / "store")
    store.create()
    for cell in CELLS:
        store.make(cell.artifact)
    return store


def text(results: Path, name: str) -> str:
    return (results / "tables" / name).read_text(encoding="utf-8")


def test_a_report_from_the_store_has_both_tables_and_the_summary_all_three_columns(store, tmp_path):
    store.make(STRATA)
    records, written = report(CELLS, store, tmp_path / "results", {})
    assert not any(record.warnings for record in records) and written is not None
    table = text(tmp_path / "results", "faq_zero-shot_bert_strata.md")
    assert "| meaning | **0.450** | 0.200† |" in table  # 6 queries: p = 2 / 64 for each of two pairs
    assert "| identity | 0.050† | **0.900** |" in table
    summary = text(tmp_path / "results", "summary.md")
    assert "| method | faq, zero-shot, all | faq, zero-shot, low | faq, zero-shot, high |" in summary
    assert "| meaning | 0.325† | **0.450** | 0.200† |" in summary
    report(CELLS, store, tmp_path / "again", {})
    for path in (tmp_path / "results").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "results")).read_bytes()


def test_without_them_scores_are_shown_and_a_warning_names_the_next_step(store, tmp_path):
    records, written = report(CELLS, store, tmp_path, {})
    assert [record.status for record in records] == ["ok", "ok"] and written is not None
    [warning] = written.warnings
    assert warning.startswith("warning: ko_bert_faq_meaning_zero-shot_s42 and 1 more cell: scores are not split by ")
    assert warning.endswith("the store lacks them, the grid's command adds them")
    assert "| meaning | 0.325† |" in text(tmp_path, "summary.md") and "strata" not in text(tmp_path, "all.md")


def test_that_they_failed_is_said_and_no_cell_fails_with_them(store, tmp_path):
    records, written = report(CELLS, store, tmp_path, {STRATA.key: "no memory"})
    assert [record.status for record in records] == ["ok", "ok"] and written is not None
    assert written.warnings[0].endswith("scores are not split by shared words: no memory")


def test_damaged_ones_are_not_read(store, tmp_path):
    store.make(STRATA)
    (store.path(STRATA) / strata.FILE).write_bytes(b"damaged")
    _, written = report(CELLS, store, tmp_path, {})
    assert written is not None and len(written.warnings) == 1


def test_cells_that_are_all_there_still_lack_their_strata_once(store):
    assert missing(CELLS, store) == [STRATA]
    assert lacking([cell.artifact for cell in CELLS], store) == [], "a cell does not wait for them"
    store.make(STRATA)
    assert missing(CELLS, store) == [] and missing([replace(CELLS[0], strata=None)], store) == []
