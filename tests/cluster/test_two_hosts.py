"""What two_hosts.py observes: both hosts work, one training runs on both, nothing is left, scores as in one process."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.helpers import hosts, two_hosts

OBSTACLE = hosts.obstacle()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(OBSTACLE), reason=f"no two separate hosts here: {OBSTACLE}"),
]


@pytest.fixture(scope="module")
def observed():
    folder = Path(tempfile.mkdtemp(prefix="2h-"))  # short: Ray's and ssh's sockets lie below it
    try:
        yield two_hosts.two_hosts(folder)
    finally:
        shutil.rmtree(folder)


def test_the_grid_is_complete_and_ran_on_both(observed):
    assert "2 of 2 cells done" in observed["printed"], observed["printed"]
    for host in ("head", "worker"):
        assert any(name.startswith("ray::RayTrainWorker") for name in observed["ran"][host]), observed["ran"]


def test_scores_do_not_depend_on_it(observed):
    assert observed["scores"].keys() == observed["alone"].keys() == {"zero-shot", "fine-tuned"}
    for regime, alone in observed["alone"].items():
        assert observed["scores"][regime] == pytest.approx(alone, abs=1e-6)
    assert observed["scores"]["fine-tuned"] != observed["scores"]["zero-shot"]


def test_down_leaves_no_process_and_no_shared_memory(observed):
    assert observed["left"] == {"head": [], "worker": []}
    assert observed["shm"] == {"head": [], "worker": []}


def test_nobody_else_gets_in(observed):
    assert observed["token_modes"] == ["0o600", "0o600"]
    assert observed["dashboard"] == "refused"
