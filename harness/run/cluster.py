"""The Ray cluster a grid runs on: started, sized, shut down."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from pathlib import Path
from typing import Any

from harness.plan.preset import Preset, PresetError

WAITING = 0.1  # of a core, for a trial that waits for its worker group
GROWTH = "SEMBRIDGE_GPUS"  # in the environment of a growing cluster's processes: the GPUs it may grow to
LAUNCHED = Path("ray_bootstrap_config.yaml")  # in the home folder of a head node that `ray up` launched
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
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # keep Ray from hiding devices from zero-GPU actors with a warning
        os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")  # a finished worker group is noticed in .2 s instead of 2
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report to its makers
        # Tune runs every trial in a thread of its own, and glibc gives every thread memory of its own that it does not hand back.
        os.environ.setdefault("MALLOC_ARENA_MAX", "1")
        # Activations come and go by megabytes: handed back and asked for anew each time, they cost a tenth of an evaluation in page faults.
        os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(64 * 2**20))
        os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(256 * 2**20))
        if self._offline:
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # with verbose=0 the older output says nothing; the newer one still prints boxes
        os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # our records are the only log
        import ray

        _private_token(create=self._address is None)
        own = {"address": "local", "include_dashboard": False, "object_store_memory": 200 * 2**20}  # "local": not one that happens to run here
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
            raise PresetError(f"--address {self._address}: no Ray cluster answers there; start one with `ray up` (docs/cluster.md)") from None
        self._watch.start()
        present = ray.cluster_resources()
        return slots_of(self._preset, {name: max(present.get(name, 0), growth.get(name, 0)) for name in present.keys() | growth.keys()})

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


def declared_resources(config: Path) -> dict[str, float]:
    """What the cluster file that `ray up` left on the head node lets the workers grow to; {} where there is none or it does not say."""
    import yaml

    if not config.is_file():
        return {}
    declared = yaml.safe_load(config.read_text(encoding="utf-8"))
    limit = declared.get("max_workers", 0)
    kinds = [kind for name, kind in declared.get("available_node_types", {}).items() if name != declared.get("head_node_type")]
    workers = [kind.get("resources", {}) for kind in kinds for _ in range(min(limit, kind.get("max_workers", limit)))]
    names = {name for worker in workers for name in worker}
    return {name: sum(sorted((worker.get(name, 0) for worker in workers), reverse=True)[:limit]) for name in names}


def slots_of(preset: Preset, resources: dict[str, float]) -> int:
    """How many cells fit at the same time; PresetError if not even one does (Ray would wait for ever)."""
    needed = cell_resources(preset)
    if preset.training.workers > 1 and "fine-tuned" in preset.stages:
        needed = {"CPU": max(1.0, needed["CPU"]) * preset.training.workers + WAITING, "GPU": needed["GPU"] * preset.training.workers}
    fits = {name: resources.get(name, 0) / amount for name, amount in needed.items() if amount > 0}
    if min(fits.values()) < 1:
        have = ", ".join(f"{resources.get(name, 0):g} {name}" for name in fits)
        want = ", ".join(f"{needed[name]:g} {name}" for name in fits)
        raise PresetError(f"a cell needs {want}, and there are {have}; {_advice(preset, lacking={name for name, fit in fits.items() if fit < 1})}")
    return int(min(fits.values()))


def _advice(preset: Preset, lacking: set[str]) -> str:
    workers = " or training.workers" if preset.training.workers > 1 and "fine-tuned" in preset.stages else ""
    parts = []
    if "GPU" in lacking:
        parts.append(f"lower resources.gpus_per_cell{workers}: --set resources.gpus_per_cell=0 runs on the CPU, slowly")
    if "CPU" in lacking:
        parts.append(f"lower resources.cpus_per_cell{workers} with --set")
    return ", and ".join(parts)


def cell_resources(preset: Preset) -> dict[str, float]:
    return {"CPU": preset.resources.cpus_per_cell, "GPU": preset.resources.gpus_per_cell}
