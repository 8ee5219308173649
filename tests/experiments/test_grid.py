"""The arithmetic of the grid's benchmark on figures made by hand: what sharing, kernels and scheduling are said to gain."""

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

WORLD = Artifact(POCKET_TEXT, {"seed": 1})
ROWS = Artifact(INITIALIZATION, {"initializer": "mean"}, {"text": WORLD})
TRAINED = Artifact(TRAINED_ENCODER, {}, {"initialization": ROWS})
SECONDS = {ROWS: 2.0, TRAINED: 10.0}  # ours, each made once


def cell(collection: str, stage: str) -> Cell:
    made = {"zero-shot": {"initialization": ROWS}, "fine-tuned": {"trained": TRAINED}}[stage]
    artifact = Artifact(EVALUATION, {"collection": collection}, made)
    return Cell(Identity("ko", "bert", collection, "mean", "", None, stage, 42), "mean", False, artifact)


CELLS = [cell("faq", "zero-shot"), cell("faq", "fine-tuned"), cell("passages", "fine-tuned")]
THEIRS = [
    {"scores": {"ndcg@10": 0.30}, "seconds": {"load": 1.0, "bridge": 4.0, "initialize": 6.0, "evaluate": 3.0}},
    {
        "scores": {"ndcg@10": 0.40},
        "seconds": {"load": 1.5, "bridge": 5.0, "initialize": 7.0, "train": 20.0, "evaluate": 2.0},
    },
    {
        "scores": {"ndcg@10": 0.50},
        "seconds": {"load": 2.5, "bridge": 6.0, "initialize": 8.0, "train": 21.0, "evaluate": 9.0},
    },
]
PIECES = {
    "load": 1 + 1.5 + 2.5,
    "bridge": 4,
    "initialize": 6,
    "evaluate": 3 + 2 + 9,
    "train": 20,
}  # theirs, each done once
ONCE = 49


@pytest.fixture
def store(tmp_path):
    found = Store(tmp_path / "store")
    measured = SECONDS | {one.artifact: 1.0 for one in CELLS}
    for artifact, taken in measured.items():
        (folder := found.path(artifact)).mkdir(parents=True)
        (folder / "MANIFEST.json").write_text(json.dumps({"seconds": taken}), encoding="utf-8")
    for one, score in zip(CELLS, (0.31, 0.40, 0.48), strict=True):
        (found.path(one.artifact) / "measurement.json").write_text(
            json.dumps({"scores": {"ndcg@10": score}}), encoding="utf-8"
        )
    return found


def test_each_piece_is_counted_once_for_whatever_decides_it():
    assert grid.each_once(THEIRS, CELLS) == PIECES
    other = replace(
        CELLS[1], identity=replace(CELLS[1].identity, initializer="random")
    )  # all of its own but the bridge, which knows no method
    added = {"load": 1.5, "bridge": 0, "initialize": 7, "train": 20, "evaluate": 2}
    assert grid.each_once([*THEIRS, THEIRS[1]], [*CELLS, other]) == {
        piece: PIECES[piece] + more for piece, more in added.items()
    }
    foreign = replace(CELLS[1], identity=replace(CELLS[1].identity, language="ru"))  # a language shares nothing
    added["bridge"] = 5
    assert grid.each_once([*THEIRS, THEIRS[1]], [*CELLS, foreign]) == {
        piece: PIECES[piece] + more for piece, more in added.items()
    }


def test_the_gain_is_the_product_of_its_parts(store):
    log = "2026-11-21 Ray is ready after 3 s\n2026-11-21 Ray: 6 s of 20 s (30%) started\n2026-11-21 done"
    wall, sharing, kernels, scheduling = grid.table(CELLS, store, 20.0, 100.0, {"imports": 5.0, "cells": THEIRS}, log)
    assert (wall.ours, wall.theirs, wall.ratio, wall.goal) == (20.0, 100.0, 5.0, 4.0)
    assert (sharing.ours, sharing.theirs) == (ONCE + 5, 100.0)
    assert (kernels.ours, kernels.theirs) == (2 + 10 + 3 * 1, ONCE + 5)  # the world is given to both sides
    assert (
        "thread each: initialization 2 s, evaluation 3 s, trained-encoder 10 s; theirs" in kernels.note
        and "train 20 s" in kernels.note
    )
    assert (scheduling.ours, scheduling.theirs) == (20.0, 15.0)
    assert sharing.ratio * kernels.ratio * scheduling.ratio == pytest.approx(wall.ratio)
    assert scheduling.note.endswith("the run says: Ray: 6 s of 20 s (30%) started")
    assert wall.note.endswith("0.0100 (zero-shot, computed rows), 0.0200 (fine-tuned)")


def test_only_the_world_is_made_beforehand():
    assert grid.needed(CELLS) == [WORLD]


def test_a_side_that_fails_is_no_measurement():
    with pytest.raises(RuntimeError, match=r"ended with 3: .*no such preset"):
        grid.run([sys.executable, "-c", "import sys; sys.stderr.write('no such preset'); sys.exit(3)"])


def test_both_sides_are_given_the_same_folders():
    place = SimpleNamespace(locate=lambda source: SimpleNamespace(name=source))
    given = SimpleNamespace(inputs={"bridge_source": SimpleNamespace(inputs={"bridge": "BRIDGE"})})
    start = {"encoder": "ENCODER", "tokenizer": "TOKENIZER", "initialization": given}
    trained = SimpleNamespace(inputs=start | {"pairs": "PAIRS"})
    asked = [
        SimpleNamespace(identity=CELLS[0].identity, artifact=SimpleNamespace(inputs=start | {"collection": "FAQ"})),
        SimpleNamespace(
            identity=CELLS[2].identity, artifact=SimpleNamespace(inputs={"trained": trained, "collection": "PASSAGES"})
        ),
    ]
    preset = SimpleNamespace(training=SimpleNamespace(model_dump=lambda: {"epochs": 1}))
    folders = {"encoder": "ENCODER", "tokenizer": "TOKENIZER", "bridge": "BRIDGE"}
    assert grid.job(preset, asked, place) == {
        "training": {"epochs": 1},
        "cells": [
            {"initializer": "mean", "alpha": None, "regime": "zero-shot", "collection": "FAQ", **folders},
            {
                "initializer": "mean",
                "alpha": None,
                "regime": "fine-tuned",
                "collection": "PASSAGES",
                **folders,
                "pairs": "PAIRS",
            },
        ],
    }
