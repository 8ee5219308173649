"""What two_hosts.py found: both hosts worked, one training ran on both, nothing is left, and the scores are those of one process."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.helpers import hosts, two_hosts

LACKING = hosts.lacking()
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(LACKING), reason=f"no two separate hosts here: {LACKING}"),
]


@pytest.fixture(scope="module")
def found():
    folder = Path(tempfile.mkdtemp(prefix="2h-"))  # short: Ray's and ssh's sockets lie below it
    try:
        yield two_hosts.two_hosts(folder)
    finally:
        shutil.rmtree(folder)


def test_the_grid_is_complete_and_ran_on_both(found):
    assert "2 of 2 cells done" in found["printed"], found["printed"]
    for host in ("head", "worker"):
        assert any(name.startswith("ray::RayTrainWorker") for name in found["ran"][host]), found["ran"]


def test_scores_do_not_depend_on_it(found):
    assert found["scores"].keys() == found["alone"].keys() == {"zero-shot", "fine-tuned"}
    for stage, alone in found["alone"].items():
        assert found["scores"][stage] == pytest.approx(alone, abs=1e-6)
    assert found["scores"]["fine-tuned"] != found["scores"]["zero-shot"]


def test_down_leaves_no_process_and_no_shared_memory(found):
    assert found["left"] == {"head": [], "worker": []}
    assert found["shm"] == {"head": [], "worker": []}


def test_nobody_else_gets_in(found):
    assert found["token_modes"] == ["0o600", "0o600"]
    assert found["dashboard"] == "refused"
