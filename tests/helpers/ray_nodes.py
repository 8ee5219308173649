"""A Ray cluster of several nodes on this host, in a folder of its own, so that no other process here connects to it."""

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

# Titles that Ray gives to processes computing a task, a Tune trial, or as a member of a training group.
WORKING = ("ray::make_artifact", "ray::RayTrainWorker")


class RayNodes:
    """A head node of `head` cores and one more node per item of `others`; sets variables of this process's environment.

    address  for the command's --address
    nodes    all but the head node, in the order they came
    """

    def __init__(self, head: int, others: Sequence[int]) -> None:
        self._folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: the names of sockets are limited
        # At Ray's niceness of 15 a busy host starves the workers.
        os.environ |= {"RAY_TMPDIR": self._folder, "RAY_worker_niceness": "0"}
        from ray.cluster_utils import Cluster

        os.environ |= {"MALLOC_ARENA_MAX": "1", "RAY_USAGE_STATS_ENABLED": "0", "HF_HUB_OFFLINE": "1"}
        os.environ["RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"] = "0.2"
        self._memory = {"object_store_memory": 100 * 2**20}
        head_args = self._memory | {"num_cpus": head, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=head_args)
        self.address: str = self._cluster.address
        self.nodes: list[Any] = []
        for cores in others:
            self.add(cores)

    def add(self, cores: int) -> Any:
        self.nodes.append(self._cluster.add_node(num_cpus=cores, **self._memory))
        return self.nodes[-1]

    def kill(self, node: Any) -> None:
        """Kill its raylet with -9, which also ends its workers."""
        self.nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def drain(self, node: Any, seconds: int) -> None:
        """Announce to the cluster that the node goes in so many seconds; the caller has to end it."""
        reason = ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "a test"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "drain-node", "--address", self.address, *reason]
        command += ["--node-id", node.node_id, "--deadline-remaining-seconds", str(seconds)]
        subprocess.run(command, check=True, capture_output=True)

    def workers(self, nodes: Iterable[Any] | None = None) -> list[psutil.Process]:
        """Return the processes that compute a piece of the grid now, on these nodes or on all."""
        processes = []
        for node in self._cluster.list_all_nodes() if nodes is None else nodes:
            for raylet in node.all_processes.get("raylet", ()):
                with suppress(psutil.Error):
                    for child in psutil.Process(raylet.process.pid).children(recursive=True):
                        with suppress(psutil.Error, IndexError):
                            if child.cmdline()[0].startswith(WORKING):
                                processes.append(child)
        return processes

    def close(self) -> None:
        self._cluster.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)


def work_probe(node_id: str) -> Any:
    """Return an actor on a node of this process's cluster: `accepts_work()` says whether it would start a task."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    class Probe:  # in here, so that it is pickled by value: workers cannot import modules of the tests
        def accepts_work(self) -> bool:
            from harness.cluster.draining import NodeLeaves, stay_off_draining_node

            try:
                stay_off_draining_node()
            except NodeLeaves:
                return False
            return True

    affinity = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(num_cpus=1, scheduling_strategy=affinity)(Probe).remote()
