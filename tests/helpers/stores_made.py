"""Stores of whole grids without computing anything: the store publishes each artifact, its files are stand-ins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness.cli.shipped import presets
from harness.evaluation.strata import FILE, STRATA
from harness.plan.load_preset import load_preset
from harness.plan.plan import Cell, plan
from harness.run.report import report
from harness.store.artifact import Artifact, Member, Source
from harness.store.store import Store
from tests.helpers.measurements_made import write_measurement

MEASURED = ("evaluation", "bm25", "dense", "reference")
KO = {"languages": ["ko"], "architectures": ["bert"], "initializers": ["mean", "sembridge", "bm25"]}
RU = {"languages": ["ru"], "architectures": ["bert"], "initializers": ["mean", "signet"]}


def pocket_cells(chosen: Mapping[str, Any]) -> list[Cell]:
    """Return the cells of a part of the pocket."""
    return plan(load_preset("pocket", presets(), [], dict(chosen)))


def publish_cells(store: Store, cells: Sequence[Cell]) -> None:
    """Publish all that the cells are made from, and their strata."""
    for cell in cells:
        for root in cell.roots:
            store.make(stand_in(root))


def publish_grid(store: Store, results: Path, chosen: Mapping[str, Any]) -> list[Cell]:
    """Publish a part of the pocket and write its results; return its cells."""
    cells = pocket_cells(chosen)
    publish_cells(store, cells)
    write_results_of(store, results, cells)
    return cells


def write_results_of(store: Store, results: Path, cells: Sequence[Cell]) -> None:
    report(cells, store, results, {})


def stand_in(artifact: Artifact) -> Artifact:
    """Return an artifact of the same key whose stage writes a stand-in: a measurement where it is one."""
    inputs: dict[str, Source] = {}
    for name, source in artifact.inputs.items():
        match source:
            case Artifact():
                source = stand_in(source)
            case Member(inner, path):
                source = Member(stand_in(inner), path)
        inputs[name] = source
    build = _measure if artifact.stage.name in MEASURED else _split if artifact.stage == STRATA else _write
    return Artifact(replace(artifact.stage, build=build), artifact.parameters, inputs)


def _write(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    (out / "about.json").write_text(json.dumps({"statistics": {"sampled": 0}}), encoding="utf-8")


def _split(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    pq.write_table(pa.table({"query_id": ["q1"], "share": [0.5]}), out / FILE)


def _measure(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    write_measurement(out, 0.5)
