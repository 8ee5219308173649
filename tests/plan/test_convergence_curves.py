"""The grid with training.points: curves end in the cells before and after training, and nothing else differs."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.results import measurement
from harness.results.export import write_results
from harness.store.store import Store
from tests.helpers.paths import PRESETS

MEASURES = ["ndcg@10", "recall@100", "mrr@10", "query_active", "doc_active", "flops"]


@pytest.fixture
def trainings(own_data):
    def make(*overrides):
        cells = plan(
            load_preset(
                "own-data",
                PRESETS,
                [f"data={own_data}", *overrides],
                {"languages": ["ru"], "initializers": ["mean", "base"]},
            )
        )
        return {a.key: a for cell in cells for a in cell.artifact.walk() if a.stage.name == "trained-encoder"}

    return make


def test_points_and_how_they_are_measured_are_in_the_key_only_where_there_are_some(trainings):
    plain, none, points = trainings(), trainings("training.points=0"), trainings("training.points=3")
    assert plain.keys() == none.keys() and not plain.keys() & points.keys() and len(plain) == len(points) == 2
    for artifact in plain.values():
        assert (
            artifact.parameters.keys() <= {"training", "workers", "seed", "bias", "special_ids"}
            and "points" not in artifact.parameters["training"]
        )
        assert "collection" not in artifact.inputs
    assert plain.keys() == trainings("evaluation.max_length=32").keys()
    assert not points.keys() & trainings("training.points=3", "evaluation.max_length=32").keys()


def test_a_collection_evaluated_is_a_training_of_its_own_only_with_points(trainings, own_data, tmp_path):
    shutil.copytree(own_data / "collections" / "ru", tmp_path / "other")
    with (tmp_path / "other" / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"_id": "new", "text": "новый"}\n')
    both = [f"collections.other={tmp_path}/other", "training.collection=own"]
    assert (len(trainings(*both)), len(trainings(*both, "training.points=2"))) == (2, 4)


def test_a_negative_number_of_points_is_refused(command):
    code, _, err = command("--languages", "ru", "--set", "training.points=-1")
    assert code == 2 and "option 'training.points': -1 is not valid" in err and err.count("\n") == 1


def test_curves_end_in_the_cells(own_data, tmp_path):
    """To the last digit, although the points were measured within the training."""
    options = [
        f"data={own_data}",
        "training.batch_size=4",
        "training.learning_rate=0.001",
        "training.checkpoint_every=2",
        "training.points=2",
    ]
    chosen = {
        "languages": ["ru"],
        "initializers": ["univariate", "base", "bm25"],
        "regimes": ["zero-shot", "fine-tuned"],
    }
    store, records = Store(tmp_path / "store"), []
    store.create()
    for cell in plan(load_preset("own-data", PRESETS, options, chosen)):
        store.make(cell.artifact)
        records.append(
            measurement.record(cell.identity, cell.artifact.key, cell.label, cell.reference, store.path(cell.artifact))
        )
    written = write_results(tmp_path / "results", records, lambda _: None)
    cells, points = (pd.read_csv(tmp_path / "results" / name) for name in ("cells.csv", "convergence.csv"))
    assert points[["initializer", "step", "pairs"]].to_numpy().tolist() == [
        [name, step, 4 * step] for name in ("univariate", "base") for step in (0, 3, 5)
    ]
    for stage, step in (("zero-shot", 0), ("fine-tuned", 5)):
        expected = cells[(cells["regime"] == stage) & (cells["initializer"] != "bm25")]
        assert points[points["step"] == step][MEASURES].to_numpy().tolist() == expected[MEASURES].to_numpy().tolist()
    assert (points.groupby("initializer")["doc_active"].nunique() > 1).all()
    assert written.tables[-1].title == "own, source, ru: nDCG@10 by steps of 4 pairs"
    assert [row.label for row in written.tables[-1].rows] == ["univariate", "base"]
