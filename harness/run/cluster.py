"""Start, watch and shut down the Ray cluster that a grid runs on."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from pathlib import Path
from typing import Any

from harness.plan.preset import Preset, PresetError
from harness.run.resources import LAUNCH_CONFIG, declared_resources, slots_of
from harness.training.settings import GROWTH
from sembridge.extras import require

CHECK_SECONDS = 2.0  # between two checks whether this machine is still a node of the cluster
REPEAT_SECONDS = 5.0  # until what did not stop is interrupted again

_ENVIRONMENT = {
    # Ray would hide devices from zero-GPU actors, with a warning.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # A finished worker group is noticed after 0.2 s instead of 2 s.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
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
    """

    def __init__(self, preset: Preset, address: str | None, *, offline: bool) -> None:
        self._preset, self._address, self._offline = preset, address, offline
        self._watch = _Watch()

    def __enter__(self) -> int:
        for name, value in (_ENVIRONMENT | ({"HF_HUB_OFFLINE": "1"} if self._offline else {})).items():
            os.environ.setdefault(name, value)
        require("grid", "a grid")
        import ray

        _secure_token(create=self._address is None)
        # "local": a new cluster, not one that happens to run here
        local = {"address": "local", "include_dashboard": False, "object_store_memory": 200 * 2**20}
        options: dict[str, Any] = {"address": self._address} if self._address else local
        growth = declared_resources(Path.home() / LAUNCH_CONFIG) if self._address else {}
        if growth:
            options["runtime_env"] = {"env_vars": {GROWTH: str(growth.get("GPU", 0))}}
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=True, **options)
        except (ConnectionError, ray.exceptions.AuthenticationError) as error:
            if "Authentication" in f"{type(error).__name__} {type(error.__cause__).__name__} {error.__cause__}":
                raise PresetError(
                    f"--address {self._address}: that cluster refuses access; set RAY_AUTH_MODE=token and put its "
                    "token into ~/.ray/auth_token, or start the grid on its head node"
                ) from None
            raise PresetError(
                f"--address {self._address}: no Ray cluster answers there; start one with `ray up` "
                "(see the page 'cluster' of the documentation)"
            ) from None
        self._watch.start()
        present = ray.cluster_resources()
        names = present.keys() | growth.keys()
        return slots_of(self._preset, {name: max(present.get(name, 0), growth.get(name, 0)) for name in names})

    def __exit__(self, *exception: object) -> None:
        import ray

        self._watch.over.set()
        ray.shutdown()
        if self._watch.lost:
            raise ClusterLost(
                "the Ray node of this machine ended while the grid was computed; what is finished is in the store, "
                "and the same command goes on"
            ) from None


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

        node_id = ray.get_runtime_context().get_node_id()
        while not self.over.wait(REPEAT_SECONDS if self.lost else CHECK_SECONDS):
            self.lost = self.lost or not any(node["NodeID"] == node_id and node["Alive"] for node in ray.nodes())
            if self.lost and not self.over.is_set():
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


class NodeLeaves(RuntimeError):
    """This node will soon be taken away: new work belongs elsewhere."""


def stay_off_draining_node() -> None:
    """Raise NodeLeaves if this process's node was announced to be taken away. Long-lived workers call it per task."""
    import ray
    from ray._private.state import state  # ray.nodes() leaves draining out, and no public call has it

    if ray.get_runtime_context().get_node_id() in state.get_draining_nodes():
        raise NodeLeaves("its node will be taken away")


def _secure_token(create: bool) -> None:
    """Make the secret token of this user's clusters private; Ray would write it readable for everybody."""
    token = Path.home() / ".ray" / "auth_token"
    if token.is_file():
        token.chmod(0o600)
    elif create:
        token.parent.mkdir(exist_ok=True)
        with os.fdopen(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
