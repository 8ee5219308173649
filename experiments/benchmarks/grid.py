"""The grid as a whole: the command that people run against the same cells one by one with `published_cells`.

Both sides start with the pocket's encoder, bridge and texts present, and the grid has the profile `compat`, so that
both compute the same. The first row compares the wall time of whole processes; three more rows say where the gain comes
from, and the product of their ratios is that of the first.
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
POCKET_STAGES = ("pocket-text", "pocket-tokenizers", "pocket-encoder", "pocket-bridge")
STORE = ROOT / "store"  # where `make grid` leaves the pocket's artifacts
# The initializers whose published pieces need no training.
CHOICES = {"languages": ["ko", "ru"], "initializers": ["sembridge", "mean", "random", "univariate", "multivariate"]}
QUICK = {"languages": ["ko"], "initializers": ["sembridge", "mean"], "alphas": [4.0], "collections": ["pocket-faq"]}
PROFILE = "profile=compat"
AGAINST = "published pieces, cell by cell"


def rows(quick: bool) -> list[Row]:
    from harness.plan.load_preset import load_preset
    from harness.plan.plan import plan
    from harness.store.store import Store

    preset = load_preset("pocket", ROOT / "experiments" / "presets", [PROFILE], QUICK if quick else CHOICES)
    cells = plan(preset)
    pocket = Store(STORE)
    pocket.create()
    for artifact in pocket_artifacts(cells):
        pocket.make(artifact)
    with tempfile.TemporaryDirectory(prefix="sembridge-bench-") as name:
        folder = Path(name)
        store = Store(folder / "store")
        store.create()
        for artifact in pocket_artifacts(cells):
            (link := store.path(artifact)).parent.mkdir(exist_ok=True)
            link.symlink_to(pocket.path(artifact))
        ours = seconds(lambda: run(grid_command(folder, QUICK if quick else CHOICES)))
        files = (folder / "job.json", folder / "result.json")
        files[0].write_text(json.dumps(job(preset, cells, pocket)), encoding="utf-8")
        published = [sys.executable, "-m", "experiments.benchmarks.published_cells", *map(str, files)]
        theirs = seconds(lambda: run(published))
        result = json.loads(files[1].read_text(encoding="utf-8"))
        log = (folder / "results" / "run.log").read_text(encoding="utf-8")
        return table(cells, store, ours, theirs, result, log)


def pocket_artifacts(cells: Iterable[Any]) -> list[Any]:
    """Return the pocket's artifacts among those of the cells."""
    return [artifact for artifact in _artifacts(cells) if artifact.stage.name in POCKET_STAGES]


def _artifacts(cells: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(artifact for cell in cells for artifact in cell.artifact.walk()))


def grid_command(folder: Path, choices: dict[str, Sequence[Any]]) -> list[str]:
    options = [text for name, values in choices.items() for text in (f"--{name}", *map(str, values))]
    folders = ["--store", str(folder / "store"), "--results", str(folder / "results")]
    return [
        sys.executable,
        str(ROOT / "experiments" / "run_grid.py"),
        "--verbose",
        "--set",
        PROFILE,
        *options,
        *folders,
    ]


def run(command: list[str]) -> None:
    """Run a command; RuntimeError with the end of its output if it fails."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[1:3])} ended with {process.returncode}: {process.stderr[-2000:]}")


def job(preset: Any, cells: Iterable[Any], store: Any) -> dict[str, Any]:
    """Return the job of `published_cells`: the same cells over the same folders."""

    def place(source: Any) -> str:
        return store.locate(source).name

    jobs = []
    for cell in cells:
        identity, inputs = cell.identity, cell.artifact.inputs
        origin = inputs["trained"].inputs if "trained" in inputs else inputs
        folders = {name: place(origin[name]) for name in ("encoder", "tokenizer", "pairs") if name in origin}
        folders["collection"] = place(inputs["collection"])
        if "bridge_source" in (sources := origin["initialization"].inputs):
            folders["bridge"] = place(sources["bridge_source"].inputs["bridge"])
        method = {"initializer": identity.initializer, "alpha": identity.alpha, "regime": identity.regime}
        jobs.append({**method, **folders})
    return {"training": preset.training.model_dump(), "cells": jobs}


def table(cells: Sequence[Any], store: Any, ours: float, theirs: float, result: dict[str, Any], log: str) -> list[Row]:
    """Return the four rows. result: what `published_cells` wrote; log: the run.log of the grid."""
    pieces = {"import": result["imports"], **each_once(result["cells"], cells)}
    once = sum(pieces.values())
    stages: dict[str, float] = {}
    for artifact in _artifacts(cells):
        if artifact.stage.name not in POCKET_STAGES:
            manifest = json.loads((store.path(artifact) / "MANIFEST.json").read_text(encoding="utf-8"))
            stages[artifact.stage.name] = stages.get(artifact.stage.name, 0.0) + manifest["seconds"]
    work = sum(stages.values())
    usage = re.search(r"Ray: .*", log)
    name = f"grid, {len(cells)} cells of the pocket"
    wall = agreement(cells, store, result["cells"])
    sharing = "published pieces on both sides; ours: none is computed twice"
    kernels = f"ours, made at the same time with a thread each: {_seconds_text(stages)}; "
    kernels += f"theirs, with all threads: {_seconds_text(pieces)}"
    scheduling = f"two at a time, less what starting takes; the run says: {usage.group() if usage else 'nothing'}"
    once_against, work_against = "published pieces, each once", "our artifacts one after another"
    return [
        Row(f"{name}, wall time", AGAINST, ours, theirs, theirs / ours, 1, goal=4.0, note=wall),
        Row(f"{name}: sharing", AGAINST, once, theirs, theirs / once, 1, note=sharing),
        Row(f"{name}: kernels", once_against, work, once, once / work, 1, note=kernels),
        Row(f"{name}: scheduling", work_against, ours, work, work / ours, 1, note=scheduling),
    ]


def each_once(computed: Sequence[dict[str, Any]], cells: Sequence[Any]) -> dict[str, float]:
    """Return the seconds of each published piece if nothing is repeated.

    Pieces: the bridge, initializations, trainings, and evaluations with what they load.
    """
    first: dict[tuple[Any, ...], float] = {}
    for cell, result in zip(cells, computed, strict=True):
        identity = cell.identity
        method = (identity.language, identity.initializer, identity.alpha)
        parts = {"bridge": (identity.language,), "initialize": method, "train": method}
        for piece, duration in result["seconds"].items():
            part = parts.get(piece, (*method, identity.regime, identity.collection))
            first.setdefault((piece, *part), duration)
    totals: dict[str, float] = {}
    for (piece, *_), duration in first.items():
        totals[piece] = totals.get(piece, 0.0) + duration
    return totals


def _seconds_text(seconds_of: dict[str, float]) -> str:
    return ", ".join(f"{name} {duration:.3g} s" for name, duration in seconds_of.items())


def agreement(cells: Sequence[Any], store: Any, computed: Sequence[dict[str, Any]]) -> str:
    """Return how far the scores of both sides differ, by kind: fine-tuned, zero-shot with and without drawn rows."""
    from harness.results.measurement import load

    differences: dict[str, list[float]] = {}
    for cell, result in zip(cells, computed, strict=True):
        kind = cell.identity.regime
        if kind != "fine-tuned":
            drawn = cell.identity.initializer in ("random", "univariate", "multivariate")
            kind = "zero-shot, drawn rows" if drawn else "zero-shot, computed rows"
        score = load(store.path(cell.artifact))["scores"]["ndcg@10"]
        differences.setdefault(kind, []).append(abs(score - result["scores"]["ndcg@10"]))
    largest = ", ".join(f"{max(values):.4f} ({kind})" for kind, values in differences.items())
    return f"nDCG@10 of both sides differs by at most {largest}"
