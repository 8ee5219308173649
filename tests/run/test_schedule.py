"""Which cells are computed, in which order, and whether they need a hub."""

from __future__ import annotations

from pathlib import Path

from harness.estimate.remaining import is_shared
from harness.plan.plan import Cell
from harness.results.record import Identity
from harness.run.schedule import _batches, _distinct, _uses_hub
from harness.store.artifact import Artifact, Hub, Local
from harness.store.stage import Stage


def build(out, parameters, inputs):
    raise AssertionError("nothing is computed")


PART, TRAINING = Stage("part", 1, 1, build), Stage("training", 1, 1, build, shared=False)


def cell(collection, regime, number, artifact=None):
    identity = Identity("ru", "bert", collection, "mean", "", None, regime, number)
    return Cell(identity, "mean", False, artifact or Artifact(PART, {"at": [collection, regime, number]}))


def test_cells_of_one_training_are_kept_apart():
    """In the plan the two collections of a seed, which share its training, are neighbors."""
    plan = [cell(collection, regime, seed) for seed in (1, 2) for collection in "xy" for regime in ("zero", "tuned")]
    order = [(one.identity.regime, one.identity.collection, one.identity.seed) for one in _distinct(plan)]
    assert order == [
        ("zero", "x", 1), ("zero", "x", 2), ("zero", "y", 1), ("zero", "y", 2),
        ("tuned", "x", 1), ("tuned", "x", 2), ("tuned", "y", 1), ("tuned", "y", 2),
    ]  # fmt: skip


def test_an_artifact_of_two_cells_is_computed_once():
    same = Artifact(PART, {"name": "bm25"})
    assert len(_distinct([cell("x", "zero", 1, same), cell("x", "tuned", 1, same), cell("x", "zero", 2)])) == 2


def test_a_cell_that_reads_others_comes_after_all_of_them():
    row, bm25 = (Artifact(PART, {"name": name}) for name in ("row", "bm25"))
    fused = Artifact(PART, {"name": "fused"}, {"bm25": bm25, "row": row})
    cells = [cell("x", "zero", 1, fused), cell("x", "zero", 2, row), cell("y", "zero", 1)]
    first, later = _batches(cells)
    assert [one.artifact for one in later] == [fused] and first == cells[1:]
    assert _batches(cells[:1]) == (cells[:1], []), "what it reads is not to be computed"


def test_what_needs_a_training_comes_with_its_cell():
    base = Artifact(PART, {})
    trained = Artifact(TRAINING, {}, {"base": base})
    assert is_shared(base) and not is_shared(trained)
    assert not is_shared(Artifact(PART, {}, {"encoder": trained})), "however far below"


def test_a_hub_is_used_where_any_input_comes_from_it(tmp_path):
    local = Artifact(PART, {}, {"text": Local(Path(tmp_path))})
    model = Artifact(PART, {}, {"below": Artifact(PART, {}, {"model": Hub("org/model", "c0ffee")})})
    download = Artifact(PART, {}, {"pairs": Artifact(Stage("collection", 1, 1, build), {})})
    for artifact, expected in ((local, False), (model, True), (download, True)):
        assert _uses_hub([cell("x", "zero", 1, local), cell("x", "zero", 2, artifact)]) is expected
