"""However a run ends, it says why in one line, and the tables of what is there are written."""

from __future__ import annotations

import pytest

from harness.cluster.cluster import ClusterLost
from harness.cluster.ray_start import RayFailed

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
    def run(*arguments):
        raise error

    monkeypatch.setattr("harness.run.schedule.run", run)
    code, out, err = command(*CELLS)
    assert code == 1 and err.startswith(line) and err.count("\n") == 1
    assert f"0 of 1 cells are finished; {tmp_path}/results/tables/summary.md has them" in out
    assert "not computed" in (tmp_path / "results" / "cells.csv").read_text(encoding="utf-8")
    log = (tmp_path / "results" / "run.log").read_text(encoding="utf-8")
    expected = isinstance(error, RayFailed | ClusterLost)
    assert ("Traceback" not in log) if expected else ("Traceback" in log and KEPT in err and "run.log has" in err)


def test_an_interruption_leaves_the_tables_too(command, monkeypatch, tmp_path):
    def run(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.run.schedule.run", run)
    code, _, err = command(*CELLS)
    assert code == 130 and err == "\ninterrupted; finished cells are kept, the same command goes on from there\n"
    assert "not computed" in (tmp_path / "results" / "cells.csv").read_text(encoding="utf-8")
