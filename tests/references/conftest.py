"""Where the code of a made repository leaves its trace."""

from __future__ import annotations

import pytest


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Where MILCO's code leaves its trace; what transformers copies of such code goes to a folder of the test."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("MILCO_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"
