"""Start, watch and shut down the Ray cluster that a grid runs on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

from harness.cluster.ray_start import RayFailed, ensure_home, join_cluster, start_cluster
from harness.cluster.resources import LAUNCH_CONFIG, declared_resources, slots_of
from harness.cluster.stopping import stopped
from harness.files.home import home
from harness.plan.preset import Preset, PresetError
from harness.training.settings import GROWTH
from sembridge.extras import require

CHECK_SECONDS = 2.0  # between two checks whether this machine is still a node of the cluster
UNANSWERED = 3  # questions in a row that Ray does not answer, until the node counts as lost
REPEAT_SECONDS = 5.0  # until what did not stop is interrupted again

ENVIRONMENT = {
    # Ray would hide devices from zero-GPU actors, with a warning.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # A finished worker group is noticed after 0.2 s instead of 2 s.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    # Ray would lower the priority of its workers by 15, and a run would starve beside other programs.
    "RAY_worker_niceness": "0",
    # Ray would end a process after a second without work, with all that it has imported.
    "RAY_idle_worker_killing_time_threshold_ms": "600000",
    # Ray would report usage to its makers.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Tune runs every trial in a thread of its own, and glibc gives every thread an arena that it does not return.
    "MALLOC_ARENA_MAX": "1",
    # Activations come and go by megabytes. Returning and requesting that memory each time costs a tenth of an
    # evaluation in page faults.
    "MALLOC_MMAP_THRESHOLD_": str(64 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
    # With verbose=0 the older output is silent; the newer one still prints boxes.
    "RAY_AIR_NEW_OUTPUT": "0",
    # Our records are the only log.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
}


class ClusterLost(RuntimeError):
    """The node that the grid was run from is no longer part of a Ray cluster."""


class Cluster:
    """A Ray cluster for the time of a run: the one at `address`, or a local one that listens on loopback only.

    Entering it returns the number of cells that fit at the same time. On a cluster that grows by itself, this counts
    what it can grow to, because waiting cells make it grow. If this machine's node is lost meanwhile, the code inside
    is interrupted, and leaving raises ClusterLost.

    offline  no input of the grid comes from a hub: keep libraries from contacting one
    say      shows one line
    """

    def __init__(self, preset: Preset, address: str | None, *, offline: bool, say: Callable[[str], None]) -> None:
        self._preset, self._address, self._offline, self._say = preset, address, offline, say
        self._watch = _Watch()

    def __enter__(self) -> int:
        for name, value in (ENVIRONMENT | ({"HF_HUB_OFFLINE": "1"} if self._offline else {})).items():
            os.environ.setdefault(name, value)
        require("grid", "a grid")
        ensure_home(self._say)
        return self._start()

    def __exit__(self, *exception: object) -> None:
        self._stop()
        if self._watch.lost:
            raise ClusterLost(
                "the Ray node of this machine ended while the grid was computed; what is finished is in the store, "
                "and the same command goes on"
            ) from None

    def restart(self) -> int:
        """End all that runs for this grid, and begin anew, as entering does.

        Raises ClusterLost if the node is lost, RayFailed if Ray does not come back.
        """
        self.__exit__()
        try:
            return self._start()
        except PresetError as error:
            raise RayFailed(f"{error}; what is finished is in the store, and the same command goes on") from None

    def _start(self) -> int:
        import ray

        if self._address:
            folder = home()
            growth = declared_resources(folder / LAUNCH_CONFIG) if folder else {}
            variables = {name: value for name, value in os.environ.items() if name.startswith("RAY_TRAIN_")}
            if growth:
                variables[GROWTH] = str(growth.get("GPU", 0))
            join_cluster(self._address, {"runtime_env": {"env_vars": variables}})
        else:
            growth = {}
            start_cluster(self._say)
        self._watch = _Watch()
        try:
            self._watch.start()
            present = ray.cluster_resources()
            names = present.keys() | growth.keys()
            return slots_of(self._preset, {name: max(present.get(name, 0), growth.get(name, 0)) for name in names})
        except BaseException:
            self._stop()
            raise

    def _stop(self) -> None:
        import ray

        self._watch.over.set()
        if self._watch.is_alive():
            self._watch.join(CHECK_SECONDS)  # it must not ask Ray while that ends; without a head node it may hang
        ray.shutdown()


class _Watch(threading.Thread):
    """Interrupt the main thread once this machine's node is lost: Ray would then wait forever for work to end.

    lost  whether the node is lost
    over  to be set before Ray is shut down
    """

    def __init__(self) -> None:
        super().__init__(name="sembridge-cluster", daemon=True)
        self.lost, self.over = False, threading.Event()

    def run(self) -> None:
        import ray

        node_id, gone, unanswered = ray.get_runtime_context().get_node_id(), False, 0
        while not self.over.wait(REPEAT_SECONDS if gone else CHECK_SECONDS):
            try:
                alive, unanswered = any(node["NodeID"] == node_id and node["Alive"] for node in ray.nodes()), 0
            except Exception:  # a busy head node may miss one question
                unanswered += 1
                alive = unanswered < UNANSWERED
            if self.over.is_set():
                return
            gone = gone or not alive
            if gone:
                self.lost = self.lost or not stopped()  # a signal to all processes ends the node, too
                # a command in the background of a script ignores SIGINT
                ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
                number = signal.SIGTERM if ignored else signal.SIGINT
                signal.pthread_kill(threading.main_thread().ident or 0, number)
