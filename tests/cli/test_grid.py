"""The command `grid`: what it hands to the run, and what ends it before or while it runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cli.grid import grid
from harness.cli.main import parser
from harness.cli.refusal import RefusedError
from harness.store.in_use import keys_in_use
from harness.store.store import Store
from tests.helpers.stores_made import RU, publish_grid

POCKET = ("--languages", "ko", "--architectures", "bert", "--initializers", "mean", "--regimes", "zero-shot")
HUB_MODEL = ("--set", "architectures.bert={model: org/enc, hub: true}")
HUB_TOKENIZER = ("--set", "tokenizers.ko={model: org/words, hub: true}")
PROBLEMS = [
    f"{option}: {model} has no pinned revision; add --set {option}.revision=COMMIT"
    for option, model in (("architectures.bert", "org/enc"), ("tokenizers.ko", "org/words"))
]


@pytest.fixture
def runs(monkeypatch):
    """Six CPUs, and a run that only keeps what it is handed."""
    calls = []
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr("harness.run.grid_run.run_grid", lambda *arguments, **options: calls.append(arguments) or 1)
    return calls


def run(folder: Path, *options: str) -> int:
    places = ["--store", str(folder / "store"), "--results", str(folder / "results")]
    return grid(parser().parse_args(["grid", *POCKET, *places, *options]))


@pytest.mark.parametrize(
    ("options", "slots"),
    [
        (("--set", "resources.cpus_per_cell=2"), 3),
        (("--set", "resources.cpus_per_cell=9", "--address", "auto"), 1),  # of a cluster's size nothing is known yet
    ],
)
def test_what_a_run_is_handed(runs, tmp_path, options, slots):
    assert run(tmp_path, *options) == 1, "the exit code is that of the run"
    ((preset, cells, store, results, address, run_slots),) = runs
    assert preset.languages == ["ko"] and {cell.identity.initializer for cell in cells} == {"mean"}
    assert (store.root, results) == (tmp_path / "store", tmp_path / "results")
    assert (address, run_slots) == ("auto" if "--address" in options else None, slots)
    assert (tmp_path / "store" / "STORE.json").is_file(), "the places of a run are made before it starts"


def test_a_cell_that_does_not_fit_this_machine_is_refused_before_anything_is_made(runs, tmp_path):
    with pytest.raises(RefusedError, match=r"a cell needs 9 CPU, and there are 6 CPU; lower resources\.cpus_per_cell"):
        run(tmp_path, "--set", "resources.cpus_per_cell=9")
    assert not runs and not list(tmp_path.iterdir())


def test_all_models_without_a_revision_are_named_at_once(runs, tmp_path):
    with pytest.raises(RefusedError) as refused:
        run(tmp_path, *HUB_MODEL, *HUB_TOKENIZER)
    assert str(refused.value).split("\nerror: ") == PROBLEMS
    assert not runs and not list(tmp_path.iterdir())


def test_a_dry_run_names_them_and_makes_nothing(runs, tmp_path, capsys):
    assert run(tmp_path, *HUB_MODEL, *HUB_TOKENIZER, "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [f"before a run: {problem}" for problem in PROBLEMS]
    assert not runs and not list(tmp_path.iterdir())


def test_an_interrupted_run_says_how_to_go_on(monkeypatch, tmp_path, capsys):
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "set_aside_damaged", interrupted)
    assert run(tmp_path) == 130
    assert capsys.readouterr().err == ("\ninterrupted; finished cells are kept, the same command goes on from there\n")


def test_a_run_says_what_it_needs_as_long_as_it_goes_on(runs, monkeypatch, tmp_path):
    """So that `store gc` leaves it alone."""
    registered = []

    def start(preset, cells, store, *others, **options):
        registered.append((keys_in_use(store), {artifact.key for cell in cells for artifact in cell.walk()}))
        return 0

    monkeypatch.setattr("harness.run.grid_run.run_grid", start)
    assert run(tmp_path) == 0
    (((keys, count), planned),) = registered
    assert count == 1 and keys == planned and len(keys) >= 5
    assert keys_in_use(Store(tmp_path / "store")) == (set(), 0)


def test_rows_of_an_earlier_grid_are_told_before_they_go(monkeypatch, tmp_path, capsys):
    store = Store(tmp_path / "store")
    store.create()
    publish_grid(store, tmp_path / "results", RU)
    before = (tmp_path / "results" / "cells.csv").read_bytes()
    assert run(tmp_path, "--dry-run") == 0
    line = (
        f"warning: --results {tmp_path}/results holds 8 rows of an earlier grid that this grid does not have (ru_bert_"
    )
    assert line in capsys.readouterr().out and (tmp_path / "results" / "cells.csv").read_bytes() == before
    monkeypatch.setattr("harness.run.grid_run._compute", lambda *_: None)
    run(tmp_path)
    assert line in capsys.readouterr().out and line in (tmp_path / "results" / "run.log").read_text(encoding="utf-8")
