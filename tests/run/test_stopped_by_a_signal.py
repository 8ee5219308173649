"""systemd, Slurm and Kubernetes send SIGTERM, a closed terminal SIGHUP: the command ends as after Ctrl-C."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from tests.helpers.own_grid import OwnGrid, wait_for

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]
EPOCHS = "training.epochs=600"  # the signal comes while it trains, however fast the machine is
SENTENCE = "interrupted; finished cells are kept, the same command goes on from there"


@pytest.mark.parametrize(
    ("number", "to_all", "sigint"),
    [(signal.SIGTERM, False, signal.SIG_DFL), (signal.SIGTERM, True, signal.SIG_IGN)],
    ids=["to the command", "to its group, as a background job"],
)
def test_a_grid_that_is_told_to_end(own_data, tmp_path, number, to_all, sigint):
    grid = OwnGrid(own_data, tmp_path / "grid", [EPOCHS])
    before = signal.signal(signal.SIGINT, sigint)  # what a shell does for its background: inherited by the command
    try:
        command = grid.start()
    finally:
        signal.signal(signal.SIGINT, before)
    grid.checkpoint(command)
    grid.measured(command)
    started = psutil.Process(command.pid).children(recursive=True)
    (os.killpg if to_all else os.kill)(command.pid, number)
    assert command.wait(60) == 128 + number, grid.output()
    wait_for(
        lambda: not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in started), 30
    )
    lines = [line for line in grid.output().splitlines() if line.strip()]
    assert lines[-1] == SENTENCE and "***" not in grid.output() and "Traceback" not in grid.output(), grid.output()
    if to_all:  # Ray's own processes were ended as well, perhaps before the tables could be written
        return
    rows = (grid.results / "cells.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 3 and sum(",missing," in row for row in rows) == 1
