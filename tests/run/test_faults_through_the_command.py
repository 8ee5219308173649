"""A command that is disturbed ends soon, says why in one line and leaves no process; the same command goes on."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from tests.helpers.own_grid import OwnGrid, wait_for
from tests.helpers.ray_nodes import WORKING

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]
EPOCHS = "training.epochs=120"  # of 5 steps: long enough for three commands to be hit in it
GONE_ON = "the same command goes on"


def processes(command):
    return psutil.Process(command.pid).children(recursive=True)


def ended(command, started, seconds):
    """The exit code; all it had started has ended, too."""
    code = command.wait(seconds)
    wait_for(
        lambda: not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in started), 30
    )
    return code


def last_line(grid):
    """What was said last, and not by Ray of the node that it lost."""
    return [line for line in grid.output().splitlines() if line.strip()][-1]


def test_interrupted_twice_without_store_without_ray(own_data, tmp_path, monkeypatch):
    grid = OwnGrid(own_data, tmp_path / "grid", [EPOCHS])

    command = grid.start()
    grid.checkpoint(command)
    grid.measured(command)
    started, began = processes(command), time.monotonic()
    for _ in range(2):
        os.killpg(command.pid, signal.SIGINT)  # as a terminal does: everything that was started gets it as well
        time.sleep(0.3)
    assert ended(command, started, 60) == 130
    assert time.monotonic() - began < 30
    assert (
        last_line(grid) == f"interrupted; finished cells are kept, {GONE_ON} from there"
        and "Traceback" not in grid.output()
    )
    finished = published(grid)
    assert finished
    tables = (grid.results / "cells.csv").read_bytes()
    assert tables.count(b",ok,") == 1 and tables.count(b",missing,") == 1
    assert "Not complete: 1 of 2 cells are computed" in grid.output()

    command = grid.start()
    step, away = grid.checkpoint(command), grid.store.with_name("away")
    started = processes(command)
    grid.store.rename(away)
    assert ended(command, started, 120) == 1
    assert (
        last_line(grid) == f"error: store {grid.store} is no longer there; bring it back, and {GONE_ON}"
        and "Traceback" not in grid.output()
    )
    assert not grid.store.exists() and (grid.results / "cells.csv").read_bytes() == tables
    away.rename(grid.store)

    impatient = {
        "period_ms": "500",
        "timeout_ms": "1000",
        "failure_threshold": "3",
    }  # by default Ray waits 15 s and more
    for name, value in impatient.items():
        monkeypatch.setenv(f"RAY_health_check_{name}", value)
    command = grid.start()
    step = grid.checkpoint(command)
    started = processes(command)
    for process in started:  # what computes would go on for some seconds without its node, and could end the training
        if process.name() == "raylet" or process.name().startswith(WORKING):
            process.kill()
    assert ended(command, started, 120) == 1
    assert last_line(grid) == (
        "error: the Ray node of this machine ended while the grid was computed; "
        f"what is finished is in the store, and {GONE_ON}"
    )
    assert "Traceback" not in grid.output()

    monkeypatch.undo()
    command = grid.start()
    assert command.wait(240) == 0, grid.output()
    assert grid.training_record()["resumed_from"] >= step
    undisturbed = OwnGrid(own_data, tmp_path / "undisturbed", [EPOCHS])
    undisturbed.make()
    assert grid.artifacts() == undisturbed.artifacts()
    assert finished.items() <= published(grid).items(), "finished pieces are not computed again"


def published(grid):
    """Finished artifacts as folders on the disk: one that is computed again is another one."""
    return {manifest.parent.name: manifest.parent.stat().st_ino for manifest in grid.store.glob("*/*/MANIFEST.json")}
