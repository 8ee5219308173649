"""Fault injection into a grid: processes killed and stopped, artifacts damaged, a full disk, a wrong clock.

    python -m tests.cluster.torture [--seed N] [--faults N] [--folder DIR] [--world STORE | --data DIR]

One small grid of the pocket is computed twice: undisturbed, and while faults happen at random moments; the command is
repeated until it succeeds, and both tables are compared. The undisturbed run computes the expensive parts of the pocket
for both. Exit code 0 if everything that docs/reliability.md promises held.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from tests.cluster.faults import MANIFEST, SPARED, Clock, FaultInjector, small_disk
from tests.helpers.paths import ROOT
from tests.helpers.ray_nodes import RayNodes

FREQUENT = ["--set", "training.checkpoint_every=1"]
GRID = ["--languages", "ko", "ru", "--initializers", "sembridge", "mean", "univariate", "base", "bm25"]
GRID += ["--collections", "pocket-faq", "--set", "training.max_pairs=96", "--set", "training.batch_size=16"]
GRID += ["--set", "training.max_length=64", *FREQUENT]
SMALL = ["--preset", "own-data", "--languages", "ru", "--initializers", "mean", "bm25"]
SMALL += ["--set", "training.batch_size=4", "--set", "training.epochs=30", *FREQUENT]
KINDS = ("kill_worker", "kill_driver", "flip", "stop_worker", "truncate", "kill_node", "delete_manifest", "full_disk")
KINDS += ("second_driver", "jump", "delete", "truncate_manifest", "kill_training", "drain")
FEW = ("kill_training", "kill_driver", "flip", "delete_manifest", "stop_worker")
PAUSE = (1.0, 7.0)  # seconds between faults
TRIES = 4  # attempts to find something to hit
REPEATS = 6  # of the command, after the last fault
MEGABYTES = 2000  # of the disk that gets full


class Watcher(threading.Thread):
    """Count how often each artifact was published, from outside: a new folder with a manifest is a computation."""

    def __init__(self, store: Path) -> None:
        super().__init__(daemon=True)
        self._store, self._seen, self.ended = store, dict[tuple[str, str], set[int]](), threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.05):
            self.look()

    def look(self) -> None:
        for manifest in self._store.glob(f"*/*/{MANIFEST}"):
            stage, key = manifest.parts[-3:-1]
            if stage != "damaged" and not key.startswith("."):
                try:
                    self._seen.setdefault((stage, key), set()).add(manifest.parent.stat().st_ino)
                except FileNotFoundError:
                    continue

    def computed(self) -> dict[tuple[str, str], int]:
        return {artifact: len(folders) for artifact, folders in self._seen.items()}


class Grid:
    """The command under test, and what it leaves."""

    def __init__(self, folder: Path, options: Sequence[str], address: str) -> None:
        self.store, self.results, self.drivers = folder / "store", folder / "results", list[subprocess.Popen]()
        self.log = folder / "drivers.log"
        self._arguments = [sys.executable, str(ROOT / "experiments" / "run_grid.py"), *options, "--address", address]
        self._arguments += ["--store", str(self.store), "--results", str(self.results)]

    def start(self) -> subprocess.Popen:
        with self.log.open("ab") as log:
            self.drivers.append(subprocess.Popen(self._arguments, stdout=log, stderr=log))
        return self.drivers[-1]

    def outputs(self) -> dict[str, bytes]:
        """Return the files that a person takes away, without the times."""
        paths = [path for path in sorted(self.results.rglob("*")) if path.is_file()]
        files = {path.relative_to(self.results).as_posix(): path.read_bytes() for path in paths}
        files.pop("run.log", None)
        lines = [line.split(",") for line in files["cells.csv"].decode().splitlines()]
        seconds = lines[0].index("seconds")
        files["cells.csv"] = "\n".join(",".join(line[:seconds] + line[seconds + 1 :]) for line in lines).encode()
        page = files["report.html"].decode()
        files["report.html"] = re.sub(r'<section id="cost">.*?</section>', "", page, flags=re.DOTALL).encode()
        return files


def schedule(kinds: Sequence[str], faults: int, generator: random.Random) -> list[str]:
    """Return the kinds in random order, each about as often as any other, but clock jumps last.

    Ray itself never recovers when it loses a node after a jump.
    """
    kinds = [kinds[number % len(kinds)] for number in range(faults)]
    generator.shuffle(kinds)
    return sorted(kinds, key=lambda kind: kind == "jump")


def inject(
    grid: Grid, injector: FaultInjector, kinds: Sequence[str], generator: random.Random, pause: tuple[float, float]
) -> list[tuple[str, str]]:
    """Inject the faults while the command runs, repeat it whenever it ends; return (kind, what happened) of each."""
    events = []
    for kind in kinds:
        for _ in range(TRIES):  # there is nothing to hit while the grid is between two tasks, or finished
            if all(driver.poll() is not None for driver in grid.drivers):
                succeeded = grid.drivers and grid.drivers[-1].returncode == 0
                if succeeded and (damage := injector.damage_cell()):
                    events.append(("damage_cell", damage))
                    print_last(events)
                grid.start()
            time.sleep(generator.uniform(*pause))
            if event := getattr(injector, kind)():
                break
        events.append((kind, event or "skipped: nothing to hit"))
        print_last(events)
    return events


def print_last(events: Sequence[tuple[str, str]]) -> None:
    print(f"{len(events):3d} {events[-1][0]}: {events[-1][1]}", flush=True)


def finish(grid: Grid) -> int:
    """Wait for the running commands, then repeat the command until it succeeds; return how often that was."""
    for driver in grid.drivers:
        driver.wait()
    for number in range(1, REPEATS + 1):
        if grid.start().wait() == 0:
            return number
    raise SystemExit(f"the command did not end well in {REPEATS} repeats: see {grid.log}")


def complaints(
    undisturbed: Grid, grid: Grid, computed: dict[tuple[str, str], int], damaged: Counter[tuple[str, str]]
) -> list[str]:
    """Return the promises that did not hold."""
    expected, outputs = undisturbed.outputs(), grid.outputs()
    broken = [
        f"{name} differs from the undisturbed run's"
        for name in sorted(expected.keys() | outputs.keys())
        if expected.get(name) != outputs.get(name)
    ]
    for artifact, times in computed.items():
        if times > 1 + damaged[artifact]:
            broken.append(f"{'/'.join(artifact)} was computed {times} times and damaged {damaged[artifact]} times")
    left = [path for path in grid.store.glob("*/.*")] + list((grid.store / "scratch").glob("*"))
    broken += [f"{path} was left behind" for path in left]
    if "Traceback" in grid.log.read_text(encoding="utf-8", errors="replace"):
        broken.append(f"a driver ended in a traceback: see {grid.log}")
    return broken


def main() -> int:
    description = "Inject faults into a small grid of the pocket, and compare its table with the undisturbed one."
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=36)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder, removed at the end)")
    data_help = "a small grid on this folder in the layout of the preset own-data instead"
    parser.add_argument("--data", type=Path, metavar="DIR", help=data_help)
    parser.add_argument("--world", type=Path, metavar="STORE", help="a store that has the pocket's parts already")
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="sembridge-torture-"))
    folder.mkdir(parents=True, exist_ok=True)
    clock, generator = Clock(folder), random.Random(args.seed)
    nodes, grids = RayNodes(1, [1]), list[Grid]()
    options, kinds, pause = GRID, KINDS, PAUSE
    if args.data is not None:
        options, kinds, pause = [*SMALL, "--set", f"data={args.data}"], FEW, (0.5, 2.0)
    try:
        calm = Grid(folder / "calm", options, nodes.address)
        grids.append(calm)
        calm.store.parent.mkdir()
        if args.world:
            copy_pocket(args.world, calm.store)
        start = time.perf_counter()
        if calm.start().wait():
            raise SystemExit(f"the undisturbed run failed: see {calm.log}")
        undisturbed = time.perf_counter() - start
        (folder / "disk").mkdir()
        with small_disk(folder / "disk", MEGABYTES) if args.data is None else nullcontext("") as refused:
            if args.data is None:  # time it again with the pocket's parts present, as in the disturbed run
                again = Grid(folder / "disk" / "again", options, nodes.address)
                again.store.parent.mkdir()
                copy_pocket(calm.store, again.store)
                start = time.perf_counter()
                again.start().wait()
                undisturbed = time.perf_counter() - start
                shutil.rmtree(again.store.parent)

            grid = Grid(folder / "disk", options, nodes.address)
            grid.log = folder / "drivers.log"
            grids.append(grid)
            copy_pocket(calm.store, grid.store)
            watcher = Watcher(grid.store)
            watcher.look()
            watcher.start()
            injector = FaultInjector(grid.store, nodes, clock, refused, args.seed, grid.start, grid.drivers)
            start = time.perf_counter()
            events = inject(grid, injector, schedule(kinds, args.faults, generator), generator, pause)
            repeats = finish(grid)
            seconds = time.perf_counter() - start
            watcher.look()
            watcher.ended.set()
            watcher.join()
            computed = watcher.computed()
            broken = complaints(calm, grid, computed, injector.damaged)
            shutil.copytree(grid.results, folder / "results")
            hits = Counter(kind for kind, what in events if not what.startswith("skipped"))
            if args.faults >= len(kinds) and not hits["kill_training"]:
                broken.append("no training was killed after a checkpoint and went on from it")
            named = len((grid.results / "run.log").read_text(encoding="utf-8").split(" damaged: ")) - 1
    finally:
        for driver in (driver for each in grids for driver in each.drivers):
            driver.kill()
        nodes.close()
    report = {
        "seed": args.seed,
        "faults": dict(sorted(hits.items())),
        "skipped": sorted({f"{kind}: {what}" for kind, what in events if what.startswith("skipped")}),
        "commands": len(grid.drivers),
        "repeats after the last fault": repeats,
        "artifacts": len(computed),
        "damaged": sum(injector.damaged.values()),
        "named in run.log": named,
        "trainings gone on with": hits["kill_training"],
        "computed again": sum(times - 1 for times in computed.values()),
        "seconds": round(seconds),
        "seconds undisturbed": round(undisturbed),
        "complaints": broken,
    }
    print(json.dumps(report, indent=1))
    if not args.folder and not broken:
        shutil.rmtree(folder)
    return 1 if broken else 0


def copy_pocket(source: Path, target: Path) -> None:
    """Copy what takes minutes to compute and is never damaged here."""
    target.mkdir(parents=True)
    shutil.copy(source / "STORE.json", target / "STORE.json")
    for stage in (*SPARED, "pocket-text", "pocket-tokenizers"):
        if (source / stage).is_dir():
            shutil.copytree(source / stage, target / stage)


if __name__ == "__main__":
    sys.exit(main())
