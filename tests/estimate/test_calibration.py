"""The calibration runs real pieces, leaves the process as it was, and serves `doctor` and the dry run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from harness.cli.main import main
from harness.estimate import calibration


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(calibration, "_DOCUMENTS", 64)
    monkeypatch.setattr(calibration, "_QUERIES", 4)
    monkeypatch.setattr(calibration, "_ENCODING", 0.01)
    monkeypatch.setattr(calibration, "_TRAINING", 0.01)


@pytest.mark.slow
def test_doctor_calibrates_and_keeps_the_rates(command, own_data, tmp_path: Path, small, capsys):
    asked = ["doctor", "own-data", "--set", f"data={own_data}", "--languages", "ru", "--store", str(tmp_path / "store")]
    random, threads = torch.get_rng_state(), torch.get_num_threads()
    assert main([*asked, "--calibrate"]) == 0
    assert torch.equal(torch.get_rng_state(), random) and torch.get_num_threads() == threads
    report = capsys.readouterr().out
    assert "an encoding by a random model (1 layers of 32, 120 tokens)" in report and "hours on this machine" in report
    rates = json.loads((tmp_path / "store" / "calibration.json").read_text(encoding="utf-8"))
    assert (
        all(rates[name] > 0 for name in ("encode", "train", "mix", "pairs", "words"))
        and rates["multiply"]["float32"] > 1e6
    )
    assert 0 < rates["encode"] < 1.5 and rates["device"].startswith(("CPU", "NVIDIA"))

    rates |= {
        "multiply": {"float32": 1e6},
        "encode": 1.0,
        "auto": "float32",
    }  # a machine so slow that only the formulas count
    (tmp_path / "store" / "calibration.json").write_text(json.dumps(rates), encoding="utf-8")
    assert main(asked) == 0
    table = capsys.readouterr().out
    rows = {
        row.split()[0]: row.split() for row in table.splitlines() if row.startswith(("evaluation", "bm25", "total"))
    }
    assert rows["evaluation"][3] == "calibrated" and "MFLOP" in table
    _, out, _ = command("--languages", "ru", "--dry-run")
    (line,) = [line for line in out.splitlines() if " evaluation " in line]
    assert line.endswith("each, as calibrated") and "guess" not in line
