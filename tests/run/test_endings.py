"""However a run ends, it says why in one line, and the tables of what is there are written."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from harness.cluster.cluster import ClusterLost
from harness.cluster.ray_start import RayFailed
from harness.evaluation.strata import STRATA
from harness.store.artifact import Artifact

CELLS = ("--languages", "ru", "--initializers", "mean", "--regimes", "zero-shot")
KEPT = "what is finished is in the store, and the same command goes on"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RayFailed("Ray did not start"), "error: Ray did not start"),
        (ClusterLost("the node ended"), "error: the node ended"),
        (RuntimeError("Caught unexpected\n exception"), "error: RuntimeError: Caught unexpected exception; "),
    ],
)
def test_an_error_ends_in_one_line_with_tables(command, monkeypatch, tmp_path, error, line):
    def run(preset, cells, todo, store, address, progress, estimate, errors):
        errors[_of_the_cell(todo).key] = "wrong input"  # of a shared artifact
        raise error

    monkeypatch.setattr("harness.run.schedule.run", run)
    code, out, err = command(*CELLS)
    assert code == 1 and err.startswith(line) and err.count("\n") == 1
    assert f"0 of 1 cells are in the tables: {tmp_path}/results/tables/" in out
    assert _cells(tmp_path) == [("failed", "wrong input")]
    log = (tmp_path / "results" / "run.log").read_text(encoding="utf-8")
    expected = isinstance(error, RayFailed | ClusterLost)
    assert ("Traceback" not in log) if expected else ("Traceback" in log and KEPT in err and "run.log has" in err)


def test_an_interruption_leaves_the_tables_too(command, monkeypatch, tmp_path):
    def run(*arguments):
        arguments[-1][_of_the_cell(arguments[2]).key] = "wrong input"
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.run.schedule.run", run)
    code, _, err = command(*CELLS)
    assert code == 130 and err == "\ninterrupted; finished cells are kept, the same command goes on from there\n"
    assert _cells(tmp_path) == [("failed", "wrong input")]


def _cells(folder: Path) -> list[tuple[str, str]]:
    with (folder / "results" / "cells.csv").open(encoding="utf-8") as lines:
        return [(row["status"], row["error"]) for row in csv.DictReader(lines)]


def _of_the_cell(todo: list[Artifact]) -> Artifact:
    """The first artifact that the cell is made from; strata come before it, and no cell waits for them."""
    return next(artifact for artifact in todo if artifact.stage is not STRATA)
