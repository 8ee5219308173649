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
from harness.run.resources import LAUNCHED, declared_resources, slots_of
from harness.training.settings import GROWTH
from sembridge.extras import require

LOOK = 2.0  # seconds between two looks at whether this machine is still one of the cluster's nodes
INSIST = 5.0  # seconds after which what did not stop is told once more to stop


class ClusterLost(RuntimeError):
    """The node that the grid was run from is no longer part of a Ray cluster."""


class Cluster:
    """A Ray cluster for the time of a run: the one at `address`, or a local one that listens on loopback only. Entering it gives the number of cells
    that fit at the same time; on a cluster that grows by itself, once it has grown. Waiting cells are what makes it grow. If this machine's node is
    lost meanwhile, what runs inside is interrupted, and leaving raises ClusterLost.

    offline  nothing of the grid comes from a hub: keep libraries from asking one
    """

    def __init__(self, preset: Preset, address: str | None, *, offline: bool) -> None:
        self._preset, self._address, self._offline = preset, address, offline
        self._watch = _Watch()

    def __enter__(self) -> int:
        os.environ.setdefault(
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0"
        )  # keep Ray from hiding devices from zero-GPU actors with a warning
        os.environ.setdefault(
            "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2"
        )  # a finished worker group is noticed in .2 s instead of 2
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report to its makers
        # Tune runs every trial in a thread of its own, and glibc gives every thread memory of its own that it does not hand back.
        os.environ.setdefault("MALLOC_ARENA_MAX", "1")
        # Activations come and go by megabytes: handed back and asked for anew each time, they cost a tenth of an evaluation in page faults.
        os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(64 * 2**20))
        os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(256 * 2**20))
        if self._offline:
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault(
            "RAY_AIR_NEW_OUTPUT", "0"
        )  # with verbose=0 the older output says nothing; the newer one still prints boxes
        os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # our records are the only log
        require("grid", "a grid")
        import ray

        _private_token(create=self._address is None)
        own = {
            "address": "local",
            "include_dashboard": False,
            "object_store_memory": 200 * 2**20,
        }  # "local": not one that happens to run here
        options: dict[str, Any] = {"address": self._address} if self._address else own
        growth = declared_resources(Path.home() / LAUNCHED) if self._address else {}
        if growth:
            options["runtime_env"] = {"env_vars": {GROWTH: str(growth.get("GPU", 0))}}
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=True, **options)
        except (ConnectionError, ray.exceptions.AuthenticationError) as error:
            if "Authentication" in f"{type(error).__name__} {type(error.__cause__).__name__} {error.__cause__}":
                raise PresetError(
                    f"--address {self._address}: that cluster turns us away; set RAY_AUTH_MODE=token and put its token into ~/.ray/auth_token, or "
                    "start the grid on its head node"
                ) from None
            raise PresetError(
                f"--address {self._address}: no Ray cluster answers there; start one with `ray up` (see the page 'cluster' of the documentation)"
            ) from None
        self._watch.start()
        present = ray.cluster_resources()
        return slots_of(
            self._preset,
            {name: max(present.get(name, 0), growth.get(name, 0)) for name in present.keys() | growth.keys()},
        )

    def __exit__(self, *exception: object) -> None:
        import ray

        self._watch.over.set()
        ray.shutdown()
        if self._watch.lost:
            raise ClusterLost(
                "the Ray node of this machine ended while the grid was computed; what is finished is in the store, and the same command goes on"
            ) from None


class _Watch(threading.Thread):
    """Interrupts the main thread once this machine's node is lost. Ray gives work to no other node by way of it, and would wait for ever.

    lost  whether that has happened
    over  to be set before Ray is shut down
    """

    def __init__(self) -> None:
        super().__init__(name="sembridge-cluster", daemon=True)
        self.lost, self.over = False, threading.Event()

    def run(self) -> None:
        import ray

        own = ray.get_runtime_context().get_node_id()
        while not self.over.wait(INSIST if self.lost else LOOK):
            self.lost = self.lost or not any(node["NodeID"] == own and node["Alive"] for node in ray.nodes())
            if self.lost and not self.over.is_set():
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


class NodeLeaves(RuntimeError):
    """This node will soon be taken away: new work belongs elsewhere."""


def stay_off_draining_node() -> None:
    """In a process that takes one piece after the other: NodeLeaves if its node was announced to be taken away."""
    import ray
    from ray._private.state import state  # no public call says it: ray.nodes() leaves draining out

    if ray.get_runtime_context().get_node_id() in state.get_draining_nodes():
        raise NodeLeaves("its node will be taken away")


def _private_token(create: bool) -> None:
    """The secret of this user's clusters, readable for nobody else; Ray would write it readable for everybody."""
    token = Path.home() / ".ray" / "auth_token"
    if token.is_file():
        token.chmod(0o600)
    elif create:
        token.parent.mkdir(exist_ok=True)
        with os.fdopen(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
