"""The cluster of a run on a double of Ray: slots, refusals, a lost node, and the token of a local cluster."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from types import SimpleNamespace
from unittest import mock

import pytest
import yaml

from harness.cluster import cluster, ray_start
from harness.cluster.cluster import Cluster, ClusterLost
from harness.plan.load_preset import load_preset
from harness.plan.preset import PresetError
from harness.training.settings import GROWTH
from tests.helpers.paths import PRESETS


class AuthenticationError(Exception):
    """Named as Ray's is."""


def caused(inner):
    outer = ConnectionError("no")
    outer.__cause__ = inner
    return outer


@pytest.fixture
def ray(tmp_path, monkeypatch):
    """A double of Ray with 4 cores and one node; `inits` and `shutdowns` are the calls, `failure` what init raises."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(cluster, "CHECK_SECONDS", 0.001)
    monkeypatch.setattr(cluster, "require", lambda *arguments: None)  # the double is no package
    double = SimpleNamespace(inits=[], shutdowns=0, failure=None, alive=True)

    def init(**options):
        double.inits.append(options)
        if double.failure:
            raise double.failure

    def shutdown():
        double.shutdowns += 1

    double.init, double.shutdown = init, shutdown
    double.exceptions = SimpleNamespace(AuthenticationError=AuthenticationError)
    double.cluster_resources = lambda: {"CPU": 4.0}
    double.get_runtime_context = lambda: SimpleNamespace(get_node_id=lambda: "here")
    double.nodes = lambda: [{"NodeID": "other", "Alive": True}, {"NodeID": "here", "Alive": double.alive}]
    monkeypatch.setitem(sys.modules, "ray", double)
    with mock.patch.dict(os.environ):
        yield double


def preset(*overrides):
    return load_preset("paper-zero-shot", PRESETS, ["resources.gpus_per_cell=0", *overrides])


def test_a_local_cluster_is_a_new_one(ray):
    with Cluster(preset(), None, offline=True, say=print) as slots:
        assert slots == 4 and os.environ["HF_HUB_OFFLINE"] == "1"
    assert ray.inits[0]["address"] == "local" and ray.inits[0]["include_dashboard"] is False and ray.shutdowns == 1


def test_cells_to_come_are_counted_where_the_cluster_grows(ray, tmp_path):
    """The double has 4 cores and no GPU; two workers, each with 6 cores and a GPU, may come."""
    kinds = {"head": {"resources": {"CPU": 0}}, "gpu": {"resources": {"CPU": 6, "GPU": 1}, "max_workers": 2}}
    launched = {"max_workers": 2, "head_node_type": "head", "available_node_types": kinds}
    (tmp_path / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump(launched))
    with Cluster(preset("resources.gpus_per_cell=0.5"), "head:6379", offline=False, say=print) as slots:
        assert slots == 4, "2 GPUs by half a GPU each; the 12 cores would be enough for 12"
    assert ray.inits[0]["address"] == "head:6379" and ray.inits[0]["runtime_env"] == {
        "env_vars": {GROWTH: "2", "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2"}
    }
    with Cluster(preset(), None, offline=False, say=print) as slots:
        assert slots == 4 and "runtime_env" not in ray.inits[1], "a local cluster does not grow"


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (ConnectionError("no"), "no Ray cluster answers there; start one with `ray up`"),
        (AuthenticationError("no"), "that cluster refuses access; set RAY_AUTH_MODE=token"),
        (caused(AuthenticationError("no")), "that cluster refuses access; set RAY_AUTH_MODE=token"),
        (caused(RuntimeError("Authentication failed")), "that cluster refuses access; set RAY_AUTH_MODE=token"),
    ],
)
def test_a_cluster_that_does_not_serve_is_refused_in_one_line(ray, failure, message):
    ray.failure = failure
    with pytest.raises(PresetError) as refused, Cluster(preset(), "head:6379", offline=False, say=print):
        pass
    assert str(refused.value).startswith(f"--address head:6379: {message}") and "\n" not in str(refused.value)


def test_a_lost_node_interrupts_the_run(ray):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker of pytest-xdist may ignore it
    try:
        with (
            pytest.raises(ClusterLost, match="the same command goes on"),
            Cluster(preset(), None, offline=False, say=print),
        ):
            ray.alive = False
            time.sleep(10)  # as a call of Ray would, forever
            pytest.fail("was not interrupted")
    finally:
        signal.signal(signal.SIGINT, before)
    assert ray.shutdowns == 1


def test_only_the_owner_can_read_the_token_of_a_local_grid(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    ray_start.secure_token(create=False)
    assert not (tmp_path / ".ray").exists(), "a made-up token does not open somebody else's cluster"
    ray_start.secure_token(create=True)
    token = tmp_path / ".ray" / "auth_token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600 and len(token.read_text()) == 64
    token.chmod(0o644)
    before = token.read_text()
    ray_start.secure_token(create=True)
    assert stat.S_IMODE(token.stat().st_mode) == 0o600 and token.read_text() == before
