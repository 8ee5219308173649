"""A Ray cluster of several nodes on this host, in a folder of its own: no other process here takes it for the one to connect to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import psutil

# What computes a piece of a grid just now: a task, a Tune trial, a member of a training group. Ray sets these titles.
WORKING = ("ray::_make", "ray::ImplicitFunc", "ray::RayTrainWorker")


class RayNodes:
    """A head node of `head` cores and one more node for each of `others`. Sets variables of this process's environment, for all that it starts.

    address  for the command's --address
    nodes    all but the head node, in the order they came
    """

    def __init__(self, head: int, others: Sequence[int]) -> None:
        self._folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: the names of sockets are limited
        os.environ |= {
            "RAY_TMPDIR": self._folder,
            "RAY_worker_niceness": "0",
        }  # at Ray's niceness of 15 a busy host starves the workers
        from ray.cluster_utils import Cluster

        os.environ |= {
            "MALLOC_ARENA_MAX": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
            "HF_HUB_OFFLINE": "1",
        }
        self._memory = {"object_store_memory": 100 * 2**20}
        self._cluster = Cluster(
            initialize_head=True, head_node_args=self._memory | {"num_cpus": head, "include_dashboard": False}
        )
        self.address: str = self._cluster.address
        self.nodes: list[Any] = []
        for cores in others:
            self.add(cores)

    def add(self, cores: int) -> Any:
        self.nodes.append(self._cluster.add_node(num_cpus=cores, **self._memory))
        return self.nodes[-1]

    def kill(self, node: Any) -> None:
        """kill -9 of its raylet, which takes its workers with it."""
        self.nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def drain(self, node: Any, seconds: int) -> None:
        """Tell the cluster that the node will be taken away in so many seconds; to take it away is up to the caller."""
        subprocess.run(
            [sys.executable, "-m", "ray.scripts.scripts", "drain-node", "--address", self.address, "--node-id", node.node_id, "--reason",
             "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "a test", "--deadline-remaining-seconds", str(seconds)],
            check=True, capture_output=True,
        )  # fmt: skip

    def workers(self, nodes: Iterable[Any] | None = None) -> list[psutil.Process]:
        """Processes that compute a piece of the grid just now, on these nodes or on all."""
        found = []
        for node in self._cluster.list_all_nodes() if nodes is None else nodes:
            for raylet in node.all_processes.get("raylet", ()):
                with suppress(psutil.Error):
                    for child in psutil.Process(raylet.process.pid).children(recursive=True):
                        with suppress(psutil.Error, IndexError):
                            if child.cmdline()[0].startswith(WORKING):
                                found.append(child)
        return found

    def close(self) -> None:
        self._cluster.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)


def work_probe(node_id: str) -> Any:
    """An actor on a node of the cluster that this process is connected to: `begins()` is whether a process there would begin another piece."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    class Asked:  # in here, so that it is sent as it is: workers find no module of the tests
        def begins(self) -> bool:
            from harness.run.cluster import NodeLeaves, stay_off_draining_node

            try:
                stay_off_draining_node()
            except NodeLeaves:
                return False
            return True

    return ray.remote(num_cpus=1, scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False))(
        Asked
    ).remote()
