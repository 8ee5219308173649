"""A Ray head node on this machine as cluster.yaml starts it, with an autoscaler whose machines are processes.

It has free ports, a home folder and a process group of its own, so that other Ray clusters do not notice it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.helpers.cluster_files import CLOUD, filled

TOKEN = "0123456789abcdef" * 4
# Named by its module: the wheel lacks a file that its own name would need.
FAKE = "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider"
RAY = Path(sys.executable).with_name("ray")


@dataclass(frozen=True)
class OwnCluster:
    home: Path
    address: str
    dashboard: int

    def python(self, code: str, home: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run code with ADDRESS set, as a user with this home folder (by default the cluster's own)."""
        env = clean_environment(home or self.home) | {"ADDRESS": self.address} | environment
        return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)


def clean_environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "HF_", "PYTEST"))}
    return inherited | {"HOME": str(home), "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}


def processes_of(folder: Path) -> list[int]:
    """Return the processes whose command line contains the folder."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                pids.append(int(entry.name))
        except OSError:
            continue
    return pids


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def write_token(home: Path, token: str) -> None:
    (home / ".ray").mkdir(parents=True, exist_ok=True)
    (home / ".ray" / "auth_token").write_text(token)
    (home / ".ray" / "auth_token").chmod(0o600)


@contextmanager
def own_cluster(workers: int, resources: dict[str, float]) -> Iterator[OwnCluster]:
    """Start a cluster without workers that may grow to `workers` nodes of these resources."""
    home = Path(tempfile.mkdtemp(prefix="own-ray-"))  # short: Ray's sockets lie below it
    port, dashboard, client, agent, metrics, runtime = _free_ports(6)
    write_token(home, TOKEN)
    config = filled(CLOUD)
    gpu = {"resources": dict(resources), "node_config": {}, "min_workers": 0, "max_workers": workers}
    head_resources = config["available_node_types"]["head"]["resources"]
    head_type, head_id = "ray.head.default", "f" * 51 + "00000"
    address = f"127.0.0.1:{port}"
    provider = {"type": "external", "module": FAKE, "disable_node_updaters": True, "launch_multiple": True}
    commands = ("initialization", "setup", "head_setup", "worker_setup", "head_start_ray", "worker_start_ray")
    bootstrap = {
        "cluster_name": "own",
        "max_workers": workers,
        "idle_timeout_minutes": 5,
        "upscaling_speed": 1.0,
        "head_node_type": head_type,
        "provider": provider | {"gcs_address": address, "head_node_id": head_id},
        "available_node_types": {
            head_type: {"resources": head_resources, "node_config": {}, "max_workers": 0},
            "gpu": gpu,
        },
        "file_mounts_sync_continuously": False,
        **{name: {} for name in ("auth", "docker", "file_mounts")},
        **{name: [] for name in ("cluster_synced_files", "rsync_exclude", "rsync_filter")},
        **{f"{name}_commands": [] for name in commands},
    }
    (home / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump(bootstrap))
    start = next(command for command in config["head_start_ray_commands"] if "--head" in command)
    start = start.replace("~/sembridge-venv/bin/ray", f"exec {RAY}").replace("--port=6379", f"--port={port}")
    start += f" --block --temp-dir={home}/r --dashboard-port={dashboard} --ray-client-server-port={client}"
    start += f" --dashboard-agent-listen-port={agent} --metrics-export-port={metrics}"
    start += f" --runtime-env-agent-port={runtime} --object-store-memory=80000000"
    fake = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1", "RAY_enable_autoscaler_v2": "1"}
    ids = {"RAY_CLOUD_INSTANCE_ID": head_id, "RAY_OVERRIDE_NODE_ID_FOR_TESTING": head_id}
    environment = clean_environment(home) | fake | ids | {"RAY_TMPDIR": f"{home}/r"}
    log = home / "start.log"
    with log.open("w") as out:
        command = ["bash", "-c", start]
        head = subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while "--block" not in log.read_text():
            if head.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text())
            time.sleep(0.2)
        yield OwnCluster(home, address, dashboard)
    finally:
        head.send_signal(signal.SIGTERM)
        try:
            head.wait(30)
        except subprocess.TimeoutExpired:
            head.kill()
        for pid in processes_of(home):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)
