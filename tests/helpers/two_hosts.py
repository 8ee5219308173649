"""cluster.local.yaml on two hosts that are really separate: `ray up`, a grid over both, `ray down`, what is left.

Run as a script it prints every step: python -m tests.helpers.two_hosts
What it changes in the file: the placeholders, /shared, cores and memory of a host, how often a worker looks for its head node (every second, not
every ten), and of the installation what asks a package index, which hosts without a network cannot: they use the installed packages of this Python,
but the checkout that Ray copied to them. Three workers train on two hosts of two cores, so that each host has to have one.
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
from tests.helpers.hosts import SEARCHED, Host, Hosts, lacking
from tests.helpers.own_data_made import made_own_data
from tests.helpers.paths import ROOT

RAY = Path(sys.executable).with_name("ray")
CHOSEN = {"languages": ["ru"], "initializers": ["sembridge"]}
SET = ("training.epochs=2", "training.batch_size=6", "training.max_length=16", "training.learning_rate=0.003")
WORKERS = 3
INSTALLED = """
printf '%s\\n' ~/sembridge-bench {site} > ~/sembridge-venv/lib/{python}/site-packages/installed.pth &&
printf '#!%s\\nimport sys\\nfrom ray.scripts.scripts import main\\nsys.exit(main())\\n' ~/sembridge-venv/bin/python > ~/sembridge-venv/bin/ray &&
chmod +x ~/sembridge-venv/bin/ray
"""


def cluster_file(head: Host, worker: Host, checkout: Path, shared: Path) -> dict:
    """cluster.local.yaml for these two hosts."""
    config = filled(
        LOCAL,
        shared=str(shared),
        HEAD_IP=head.address,
        SSH_USER="root",
        KEY="key",
        FOLDER_OF_THIS_CHECKOUT=str(checkout),
    )
    config["provider"]["worker_ips"] = [worker.address]
    index = next(number for number, command in enumerate(config["setup_commands"]) if "pip install" in command)
    config["setup_commands"][index] = INSTALLED.format(
        site=sysconfig.get_path("purelib"), python=f"python{sys.version_info.major}.{sys.version_info.minor}"
    ).strip()  # fmt: skip
    made = config["setup_commands"].index("python3 -m venv ~/sembridge-venv")
    config["setup_commands"][made] = (
        f"{sys._base_executable} -m venv --without-pip ~/sembridge-venv"  # this Python, whatever python3 is
    )
    for commands in (config["head_start_ray_commands"], config["worker_start_ray_commands"]):
        commands[-1] += " --num-cpus=2 --object-store-memory=100000000"
    watch = next(number for number, command in enumerate(config["worker_start_ray_commands"]) if "sleep 10" in command)
    config["worker_start_ray_commands"][watch] = config["worker_start_ray_commands"][watch].replace(
        "sleep 10", "sleep 1"
    )
    return config


def scores(data: Path, store: Path, workers: int, compute: bool = False) -> dict[str, dict[str, float]]:
    """Scores of the grid's cells in a store, by stage of the cell; computed in this process if asked for."""
    from harness.plan.load_preset import load_preset
    from harness.plan.plan import missing, plan
    from harness.results import measurement
    from harness.store.store import Store

    sets = [f"data={data}", f"training.workers={workers}", *SET]
    cells, kept = plan(load_preset("own-data", ROOT / "experiments" / "presets", sets, CHOSEN)), Store(store)
    if compute:
        kept.create()
        for artifact in missing(cells, kept):
            kept.make(artifact)
    return {cell.identity.regime: measurement.load(kept.path(cell.artifact))["scores"] for cell in cells}


class Watch(threading.Thread):
    """What Ray ran on each host, looked at a few times a second."""

    def __init__(self, hosts: list[Host]) -> None:
        super().__init__(daemon=True)
        self.hosts, self.ended = hosts, threading.Event()
        self.seen: dict[str, set[str]] = {host.name: set() for host in hosts}

    def run(self) -> None:
        while not self.ended.wait(0.5):
            for host in self.hosts:
                names = {line.split(" ")[0].split("(")[0] for line in host.processes() if line.startswith("ray::")}
                self.seen[host.name] |= {name for name in names if not name.startswith("ray::IDLE")}


def say(what: str, since: float) -> None:
    print(f"{time.monotonic() - since:6.1f} s  {what}", flush=True)


def two_hosts(folder: Path) -> dict:
    """All of it below the folder; returns what was found."""
    since = time.monotonic()
    shared, checkout = folder / "shared", folder / "checkout"
    made_own_data(shared / "data")
    copied = [
        "rsync",
        "-a",
        "--exclude",
        ".venv",
        "--exclude",
        "/store",
        "--exclude",
        "/results",
        f"{ROOT}/",
        f"{checkout}/",
    ]
    subprocess.run(copied, check=True)
    chosen = " ".join(f"--{name} {' '.join(values)}" for name, values in CHOSEN.items())
    sets = " ".join(f"--set {setting}" for setting in (f"data={shared}/data", f"training.workers={WORKERS}", *SET))
    grid = f"--preset own-data {chosen} {sets} --store {shared}/store --results {shared}/results"
    found: dict = {}
    with Hosts(folder, ["launch", "head", "worker"]) as hosts:
        launch, head, worker = hosts.all
        (launch.home / ".ssh").mkdir()
        shutil.copy(hosts.key, launch.home / ".ssh" / "key")
        file = launch.home / "cluster.local.yaml"
        file.write_text(yaml.safe_dump(cluster_file(head, worker, checkout, shared), width=1000))
        say(f"three hosts: {', '.join(f'{host.name} {host.address}' for host in hosts.all)}", since)

        def ray(command: str, timeout: float, check: bool = True) -> str:
            done = launch.run(f"{RAY} {command}", timeout, RAY_USAGE_STATS_ENABLED="0")
            if check and done.returncode:
                raise RuntimeError(f"ray {command}\n{done.stdout[-6000:]}")
            return done.stdout

        ray("get-auth-token --generate", 30)
        say("ray up", since)
        ray(f"up -y --no-config-cache {file}", 120)
        status = ""
        deadline = time.monotonic() + 60
        while "4.0 CPU" not in status and time.monotonic() < deadline:
            status = ray(f"exec {file} 'ray status'", 30, check=False)
            time.sleep(0.5)
        found["status"] = status
        say(
            "both hosts are in the cluster: "
            + next((line.strip() for line in status.splitlines() if "CPU" in line), "no"),
            since,
        )
        found["token_modes"] = [
            oct(os.stat(host.home / ".ray" / "auth_token").st_mode & 0o777) for host in (head, worker)
        ]
        refused = launch.run(f"curl -s -o /dev/null -m 5 http://{head.address}:8265/ || echo refused", 20)
        found["dashboard"] = refused.stdout.strip()
        watch = Watch([head, worker])
        watch.start()
        say("the grid", since)
        printed = ray(
            f"exec {file} 'cd ~/sembridge-bench && python experiments/run_grid.py --address auto {grid}'",
            240,
            check=False,
        )
        watch.ended.set()
        watch.join()
        say(printed.split("\n\n")[0], since)
        found["printed"], found["ran"] = printed, {name: sorted(seen) for name, seen in watch.seen.items()}
        for name, seen in found["ran"].items():
            say(f"on {name}: {', '.join(seen)}", since)
        say("ray down", since)
        ray(f"down -y {file}", 60)
        deadline = time.monotonic() + 60  # Ray on the worker ends once it has missed its head node for a while
        while time.monotonic() < deadline and (head.processes() or worker.processes()):
            time.sleep(0.2)
        found["left"] = {host.name: host.processes() for host in (head, worker)}
        found["shm"] = {host.name: host.run("ls /dev/shm", 10).stdout.split() for host in (head, worker)}
        say(f"left: {found['left']}", since)
    found["scores"], found["alone"] = (
        scores(shared / "data", shared / "store", WORKERS),
        scores(shared / "data", folder / "alone", 1, compute=True),
    )
    say(
        f"nDCG@10 {[round(found['scores'][stage]['ndcg@10'], 4) for stage in found['scores']]}, as in one process",
        since,
    )
    found["seconds"] = time.monotonic() - since
    return found


if __name__ == "__main__":
    if reason := lacking():
        sys.exit(f"skipped: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="2h-"))
    os.environ["PATH"] = SEARCHED
    result = two_hosts(folder)
    print(result["printed"])
    print(json.dumps({name: value for name, value in result.items() if name != "printed"}, indent=1))
    if "--keep" not in sys.argv:
        shutil.rmtree(folder)
