"""Another program takes the memory, and Ray's own monitor kills workers: every cell is computed all the same."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from tests.helpers.own_grid import OwnGrid, wait_for

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]
EPOCHS = "training.epochs=120"  # of 5 steps: long enough to be hit
GB = 10**9
ROOM, TAKEN = 3 * GB, 4 * GB  # what the machine may still use, and what the other program takes
HOG = f"data = b'x' * {TAKEN}; print('taken', flush=True); input()"


def test_workers_that_ray_kills_for_lack_of_memory(own_data, tmp_path, monkeypatch):
    memory = psutil.virtual_memory()
    if memory.available < ROOM + 2 * TAKEN:
        pytest.skip("needs 11 GB of free memory")
    undisturbed, grid = (OwnGrid(own_data, tmp_path / name, [EPOCHS]) for name in ("undisturbed", "grid"))
    undisturbed.make()
    used = memory.total - psutil.virtual_memory().available
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{(used + ROOM) / memory.total:.4f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    command = grid.start()
    grid.checkpoint(command)
    with subprocess.Popen([sys.executable, "-c", HOG], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as hog:
        try:
            wait_for(lambda: "for lack of memory" in grid.output() or command.poll() is not None, 60)
        finally:
            hog.kill()
    assert command.wait(300) == 0, grid.output()
    output = grid.output()
    assert "Traceback" not in output
    (kill,) = [line for line in output.splitlines() if line.startswith("Ray killed ") or ": attempt" in line]
    assert f"{sys.executable} -c data = b'x'"[:40] in kill and f"(process {hog.pid}, " in kill
    assert kill.count("GB in use; most is used by ") == 1
    assert grid.artifacts() == undisturbed.artifacts()
    assert "of 2 cells done" in output
