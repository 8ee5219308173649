"""cluster.local.yaml on two separate hosts: `ray up`, a grid over both, `ray down`, and what is left.

As a script it prints every step: python -m tests.helpers.two_hosts
The file is changed in the placeholders, /shared, cores and memory of a host, and how often a worker looks for its head
node (every second instead of every ten). Hosts without a network cannot reach a package index, so they use the
installed packages of this Python, with the checkout that Ray copied to them. Three workers train on two hosts of two
cores, so that each host has at least one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from pathlib import Path

import yaml

from tests.helpers.cluster_files import LOCAL, filled
from tests.helpers.hosts import SEARCH_PATH, Host, Hosts, obstacle
from tests.helpers.own_data_made import made_own_data
from tests.helpers.paths import ROOT

RAY = Path(sys.executable).with_name("ray")
CHOICES = {"languages": ["ru"], "initializers": ["sembridge"]}
SET = ("training.epochs=2", "training.batch_size=6", "training.max_length=16", "training.learning_rate=0.003")
WORKERS = 3
INSTALL = """
printf '%s\\n' ~/sembridge-bench {site} > ~/sembridge-venv/lib/{python}/site-packages/installed.pth &&
printf '#!%s\\nimport sys\\nfrom ray.scripts.scripts import main\\nsys.exit(main())\\n' \\
    ~/sembridge-venv/bin/python > ~/sembridge-venv/bin/ray &&
chmod +x ~/sembridge-venv/bin/ray
"""


def cluster_file(head: Host, worker: Host, checkout: Path, shared: Path) -> dict:
    """Return cluster.local.yaml for these two hosts."""
    values = {"HEAD_IP": head.address, "SSH_USER": "root", "KEY": "key", "FOLDER_OF_THIS_CHECKOUT": str(checkout)}
    config = filled(LOCAL, shared=str(shared), **values)
    config["provider"]["worker_ips"] = [worker.address]
    setup = config["setup_commands"]
    index = next(number for number, command in enumerate(setup) if "pip install" in command)
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    setup[index] = INSTALL.format(site=sysconfig.get_path("purelib"), python=python).strip()
    venv = setup.index("python3 -m venv ~/sembridge-venv")
    setup[venv] = f"{sys._base_executable} -m venv --without-pip ~/sembridge-venv"  # this Python, whatever python3 is
    starts = config["worker_start_ray_commands"]
    for commands in (config["head_start_ray_commands"], starts):
        commands[-1] += " --num-cpus=2 --object-store-memory=100000000"
    watch = next(number for number, command in enumerate(starts) if "sleep 10" in command)
    starts[watch] = starts[watch].replace("sleep 10", "sleep 1")
    return config


def scores(data: Path, store: Path, workers: int, compute: bool = False) -> dict[str, dict[str, float]]:
    """Return the scores in a store by regime of the cell, computed now in this process if `compute`."""
    from harness.plan.load_preset import load_preset
    from harness.plan.plan import missing, plan
    from harness.results import measurement
    from harness.store.store import Store

    settings = [f"data={data}", f"training.workers={workers}", *SET]
    cells = plan(load_preset("own-data", ROOT / "experiments" / "presets", settings, CHOICES))
    artifacts = Store(store)
    if compute:
        artifacts.create()
        for artifact in missing(cells, artifacts):
            artifacts.make(artifact)
    return {cell.identity.regime: measurement.load(artifacts.path(cell.artifact))["scores"] for cell in cells}


class Watch(threading.Thread):
    """Record what Ray runs on each host, twice a second."""

    def __init__(self, hosts: list[Host]) -> None:
        super().__init__(daemon=True)
        self.hosts, self.ended = hosts, threading.Event()
        self.seen: dict[str, set[str]] = {host.name: set() for host in hosts}

    def run(self) -> None:
        while not self.ended.wait(0.5):
            for host in self.hosts:
                names = {line.split(" ")[0].split("(")[0] for line in host.processes() if line.startswith("ray::")}
                self.seen[host.name] |= {name for name in names if not name.startswith("ray::IDLE")}


def print_step(what: str, since: float) -> None:
    print(f"{time.monotonic() - since:6.1f} s  {what}", flush=True)


def two_hosts(folder: Path) -> dict:
    """Run everything below the folder; return what was observed."""
    since = time.monotonic()
    shared, checkout = folder / "shared", folder / "checkout"
    made_own_data(shared / "data")
    excluded = [option for name in (".venv", "/store", "/results") for option in ("--exclude", name)]
    subprocess.run(["rsync", "-a", *excluded, f"{ROOT}/", f"{checkout}/"], check=True)
    choices = " ".join(f"--{name} {' '.join(values)}" for name, values in CHOICES.items())
    sets = " ".join(f"--set {setting}" for setting in (f"data={shared}/data", f"training.workers={WORKERS}", *SET))
    grid = f"--preset own-data {choices} {sets} --store {shared}/store --results {shared}/results"
    observed: dict = {}
    with Hosts(folder, ["launch", "head", "worker"]) as hosts:
        launch, head, worker = hosts.all
        (launch.home / ".ssh").mkdir()
        shutil.copy(hosts.key, launch.home / ".ssh" / "key")
        file = launch.home / "cluster.local.yaml"
        file.write_text(yaml.safe_dump(cluster_file(head, worker, checkout, shared), width=1000))
        print_step(f"three hosts: {', '.join(f'{host.name} {host.address}' for host in hosts.all)}", since)

        def ray(command: str, timeout: float, check: bool = True) -> str:
            process = launch.run(f"{RAY} {command}", timeout, RAY_USAGE_STATS_ENABLED="0")
            if check and process.returncode:
                raise RuntimeError(f"ray {command}\n{process.stdout[-6000:]}")
            return process.stdout

        ray("get-auth-token --generate", 30)
        print_step("ray up", since)
        ray(f"up -y --no-config-cache {file}", 120)
        status = ""
        deadline = time.monotonic() + 60
        while "4.0 CPU" not in status and time.monotonic() < deadline:
            status = ray(f"exec {file} 'ray status'", 30, check=False)
            time.sleep(0.5)
        observed["status"] = status
        cores = next((line.strip() for line in status.splitlines() if "CPU" in line), "no")
        print_step(f"both hosts are in the cluster: {cores}", since)
        tokens = [host.home / ".ray" / "auth_token" for host in (head, worker)]
        observed["token_modes"] = [oct(os.stat(token).st_mode & 0o777) for token in tokens]
        refused = launch.run(f"curl -s -o /dev/null -m 5 http://{head.address}:8265/ || echo refused", 20)
        observed["dashboard"] = refused.stdout.strip()
        watch = Watch([head, worker])
        watch.start()
        print_step("the grid", since)
        command = f"cd ~/sembridge-bench && python experiments/run_grid.py --address auto {grid}"
        printed = ray(f"exec {file} '{command}'", 240, check=False)
        watch.ended.set()
        watch.join()
        print_step(printed.split("\n\n")[0], since)
        observed["printed"], observed["ran"] = printed, {name: sorted(seen) for name, seen in watch.seen.items()}
        for name, seen in observed["ran"].items():
            print_step(f"on {name}: {', '.join(seen)}", since)
        print_step("ray down", since)
        ray(f"down -y {file}", 60)
        deadline = time.monotonic() + 60  # Ray on the worker ends some time after it has lost its head node
        while time.monotonic() < deadline and (head.processes() or worker.processes()):
            time.sleep(0.2)
        observed["left"] = {host.name: host.processes() for host in (head, worker)}
        observed["shm"] = {host.name: host.run("ls /dev/shm", 10).stdout.split() for host in (head, worker)}
        print_step(f"left: {observed['left']}", since)
    observed["scores"] = scores(shared / "data", shared / "store", WORKERS)
    observed["alone"] = scores(shared / "data", folder / "alone", 1, compute=True)
    ndcg = [round(values["ndcg@10"], 4) for values in observed["scores"].values()]
    print_step(f"nDCG@10 {ndcg}, as in one process", since)
    observed["seconds"] = time.monotonic() - since
    return observed


if __name__ == "__main__":
    if reason := obstacle():
        sys.exit(f"skipped: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="2h-"))
    os.environ["PATH"] = SEARCH_PATH
    result = two_hosts(folder)
    print(result["printed"])
    print(json.dumps({name: value for name, value in result.items() if name != "printed"}, indent=1))
    if "--keep" not in sys.argv:
        shutil.rmtree(folder)
