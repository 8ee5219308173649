"""A grid under torture: processes killed and stopped, artifacts damaged, the disk full, the clock wrong; and the table is the undisturbed one.

    python -m tests.cluster.torture [--seed N] [--faults N] [--folder DIR] [--world STORE | --data DIR]

One small grid of the pocket is computed twice: undisturbed, and while faults happen at random moments, the same command being repeated until it ends
well. The expensive parts of the pocket are made once, by the undisturbed run. Exit code 0 if everything that docs/reliability.md promises held.
"""

from __future__ import annotations

import argparse
import json
import random
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

from tests.cluster.faults import MANIFEST, SPARED, Clock, Mischief, small_disk
from tests.helpers.paths import ROOT
from tests.helpers.ray_nodes import RayNodes

GRID = ["--languages", "ko", "ru", "--initializers", "sembridge", "mean", "univariate", "base", "bm25", "--collections", "pocket-faq",
        "--set", "training.max_pairs=96", "--set", "training.batch_size=16", "--set", "training.max_length=64",
        "--set", "training.checkpoint_every=1"]  # fmt: skip
SMALL = ["--preset", "own-data", "--languages", "ru", "--initializers", "mean", "bm25", "--set", "training.batch_size=4",
         "--set", "training.epochs=30", "--set", "training.checkpoint_every=1"]  # fmt: skip
KINDS = ("kill_worker", "kill_driver", "flip", "stop_worker", "truncate", "kill_node", "delete_manifest", "full_disk", "second_driver", "jump",
         "delete", "truncate_manifest", "kill_training", "drain")  # fmt: skip
FEW = ("kill_training", "kill_driver", "flip", "delete_manifest", "stop_worker")
PAUSE = (1.0, 7.0)  # seconds between faults
TRIES = 4  # to find something to hit
REPEATS = 6  # of the command, once the faults are over
MEGABYTES = 2000  # of the disk that gets full


class Watcher(threading.Thread):
    """Counts how often each artifact was published, from outside: a new folder with a manifest is a computation."""

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
    """The command that is tortured, and what it leaves."""

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
        """Everything a person takes away, without the times."""
        found = {
            path.relative_to(self.results).as_posix(): path.read_bytes()
            for path in sorted(self.results.rglob("*"))
            if path.is_file()
        }
        found.pop("run.log", None)
        lines = [line.split(",") for line in found["cells.csv"].decode().splitlines()]
        seconds = lines[0].index("seconds")
        found["cells.csv"] = "\n".join(",".join(line[:seconds] + line[seconds + 1 :]) for line in lines).encode()
        return found


def schedule(kinds: Sequence[str], faults: int, generator: random.Random) -> list[str]:
    """Every kind about as often as any other, in random order, but clock jumps last: where one met the loss of a node, Ray itself never came back."""
    kinds = [kinds[number % len(kinds)] for number in range(faults)]
    generator.shuffle(kinds)
    return sorted(kinds, key=lambda kind: kind == "jump")


def torture(
    grid: Grid, mischief: Mischief, kinds: Sequence[str], generator: random.Random, pause: tuple[float, float] = PAUSE
) -> list[tuple[str, str]]:
    """Let the faults happen while the command runs, and repeat it whenever it has ended; (kind, what happened) of each."""
    happened = []
    for kind in kinds:
        for _ in range(TRIES):  # while there is nothing to hit: the grid is between two pieces, or finished
            if all(driver.poll() is not None for driver in grid.drivers):
                if grid.drivers and grid.drivers[-1].returncode == 0 and (made := mischief.damage_cell()):
                    happened.append(("damage_cell", made))
                    say(happened)
                grid.start()
            time.sleep(generator.uniform(*pause))
            if told := getattr(mischief, kind)():
                break
        happened.append((kind, told or "skipped: nothing to hit"))
        say(happened)
    return happened


def say(happened: Sequence[tuple[str, str]]) -> None:
    print(f"{len(happened):3d} {happened[-1][0]}: {happened[-1][1]}", flush=True)


def finish(grid: Grid) -> int:
    """Wait for what runs, then repeat the command until it ends well; how often that was."""
    for driver in grid.drivers:
        driver.wait()
    for number in range(1, REPEATS + 1):
        if grid.start().wait() == 0:
            return number
    raise SystemExit(f"the command did not end well in {REPEATS} repeats: see {grid.log}")


def complaints(
    undisturbed: Grid, grid: Grid, computed: dict[tuple[str, str], int], damaged: Counter[tuple[str, str]]
) -> list[str]:
    """What was promised and did not hold."""
    expected, found = undisturbed.outputs(), grid.outputs()
    told = [
        f"{name} differs from the undisturbed run's"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    for artifact, times in computed.items():
        if times > 1 + damaged[artifact]:
            told.append(f"{'/'.join(artifact)} was computed {times} times and damaged {damaged[artifact]} times")
    left = [path for path in grid.store.glob("*/.*")] + list((grid.store / "scratch").glob("*"))
    told += [f"{path} was left behind" for path in left]
    if "Traceback" in grid.log.read_text(encoding="utf-8", errors="replace"):
        told.append(f"a driver ended in a traceback: see {grid.log}")
    return told


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Torture a small grid of the pocket, and compare its table with the undisturbed one."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=36)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder, removed at the end)")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="a small grid on this folder in the layout of the preset own-data instead",
    )
    parser.add_argument("--world", type=Path, metavar="STORE", help="a store that has the pocket's parts already")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="sembridge-torture-"))
    folder.mkdir(parents=True, exist_ok=True)
    clock, generator = Clock(folder), random.Random(given.seed)
    nodes, grids = RayNodes(1, [1]), list[Grid]()
    options, kinds, pause = (
        (GRID, KINDS, PAUSE) if given.data is None else ([*SMALL, "--set", f"data={given.data}"], FEW, (0.5, 2.0))
    )
    try:
        calm = Grid(folder / "calm", options, nodes.address)
        grids.append(calm)
        calm.store.parent.mkdir()
        if given.world:
            copy_world(given.world, calm.store)
        start = time.perf_counter()
        if calm.start().wait():
            raise SystemExit(f"the undisturbed run failed: see {calm.log}")
        undisturbed = time.perf_counter() - start
        (folder / "disk").mkdir()
        with small_disk(folder / "disk", MEGABYTES) if given.data is None else nullcontext("") as refused:
            if given.data is None:  # once more, with the pocket's parts at hand, as they are below
                again = Grid(folder / "disk" / "again", options, nodes.address)
                again.store.parent.mkdir()
                copy_world(calm.store, again.store)
                start = time.perf_counter()
                again.start().wait()
                undisturbed = time.perf_counter() - start
                shutil.rmtree(again.store.parent)

            grid = Grid(folder / "disk", options, nodes.address)
            grid.log = folder / "drivers.log"
            grids.append(grid)
            copy_world(calm.store, grid.store)
            watcher = Watcher(grid.store)
            watcher.look()
            watcher.start()
            mischief = Mischief(grid.store, nodes, clock, refused, given.seed, grid.start, grid.drivers)
            start = time.perf_counter()
            happened = torture(grid, mischief, schedule(kinds, given.faults, generator), generator, pause)
            repeats = finish(grid)
            seconds = time.perf_counter() - start
            watcher.look()
            watcher.ended.set()
            watcher.join()
            computed = watcher.computed()
            told = complaints(calm, grid, computed, mischief.damaged)
            shutil.copy(grid.results / "run.log", folder / "run.log")
            gone_on = sum(kind == "kill_training" and not what.startswith("skipped") for kind, what in happened)
            if given.faults >= len(kinds) and not gone_on:
                told.append("no training was killed after a checkpoint and went on from it")
            named = len((grid.results / "run.log").read_text(encoding="utf-8").split(" damaged: ")) - 1
    finally:
        for one in grids:
            for driver in one.drivers:
                driver.kill()
        nodes.close()
    report = {
        "seed": given.seed,
        "faults": dict(sorted(Counter(kind for kind, what in happened if not what.startswith("skipped")).items())),
        "skipped": sorted({f"{kind}: {what}" for kind, what in happened if what.startswith("skipped")}),
        "commands": len(grid.drivers),
        "repeats after the last fault": repeats,
        "artifacts": len(computed),
        "damaged": sum(mischief.damaged.values()),
        "named in run.log": named,
        "trainings gone on with": gone_on,
        "computed again": sum(times - 1 for times in computed.values()),
        "seconds": round(seconds),
        "seconds undisturbed": round(undisturbed),
        "complaints": told,
    }
    print(json.dumps(report, indent=1))
    if not given.folder and not told:
        shutil.rmtree(folder)
    return 1 if told else 0


def copy_world(source: Path, target: Path) -> None:
    """What takes minutes to make, and is never damaged here."""
    target.mkdir(parents=True)
    shutil.copy(source / "STORE.json", target / "STORE.json")
    for stage in (*SPARED, "pocket-text", "pocket-tokenizers"):
        if (source / stage).is_dir():
            shutil.copytree(source / stage, target / stage)


if __name__ == "__main__":
    sys.exit(main())
