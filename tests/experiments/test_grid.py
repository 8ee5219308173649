"""The arithmetic of the grid's benchmark on figures made by hand: the gains of sharing, kernels and scheduling."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from experiments.benchmarks import grid
from harness.evaluation.stage import EVALUATION
from harness.initialization.initialization import INITIALIZATION
from harness.plan.plan import Cell
from harness.pocket.texts import POCKET_TEXT
from harness.results.record import Identity
from harness.store.artifact import Artifact
from harness.store.store import Store
from harness.training.stage import TRAINED_ENCODER

POCKET = Artifact(POCKET_TEXT, {"seed": 1})
ROWS = Artifact(INITIALIZATION, {"initializer": "mean"}, {"text": POCKET})
TRAINED = Artifact(TRAINED_ENCODER, {}, {"initialization": ROWS})
SECONDS = {ROWS: 2.0, TRAINED: 10.0}  # ours, each computed once


def cell(collection: str, regime: str) -> Cell:
    inputs = {"zero-shot": {"initialization": ROWS}, "fine-tuned": {"trained": TRAINED}}[regime]
    artifact = Artifact(EVALUATION, {"collection": collection}, inputs)
    return Cell(Identity("ko", "bert", collection, "mean", "", None, regime, 42), "mean", False, artifact)


def result(score: float, **seconds: float) -> dict:
    return {"scores": {"ndcg@10": score}, "seconds": seconds}


CELLS = [cell("faq", "zero-shot"), cell("faq", "fine-tuned"), cell("passages", "fine-tuned")]
THEIRS = [
    result(0.30, load=1.0, bridge=4.0, initialize=6.0, evaluate=3.0),
    result(0.40, load=1.5, bridge=5.0, initialize=7.0, train=20.0, evaluate=2.0),
    result(0.50, load=2.5, bridge=6.0, initialize=8.0, train=21.0, evaluate=9.0),
]
# Theirs, each done once.
PIECES = {"load": 1 + 1.5 + 2.5, "bridge": 4, "initialize": 6, "evaluate": 3 + 2 + 9, "train": 20}
ONCE = 49


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    for artifact, seconds in (SECONDS | {each.artifact: 1.0 for each in CELLS}).items():
        (folder := store.path(artifact)).mkdir(parents=True)
        (folder / "MANIFEST.json").write_text(json.dumps({"seconds": seconds}), encoding="utf-8")
    for each, score in zip(CELLS, (0.31, 0.40, 0.48), strict=True):
        measurement = json.dumps({"scores": {"ndcg@10": score}})
        (store.path(each.artifact) / "measurement.json").write_text(measurement, encoding="utf-8")
    return store


def test_each_piece_is_counted_once_for_whatever_decides_it():
    def counted(**changes: str) -> dict[str, float]:
        other = replace(CELLS[1], identity=replace(CELLS[1].identity, **changes))
        return grid.each_once([*THEIRS, THEIRS[1]], [*CELLS, other])

    assert grid.each_once(THEIRS, CELLS) == PIECES
    added = {"load": 1.5, "bridge": 0, "initialize": 7, "train": 20, "evaluate": 2}  # the bridge depends on no method
    assert counted(initializer="random") == {piece: PIECES[piece] + more for piece, more in added.items()}
    added["bridge"] = 5  # a language shares nothing
    assert counted(language="ru") == {piece: PIECES[piece] + more for piece, more in added.items()}


def test_the_gain_is_the_product_of_its_parts(store):
    log = "2026-11-21 Ray is ready after 3 s\n2026-11-21 Ray: 6 s of 20 s (30%) started\n2026-11-21 done"
    wall, sharing, kernels, scheduling = grid.table(CELLS, store, 20.0, 100.0, {"imports": 5.0, "cells": THEIRS}, log)
    assert (wall.ours, wall.theirs, wall.ratio, wall.goal) == (20.0, 100.0, 5.0, 4.0)
    assert (sharing.ours, sharing.theirs) == (ONCE + 5, 100.0)
    assert (kernels.ours, kernels.theirs) == (2 + 10 + 3 * 1, ONCE + 5)  # both sides start with the pocket
    ours = "thread each: initialization 2 s, evaluation 3 s, trained-encoder 10 s; theirs"
    assert ours in kernels.note and "train 20 s" in kernels.note
    assert (scheduling.ours, scheduling.theirs) == (20.0, 15.0)
    assert sharing.ratio * kernels.ratio * scheduling.ratio == pytest.approx(wall.ratio)
    assert scheduling.note.endswith("the run says: Ray: 6 s of 20 s (30%) started")
    assert wall.note.endswith("0.0100 (zero-shot, computed rows), 0.0200 (fine-tuned)")


def test_only_the_pocket_is_computed_beforehand():
    assert grid.pocket_artifacts(CELLS) == [POCKET]


def test_a_side_that_fails_is_not_a_measurement():
    with pytest.raises(RuntimeError, match=r"ended with 3: .*no such preset"):
        grid.run([sys.executable, "-c", "import sys; sys.stderr.write('no such preset'); sys.exit(3)"])


def test_both_sides_get_the_same_folders():
    store = SimpleNamespace(locate=lambda source: SimpleNamespace(name=source))
    initialization = SimpleNamespace(inputs={"bridge_source": SimpleNamespace(inputs={"bridge": "BRIDGE"})})
    start = {"encoder": "ENCODER", "tokenizer": "TOKENIZER", "initialization": initialization}
    trained = SimpleNamespace(inputs=start | {"pairs": "PAIRS"})
    inputs = [start | {"collection": "FAQ"}, {"trained": trained, "collection": "PASSAGES"}]
    cells = [
        SimpleNamespace(identity=CELLS[number].identity, artifact=SimpleNamespace(inputs=each))
        for number, each in zip((0, 2), inputs, strict=True)
    ]
    preset = SimpleNamespace(training=SimpleNamespace(model_dump=lambda: {"epochs": 1}))
    method = {"initializer": "mean", "alpha": None}
    folders = {"encoder": "ENCODER", "tokenizer": "TOKENIZER", "bridge": "BRIDGE"}
    assert grid.job(preset, cells, store) == {
        "training": {"epochs": 1},
        "cells": [
            {**method, "regime": "zero-shot", "collection": "FAQ", **folders},
            {**method, "regime": "fine-tuned", "collection": "PASSAGES", **folders, "pairs": "PAIRS"},
        ],
    }
