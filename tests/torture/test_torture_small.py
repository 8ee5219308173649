"""Five faults over a small grid, the first of them a node lost in the middle of a training; `make torture` is the long form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from own_data_made import made_own_data

TORTURE = Path(__file__).parent / "torture.py"
SEED = 3  # the training is hit first


def test_the_table_is_the_undisturbed_one(tmp_path):
    pytest.importorskip("psutil")
    own_data = made_own_data(tmp_path / "own-data")
    command = [sys.executable, TORTURE, "--seed", str(SEED), "--faults", "5", "--data", own_data, "--folder", tmp_path / "torture"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout[done.stdout.index("{") :])
    assert report["complaints"] == [] and report["trainings gone on with"] == 1
    assert report["faults"].keys() >= {"kill_training", "kill_driver", "flip", "delete_manifest"}
