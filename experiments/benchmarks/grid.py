"""The grid as a whole: the command that people run, against the same cells one after another with the published pieces (`published_cells`).

Both sides begin with the pocket's encoder, bridge and texts made, and the grid has the profile `compat`, so that both compute the same things. The
wall time of whole processes is compared. Three rows below it say where the gain comes from; their ratios multiplied are that of the first.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from experiments.benchmarks.measure import Row, seconds

HELP = "the pocket's grid, zero-shot and fine-tuned, against its cells one after another with the published pieces"
ROOT = Path(__file__).resolve().parents[2]
WORLD = ("pocket-text", "pocket-tokenizers", "pocket-encoder", "pocket-bridge")
MADE = ROOT / "store"  # where `make grid` leaves the pocket's world
CHOICES = {
    "initializers": ["sembridge", "mean", "random", "univariate", "multivariate"]
}  # those with published pieces that need no training
QUICK = {"languages": ["ko"], "initializers": ["sembridge", "mean"], "alphas": [4.0], "collections": ["pocket-faq"]}
PROFILE = "profile=compat"
AGAINST = "published pieces, cell by cell"


def rows(quick: bool) -> list[Row]:
    from harness.plan.load_preset import load_preset
    from harness.plan.plan import plan
    from harness.store.store import Store

    preset = load_preset("pocket", ROOT / "experiments" / "presets", [PROFILE], QUICK if quick else CHOICES)
    cells = plan(preset)
    world = Store(MADE)
    world.create()
    for artifact in needed(cells):
        world.make(artifact)
    with tempfile.TemporaryDirectory(prefix="sembridge-bench-") as name:
        folder = Path(name)
        store = Store(folder / "store")
        store.create()
        for artifact in needed(cells):
            (link := store.path(artifact)).parent.mkdir(exist_ok=True)
            link.symlink_to(world.path(artifact))
        ours = seconds(lambda: run(grid_command(folder, QUICK if quick else CHOICES)))
        (folder / "job.json").write_text(json.dumps(job(preset, cells, world)), encoding="utf-8")
        published = [
            sys.executable,
            "-m",
            "experiments.benchmarks.published_cells",
            str(folder / "job.json"),
            str(folder / "result.json"),
        ]
        theirs = seconds(lambda: run(published))
        found = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        log = (folder / "results" / "run.log").read_text(encoding="utf-8")
        return table(cells, store, ours, theirs, found, log)


def needed(cells: Iterable[Any]) -> list[Any]:
    """The artifacts of the pocket's world that cells are made of."""
    return list(
        dict.fromkeys(artifact for cell in cells for artifact in cell.artifact.walk() if artifact.stage.name in WORLD)
    )


def grid_command(folder: Path, choices: dict[str, Sequence[Any]]) -> list[str]:
    options = [text for name, values in choices.items() for text in (f"--{name}", *map(str, values))]
    folders = ["--store", str(folder / "store"), "--results", str(folder / "results")]
    return [sys.executable, str(ROOT / "experiments" / "run_grid.py"), "--set", PROFILE, *options, *folders]


def run(command: list[str]) -> None:
    """RuntimeError with the end of what the command said if it fails."""
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:3])} ended with {done.returncode}: {done.stderr[-2000:]}")


def job(preset: Any, cells: Iterable[Any], world: Any) -> dict[str, Any]:
    """What `published_cells` is to do: the same cells over the same folders."""

    def place(source: Any) -> str:
        return world.locate(source).name

    asked = []
    for cell in cells:
        who, inputs = cell.identity, cell.artifact.inputs
        origin = inputs["trained"].inputs if "trained" in inputs else inputs
        folders = {name: place(origin[name]) for name in ("encoder", "tokenizer", "pairs") if name in origin}
        if "bridge_source" in (given := origin["initialization"].inputs):
            folders["bridge"] = place(given["bridge_source"].inputs["bridge"])
        asked.append(
            {
                "initializer": who.initializer,
                "alpha": who.alpha,
                "regime": who.regime,
                "collection": place(inputs["collection"]),
                **folders,
            }
        )
    return {"training": preset.training.model_dump(), "cells": asked}


def table(cells: Sequence[Any], store: Any, ours: float, theirs: float, found: dict[str, Any], log: str) -> list[Row]:
    """The four rows. found: what `published_cells` wrote; log: what the grid's run told."""
    pieces = {"import": found["imports"], **each_once(found["cells"], cells)}
    once = sum(pieces.values())
    artifacts = {
        artifact.key: artifact
        for cell in cells
        for artifact in cell.artifact.walk()
        if artifact.stage.name not in WORLD
    }
    stages: dict[str, float] = {}
    for artifact in artifacts.values():
        measured = json.loads((store.path(artifact) / "MANIFEST.json").read_text(encoding="utf-8"))["seconds"]
        stages[artifact.stage.name] = stages.get(artifact.stage.name, 0.0) + measured
    work = sum(stages.values())
    told = re.search(r"Ray: .*", log)
    name = f"grid, {len(cells)} cells of the pocket"
    return [
        Row(f"{name}, wall time", AGAINST, ours, theirs, theirs / ours, 1, goal=4.0, note=agreement(cells, store, found["cells"])),
        Row(f"{name}: sharing", AGAINST, once, theirs, theirs / once, 1, note="published pieces on both sides; ours: none is computed twice"),
        Row(f"{name}: kernels", "published pieces, each once", work, once, once / work, 1,
            note=f"ours, made at the same time with a thread each: {_listed(stages)}; theirs, with all threads: {_listed(pieces)}"),
        Row(f"{name}: scheduling", "our artifacts one after another", ours, work, work / ours, 1,
            note=f"two at a time, less what starting takes; the run says: {told.group() if told else 'nothing'}"),
    ]  # fmt: skip


def each_once(computed: Sequence[dict[str, Any]], cells: Sequence[Any]) -> dict[str, float]:
    """Seconds of the published pieces, each done once: the bridge, initializations, trainings, and evaluations with what they load."""
    first: dict[tuple[Any, ...], float] = {}
    for cell, result in zip(cells, computed, strict=True):
        who = cell.identity
        method = (who.language, who.initializer, who.alpha)
        for piece, taken in result["seconds"].items():
            part = {"bridge": (who.language,), "initialize": method, "train": method}.get(
                piece, (*method, who.regime, who.collection)
            )
            first.setdefault((piece, *part), taken)
    found: dict[str, float] = {}
    for (piece, *_), taken in first.items():
        found[piece] = found.get(piece, 0.0) + taken
    return found


def _listed(seconds_of: dict[str, float]) -> str:
    return ", ".join(f"{name} {taken:.3g} s" for name, taken in seconds_of.items())


def agreement(cells: Sequence[Any], store: Any, computed: Sequence[dict[str, Any]]) -> str:
    """How far the scores of both sides are apart, for the cells that draw no random numbers, and for those that train."""
    from harness.results.measurement import load

    apart: dict[str, list[float]] = {}
    for cell, result in zip(cells, computed, strict=True):
        who = cell.identity
        drawn = who.initializer in ("random", "univariate", "multivariate")
        kind = (
            "fine-tuned"
            if who.regime == "fine-tuned"
            else "zero-shot, drawn rows"
            if drawn
            else "zero-shot, computed rows"
        )
        mine = load(store.path(cell.artifact))["scores"]["ndcg@10"]
        apart.setdefault(kind, []).append(abs(mine - result["scores"]["ndcg@10"]))
    return "nDCG@10 of both sides differs by at most " + ", ".join(
        f"{max(found):.4f} ({kind})" for kind, found in apart.items()
    )
