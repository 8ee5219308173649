"""Results of what a store has: complete ones, partial ones that say so, at any end of a run and while it goes on."""

from __future__ import annotations

import csv
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.cluster.cluster import ClusterLost
from harness.evaluation.provenance import machine
from harness.plan.plan import Cell
from harness.results.record import Identity
from harness.run import grid_run
from harness.run.report import print_tables, report, report_at_an_end, reports_while_running
from harness.store.artifact import Artifact
from harness.store.stage import Stage
from harness.store.store import Store
from tests.helpers.measurements_made import write_measurement

SCORES = {"mean": 0.25, "random": 0.5, "bm25": 0.75}


def build(out: Path, parameters, inputs) -> None:
    write_measurement(out, parameters["score"])


EVALUATION = Stage("evaluation", version=1, seconds=1, build=build, shared=False)


def cell(language: str, initializer: str, seed: int = 42) -> Cell:
    identity = Identity(language, "bert", "faq", initializer, "", None, "zero-shot", seed)
    parameters = {"score": SCORES[initializer] + (0.25 if language == "ru" else 0), "seed": seed, "of": initializer}
    return Cell(identity, initializer, False, Artifact(EVALUATION, parameters | {"language": language}))


CELLS = [cell(language, initializer) for language in ("ko", "ru") for initializer in ("mean", "random")]


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store(tmp_path / "store")
    store.create()
    return store


def make(store: Store, *cells: Cell) -> None:
    for each in cells:
        store.make(each.artifact)


def text(results: Path, name: str = "summary.md") -> str:
    return (results / "tables" / name).read_text(encoding="utf-8")


def statuses(results: Path) -> list[str]:
    with (results / "cells.csv").open(encoding="utf-8") as lines:
        return [row["status"] for row in csv.DictReader(lines)]


def test_what_is_there_is_shown_and_what_is_not_is_marked_in_every_table(store, tmp_path):
    results, (ko_mean, ko_random, ru_mean, _) = tmp_path / "results", CELLS
    make(store, ko_mean, ko_random, ru_mean)
    records, written = report(CELLS, store, results, {})
    assert [record.status for record in records] == statuses(results) == ["ok", "ok", "ok", "missing"]
    assert written is not None
    table = text(results, "faq_zero-shot_bert.md")
    assert "| random | – | **0.500** | – |" in table and "| mean | **0.375** | 0.250† | **0.500** |" in table
    count = "Not complete: 3 of 4 cells are computed; –: a cell, or a cell of a mean, is missing."
    assert count in table and count in text(results) and count in text(results, "summary.tex").replace("--", "–")
    assert "| random | – |" in text(results)
    assert "No mean of random on faq, zero-shot: ru not computed." in text(results)


def test_the_verdict_stands_after_the_tables(store, tmp_path, capsys):
    bm25 = [replace(cell(language, "bm25"), reference=True) for language in ("ko", "ru")]
    make(store, *CELLS, *bm25)
    _, written = report([*CELLS, *bm25], store, tmp_path, {})
    assert written is not None
    print_tables(written)
    out = " ".join(capsys.readouterr().out.split())
    sentence = (
        "faq, zero-shot, bert: the best row, random, is not shown to differ from bm25 in ko, ru. Above and below:"
    )
    assert out.index("*: best of its column") < out.index(sentence)
    report_at_an_end([*CELLS, *bm25], store, tmp_path, print, {})
    assert sentence in " ".join(capsys.readouterr().out.split())
    _, without = report(CELLS, store, tmp_path, {})
    assert without is not None and without.verdict == []
    print_tables(without)
    assert "Above and below" not in capsys.readouterr().out


def test_with_the_last_cell_nothing_is_said_of_missing_ones(store, tmp_path):
    make(store, *CELLS[:3])
    report(CELLS, store, tmp_path / "results", {})
    make(store, CELLS[3])
    report(CELLS, store, tmp_path / "results", {})
    report(CELLS, store, tmp_path / "at once", {})
    names = sorted(path.relative_to(tmp_path / "results") for path in (tmp_path / "results").rglob("*.*"))
    assert len(names) == 16 and "complete" not in text(tmp_path / "results", "all.md")
    for name in names:
        assert (tmp_path / "results" / name).read_bytes() == (tmp_path / "at once" / name).read_bytes()


def test_a_seed_that_is_missing_leaves_no_mean_over_seeds(store, tmp_path):
    cells = [cell("ko", "mean", seed) for seed in (1, 2, 3)]
    make(store, *cells[:2])
    report(cells, store, tmp_path, {})
    assert "| mean | – |" in text(tmp_path, "faq_zero-shot_bert.md")
    assert "2 of 3 cells are computed;" in text(tmp_path)


def test_failed_and_missing_cells_are_told_apart(store, tmp_path):
    make(store, CELLS[0])
    report(CELLS, store, tmp_path, {CELLS[1].artifact.key: "out of memory"})
    assert statuses(tmp_path) == ["ok", "failed", "missing", "missing"]
    assert "1 of 4 cells are computed, 1 failed; –:" in text(tmp_path)


def test_a_cell_whose_input_failed_is_failed(store, tmp_path):
    rows = Artifact(EVALUATION, {"score": 0, "of": "rows"})
    make(store, CELLS[0])
    above = Cell(CELLS[1].identity, "random", False, replace(CELLS[1].artifact, inputs={"rows": rows}))
    report([CELLS[0], above], store, tmp_path, {rows.key: "wrong input"})
    assert statuses(tmp_path) == ["ok", "failed"]


def test_a_damaged_cell_is_missing_and_stays_where_it_is(store, tmp_path):
    make(store, *CELLS)
    damaged = store.path(CELLS[0].artifact) / "measurement.json"
    damaged.write_text("{}", encoding="utf-8")
    records, _ = report(CELLS, store, tmp_path / "results", {})
    assert (records[0].status, records[0].error) == ("missing", "damaged in the store")
    assert damaged.read_text(encoding="utf-8") == "{}" and not store.damage_notes


def test_without_a_cell_earlier_results_stay(store, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "cells.csv").write_text("of an earlier run", encoding="utf-8")
    records, written = report(CELLS, store, tmp_path / "results", {})
    assert written is None and {record.status for record in records} == {"missing"}
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["cells.csv"]


def test_while_a_run_goes_on_each_further_cell_comes_into_the_tables(store, tmp_path):
    results, lines = tmp_path / "results", []

    def wait(there: int) -> None:
        for _ in range(1000):
            if (results / "cells.csv").is_file() and statuses(results).count("ok") == there:
                return
            threading.Event().wait(0.01)
        raise AssertionError(f"waited in vain for {there} cells: {lines}")

    with reports_while_running(CELLS, store, results, lines.append, {}, every=0.01):
        make(store, CELLS[0])
        wait(1)
        make(store, CELLS[1])
        wait(2)
    assert lines == [] and "reports" not in {thread.name for thread in threading.enumerate()}


def test_while_a_run_goes_on_results_that_cannot_be_written_do_not_end_it(store, tmp_path):
    (tmp_path / "results").write_text("a file", encoding="utf-8")
    lines: list[str] = []
    with reports_while_running(CELLS, store, tmp_path / "results", lines.append, {}, every=0.01):
        make(store, CELLS[0])
        for _ in range(1000):
            if lines:
                break
            threading.Event().wait(0.01)
    assert lines[0].startswith("the tables of what is there could not be written: ")


@pytest.fixture
def run(store, tmp_path, monkeypatch):
    """Return a run of the grid whose computation makes two cells and then ends with an exception."""
    monkeypatch.setattr(
        grid_run.Estimate, "of", lambda *_: SimpleNamespace(seconds=lambda _: 1.0, known=lambda _: True)
    )

    def start(ending: BaseException, made: int = 2) -> int:
        def compute(*_: object) -> dict[str, str]:
            make(store, *CELLS[:made])
            raise ending

        monkeypatch.setattr(grid_run, "_compute", compute)
        (tmp_path / "results").mkdir(exist_ok=True)
        return grid_run.run_grid(
            SimpleNamespace(title="a grid", collections={}), CELLS, store, tmp_path / "results", None, 1
        )

    return start


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), SystemExit(143)], ids=repr)
def test_a_run_that_ends_before_its_time_leaves_tables(run, tmp_path, capsys, monkeypatch, ending):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(type(ending)):
        run(ending)
    assert statuses(tmp_path / "results") == ["ok", "ok", "missing", "missing"]
    out = capsys.readouterr().out
    assert "2 of 4 cells are in the tables: " in out and "a mean over the languages ko, ru" in out
    assert (tmp_path / "results" / "report.html").is_file() and f"in all.md; {tmp_path}/results/report.html\n" in out


def test_a_run_whose_page_cannot_be_written_has_its_tables_and_says_so(store, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        grid_run.Estimate, "of", lambda *_: SimpleNamespace(seconds=lambda _: 1.0, known=lambda _: True)
    )
    make(store, *CELLS)
    results = tmp_path / "results"
    (results / "report.html").mkdir(parents=True)
    assert grid_run.run_grid(SimpleNamespace(title="a grid", collections={}), CELLS, store, results, None, 1) == 1
    out = capsys.readouterr().out
    assert f"error: {results}/report.html could not be written: " in out
    assert "4 of 4 cells done in " in out and statuses(results) == ["ok"] * 4
    (results / "report.html").rmdir()
    preset, command = SimpleNamespace(title="a grid", collections={}), "sembridge-bench grid --seeds 42"
    assert grid_run.run_grid(preset, CELLS, store, results, None, 1, command=command) == 0
    page = (results / "report.html").read_text(encoding="utf-8")
    assert f"<code>{command}</code>" in page and f"<code>{machine()}</code>" in page
    assert f"in all.md; {results}/report.html\n" in capsys.readouterr().out


def test_a_run_that_loses_its_cluster_leaves_tables(run, tmp_path, capsys):
    assert run(ClusterLost("Ray is gone")) == 1
    assert statuses(tmp_path / "results") == ["ok", "ok", "missing", "missing"]
    assert capsys.readouterr().err == "error: Ray is gone\n"


def test_a_run_that_ends_before_its_first_cell_says_so(run, tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt):
        run(KeyboardInterrupt(), made=0)
    assert not (tmp_path / "results" / "cells.csv").exists()
    assert "no cell is computed yet: no tables were written" in capsys.readouterr().out


def test_an_end_whose_tables_cannot_be_written_says_so(store, tmp_path):
    make(store, CELLS[0])
    (tmp_path / "results").write_text("a file", encoding="utf-8")
    lines: list[str] = []
    report_at_an_end(CELLS, store, tmp_path / "results", lines.append, {})
    assert "could not be written" in lines[-1]


def test_a_run_writes_and_prints_the_tables_of_further_measures_at_any_end(store, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        grid_run.Estimate, "of", lambda *_: SimpleNamespace(seconds=lambda _: 1.0, known=lambda _: True)
    )

    def run(made: int, ending: BaseException | None = None) -> str:
        def compute(*_: object) -> dict[str, str]:
            make(store, *CELLS[:made])
            if ending is not None:
                raise ending
            return {}

        monkeypatch.setattr(grid_run, "_compute", compute)
        grid = SimpleNamespace(title="a grid", collections={})
        results = tmp_path / "results"
        results.mkdir(exist_ok=True)
        assert grid_run.run_grid(grid, CELLS, store, results, None, 1, measures=["recall@100"]) == (ending is not None)
        return capsys.readouterr().out

    run(2, ClusterLost("Ray is gone"))
    assert "# Mean Recall@100" in text(tmp_path / "results", "summary_recall@100.md")
    out = run(4)
    assert out.index("faq, zero-shot (as initialized), encoder bert: Recall@100") < out.index("Encoder bert: nDCG@10")
    assert "–" not in text(tmp_path / "results", "summary_recall@100.csv")
