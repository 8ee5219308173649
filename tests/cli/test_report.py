"""The command `report`: tables of what a store has, by the options of the run, and refusals that harm nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.cli.main import parser
from harness.cli.refusal import RefusedError
from harness.cli.report import report_results
from harness.cli.shipped import presets
from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.store.store import Store
from tests.helpers.measurements_made import publish
from tests.helpers.results_made import record_of, results_of
from tests.helpers.stores_made import RU, publish_grid

CHOSEN = {"languages": ["ko"], "architectures": ["bert"], "initializers": ["mean", "bm25"], "regimes": ["zero-shot"]}
GRID = [word for name, values in CHOSEN.items() for word in (f"--{name}", *values)]


def run(folder: Path, *options: str) -> int:
    places = ["--store", str(folder / "store"), "--results", str(folder / "results")]
    return report_results(parser().parse_args(["report", *GRID, *places, *options]))


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store(tmp_path / "store")
    store.create()
    return store


def test_tables_of_what_is_there_are_written_and_printed(store, tmp_path, capsys):
    mean, *_ = plan(load_preset("pocket", presets(), [], CHOSEN))
    publish(store, mean.artifact, score=0.5)
    before = sorted(store.root.rglob("*"))
    assert run(tmp_path) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith(f"1 of 4 cells are in the store {store.root}; ")
    assert "Not complete: 1 of 4 cells are computed" in out and re.search(r"^mean +0\.500\* +–$", out, re.M)
    assert (tmp_path / "results" / "cells.csv").read_text(encoding="utf-8").count(",missing,") == 3
    assert sorted(store.root.rglob("*")) == before


@pytest.mark.parametrize("exists", [True, False])
def test_a_store_without_a_cell_of_the_grid_is_refused_and_results_stay(tmp_path, exists):
    if exists:
        Store(tmp_path / "store").create()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RefusedError, match=r"--store \S+/store has none of the 4 cells of this grid; repeat the opt"):
        run(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_estimate_is_not_asked_of_a_report(tmp_path):
    with pytest.raises(RefusedError, match="--dry-run: a report computes nothing anyway; leave it out"):
        run(tmp_path, "--dry-run")


def test_a_grid_that_cannot_be_planned_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="initializer 'meen' is unknown"):
        run(tmp_path, "--initializers", "meen")


def test_results_that_cannot_be_written_are_refused(store, tmp_path):
    mean, *_ = plan(load_preset("pocket", presets(), [], CHOSEN))
    publish(store, mean.artifact, score=0.5)
    (tmp_path / "results").write_text("a file", encoding="utf-8")
    with pytest.raises(RefusedError, match=r"--results .* cannot be written"):
        run(tmp_path)


def test_further_measures_are_printed_before_the_summary(store, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    mean, *_ = plan(load_preset("pocket", presets(), [], CHOSEN))
    publish(store, mean.artifact, score=0.5)
    assert run(tmp_path, "--measures", "recall@100", "active", "ndcg@10") == 0
    captions = re.findall(r"encoder bert: ([^(]+) \(|^Encoder bert: ([^(]+) \(", capsys.readouterr().out, re.M)
    of_tables = [name for name, _ in captions if name]
    assert list(dict.fromkeys(of_tables)) == [
        "nDCG@10", "Recall@100", "active dimensions of a query", "active dimensions of a document",
    ]  # fmt: skip
    assert captions[-1] == ("", "nDCG@10")
    assert (tmp_path / "results" / "tables" / "summary_doc_active.md").is_file()


def test_an_unknown_measure_is_refused_with_the_nearest(tmp_path, capsys):
    with pytest.raises(SystemExit) as refused:
        run(tmp_path, "--measures", "recall@10")
    error = capsys.readouterr().err.splitlines()[-1]
    assert refused.value.code == 2
    assert "argument --measures: unknown measure 'recall@10': did you mean 'recall@100'? known: active, " in error


def test_a_table_takes_the_width_of_the_terminal(store, tmp_path, capsys, monkeypatch):
    mean, *_ = plan(load_preset("pocket", presets(), [], CHOSEN))
    publish(store, mean.artifact, score=0.5)
    lengths = []
    for width in (60, 160):
        monkeypatch.setenv("COLUMNS", str(width))
        run(tmp_path)
        lengths.append(max(map(len, capsys.readouterr().out.splitlines()[:-1])))
    assert lengths[0] <= 60 < 120 < lengths[1] <= 160


def test_rows_that_it_removes_are_told(store, tmp_path, capsys):
    publish_grid(store, tmp_path / "results", RU)
    publish(store, plan(load_preset("pocket", presets(), [], CHOSEN))[0].artifact, score=0.5)
    assert run(tmp_path) == 0
    assert "holds 8 rows of an earlier grid that this grid does not have (ru_bert_" in capsys.readouterr().err
    assert run(tmp_path) == 0 and capsys.readouterr().err == ""


def test_a_page_is_written_beside_the_tables(store, tmp_path, capsys):
    mean, *_ = plan(load_preset("pocket", presets(), [], CHOSEN))
    publish(store, mean.artifact, score=0.5)
    assert run(tmp_path) == 0
    page = (tmp_path / "results" / "report.html").read_text(encoding="utf-8")
    assert "mean has nDCG@10 0.500 in ko" in page and "1 of 4 cells are computed" in page
    assert f"{tmp_path}/results/tables/summary.md, {tmp_path}/results/report.html\n" in capsys.readouterr().out


def test_a_page_that_cannot_be_written_costs_nothing_else(store, tmp_path, capsys):
    mean, *_ = plan(load_preset("pocket", presets(), [], CHOSEN))
    publish(store, mean.artifact, score=0.5)
    (tmp_path / "results" / "report.html").mkdir(parents=True)
    assert run(tmp_path) == 1
    out, err = capsys.readouterr()
    assert err.startswith(f"error: {tmp_path}/results/report.html could not be written: ")
    assert err.endswith("; the tables and all other results are there\n") and err.count("\n") == 1
    assert (tmp_path / "results" / "tables" / "summary.md").is_file() and "report.html" not in out


def alone(folder: Path, *options: str) -> int:
    return report_results(parser().parse_args(["report", str(folder), *options]))


def test_a_folder_alone_gets_its_page_anew_and_nothing_else_changes(tmp_path, capsys):
    results = results_of(tmp_path, [(record_of("mean", "ko", [0.5, 0.25]), [0.5, 0.25])])
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    assert alone(results) == 0
    assert capsys.readouterr().out == f"wrote {results}/report.html\n"
    assert {path: path.read_bytes() for path in before} == before
    assert {path for path in results.rglob("*") if path.is_file()} - set(before) == {results / "report.html"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], r"RESULTS '.*nothing' is not a folder; give the folder that a run wrote with --results"),
        (
            ["--preset", "smoke"],
            r"--preset: with RESULTS, report\.html is made of its files, and nothing is planned; leave",
        ),
        (["--store", "nowhere"], r"--store nowhere is not a folder; give the store of the run, or leave it out"),
        (["--seeds", "1", "--languages", "ko"], r"--languages, --seeds: with RESULTS"),
        (["--terms"], r"--terms: the encoders are in the store of the run; name it with --store STORE"),
    ],
)
def test_a_folder_alone_that_cannot_be_read_or_with_options_without_effect_is_refused(
    tmp_path, options, message, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedError, match=message):
        alone(tmp_path / "nothing", *options)


def test_terms_need_a_folder_of_results():
    with pytest.raises(RefusedError, match="--terms goes with a folder of results: sembridge-bench report RESULTS --"):
        report_results(parser().parse_args(["report", "--terms"]))


def test_another_folder_called_store_is_refused_only_if_it_is_asked_for(tmp_path, monkeypatch):
    results = results_of(tmp_path, [(record_of("mean", "ko", [0.5, 0.25]), [0.5, 0.25])])
    for name in ("store", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "milk").write_text("no store", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert alone(results) == 0
    with pytest.raises(RefusedError, match=r"other is not empty and not a store of this project"):
        alone(results, "--store", "other")


def test_a_folder_that_is_not_of_results_is_refused(tmp_path):
    with pytest.raises(RefusedError, match=r"has no cells\.csv; give the folder that a run wrote with --results"):
        alone(tmp_path)
