"""`python -m experiments.benchmarks.nodes`: how much of eight nodes' time a plan of 1,000 short cells uses.

The nodes are processes of this machine, each with its own raylet and one core by declaration. A cell sleeps, so that
what is measured is the scheduling alone: Tune's trials, their tasks, the store, the progress lines. Efficiency is the
time that the cells sleep, shared by the nodes, over the time that the plan took: with the start of Tune, whose trial
processes this one machine starts for all nodes, and, beside it, from the first cell that ended to the last.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.cluster.cluster import ENVIRONMENT

NODES, CELLS, SECONDS = 8, 1_000, 1.0


def build(out: Path, parameters: dict[str, Any], inputs: dict[str, Path]) -> None:
    time.sleep(parameters["seconds"])
    (out / "measurement.json").write_text(json.dumps({"scores": {"ndcg@10": 0.0}}), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.nodes", description="Scheduling's cost.")
    for name, value in (("nodes", NODES), ("cells", CELLS)):
        parser.add_argument(f"--{name}", type=int, default=value, metavar="N", help=f"default: {value}")
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help=f"of a cell; default: {SECONDS:g}")
    args = parser.parse_args()
    ideal = args.cells * args.seconds / args.nodes
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # short: the names of sockets are limited
        # the nodes' processes share this machine's cores with the command, which on a cluster has its own
        os.environ |= ENVIRONMENT | {"RAY_TMPDIR": folder, "PYTHONPATH": str(Path.cwd()), "RAY_worker_niceness": "15"}
        ends = measure(args.nodes, args.cells, args.seconds, Path(folder) / "store")
    print(f"{args.cells:,} cells of {args.seconds:g} s on {args.nodes} nodes, which sleep {ideal:.1f} s:")
    print(f"all of it in {ends[-1]:.1f} s, efficiency {ideal / ends[-1]:.2f}")
    rest = (args.cells - 1) * args.seconds / args.nodes
    print(f"from the first end to the last {ends[-1] - ends[0]:.1f} s, efficiency {rest / (ends[-1] - ends[0]):.2f}")
    return 0


def measure(nodes: int, count: int, seconds: float, folder: Path) -> list[float]:
    """Return when `count` cells ended, in seconds from their start, after one for each node has been computed."""
    import ray
    from ray.cluster_utils import Cluster

    from harness.store.store import Store

    memory = {"object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=memory | {"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(nodes - 1):
            cluster.add_node(num_cpus=1, **memory)
        ray.init(address=cluster.address, log_to_driver=False)
        store = Store(folder)
        store.create()
        preset = SimpleNamespace(
            resources=SimpleNamespace(cpus_per_cell=1, gpus_per_cell=0), training=SimpleNamespace(workers=1)
        )
        _ends([_cell(number, seconds) for number in range(-nodes, 0)], preset, store, nodes)
        return _ends([_cell(number, seconds) for number in range(count)], preset, store, nodes)
    finally:
        ray.shutdown()
        cluster.shutdown()


def _ends(cells: list[Any], preset: Any, store: Any, nodes: int) -> list[float]:
    from harness.estimate.remaining import Remaining
    from harness.run.progress import Progress
    from harness.run.trials import run_cells

    start, ends, errors = time.perf_counter(), list[float](), dict[str, str]()
    progress = Progress(nodes, show=lambda line: ends.append(time.perf_counter() - start))
    progress.begin(Remaining({}), 0, {cell.artifact.key: 1 for cell in cells}, lambda artifact: None)
    run_cells(cells, preset, store, nodes, progress, lambda: nodes, errors)
    if errors:
        raise RuntimeError(f"{len(errors)} cells failed: {next(iter(errors.values()))}")
    return ends


def _cell(number: int, seconds: float) -> Any:
    from harness.plan.plan import Cell
    from harness.results.record import Identity
    from harness.store.artifact import Artifact
    from harness.store.stage import Stage

    stage = Stage("cell", 1, seconds, build, shared=False)
    identity = Identity("ru", "bert", "own", f"m{number}", "", None, "zero-shot", 1)
    return Cell(identity, "mean", False, Artifact(stage, {"number": number, "seconds": seconds}))


if __name__ == "__main__":
    # the stage's function by the name of this module, not as `__main__`, which workers would not find
    from experiments.benchmarks import nodes as module

    sys.exit(module.main())
