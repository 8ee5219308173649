"""A cluster started by cluster.yaml's own command: access, the dashboard's address, and growth from zero workers."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request

import pytest

from tests.helpers.cluster_files import ROOT
from tests.helpers.own_cluster import TOKEN, own_cluster, processes_of, write_token

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
JOB = b'{"entrypoint": "true"}'
# The grid's own way to connect, and two tasks of a cell's size; resources before and after the cluster has grown.
GRID = f"""
import json, os, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from harness.plan.load_preset import load_preset
from harness.plan.preset import PresetError
from harness.cluster.cluster import Cluster
from harness.training.settings import GROWTH
preset = load_preset("paper-zero-shot", Path({str(ROOT / "experiments" / "presets")!r}), ["resources.gpus_per_cell=1"])
try:
    with Cluster(preset, os.environ["ADDRESS"], offline=True, say=print) as slots:
        import ray
        before = ray.cluster_resources()
        @ray.remote(num_cpus=1, num_gpus=1)
        def cell():
            return ray.get_runtime_context().get_node_id(), os.environ[GROWTH]
        tasks = ray.get([cell.remote() for _ in range(2)], timeout=100)
        print(json.dumps([slots, before, tasks, ray.get_runtime_context().get_node_id()]))
except PresetError as error:
    print(json.dumps(str(error)))
"""


@pytest.fixture(scope="module")
def cluster():
    with own_cluster(workers=2, resources={"CPU": 1, "GPU": 1}) as started:
        yield started
    assert processes_of(started.home) == []


def status_of(cluster, path, token, data=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers["Content-Type"] = "application/json"
    request = urllib.request.Request(f"http://127.0.0.1:{cluster.dashboard}{path}", data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("f" * 64, 403)], ids=["no token", "a wrong token"])
def test_a_job_is_refused(cluster, token, status):
    assert status_of(cluster, "/api/jobs/", token) == status
    assert status_of(cluster, "/api/jobs/", token, data=JOB) == status
    assert status_of(cluster, "/api/jobs/", TOKEN) == 200, "the same request by the owner"


def test_the_dashboard_answers_on_loopback_only(cluster):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; yields this machine's address in its network
        own = probe.getsockname()[0]
    if own.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    with pytest.raises(OSError, match="refused"), socket.create_connection((own, cluster.dashboard), timeout=5):
        pass
    with socket.create_connection(("127.0.0.1", cluster.dashboard), timeout=5):
        pass


@pytest.mark.parametrize("token", [None, "f" * 64], ids=["no token", "a wrong token"])
def test_a_driver_is_refused(cluster, tmp_path, token):
    mode = {}
    if token:
        write_token(tmp_path, token)
        mode = {"RAY_AUTH_MODE": "token"}
    process = cluster.python(GRID, tmp_path, RAY_NUM_REDIS_GET_RETRIES="1", **mode)
    message = "that cluster refuses access; set RAY_AUTH_MODE=token and put its token into"
    assert message in process.stdout, process.stderr


def test_a_grid_makes_the_cluster_grow_from_nothing(cluster):
    """The grid starts without a GPU; the two declared ones count as slots, and waiting work brings them."""
    process = cluster.python(GRID, RAY_AUTH_MODE="token")
    assert process.returncode == 0, process.stderr
    slots, before, tasks, head = json.loads(process.stdout.splitlines()[-1])
    assert slots == 2
    assert before.get("GPU", 0) == 0 and before.get("CPU", 0) == 0, before
    assert {gpus for _, gpus in tasks} == {"2"} and head not in {node for node, _ in tasks}
