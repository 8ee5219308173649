"""What a run does around the computing: places that cannot be written, damage on the way, and cells that failed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.estimate.estimate import Estimate
from harness.plan.plan import Cell
from harness.plan.preset import PresetError
from harness.results.record import Identity
from harness.run import grid_run, schedule
from harness.run.progress import Progress
from harness.store.artifact import Artifact
from harness.store.stage import Stage
from harness.store.store import ROUNDS, Store


def build(out, parameters, inputs):
    (out / "value").write_text("7")


CELL = Cell(Identity("ru", "bert", "own", "mean", "", None, "zero-shot", 1), "mean", False,
            Artifact(Stage("part", 1, 1, build), {}))  # fmt: skip


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.create()
    return store


def test_places_are_tried_before_anything_is_computed(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PresetError, match=r"--results .*file/below cannot be written \(Not a directory\); choose"):
        grid_run.check_places(tmp_path / "file" / "below", store, [CELL])
    store.make(CELL.artifact)
    (store.path(CELL.artifact) / "value").write_text("8")
    grid_run.check_places(tmp_path / "results", store, [CELL])
    assert list((tmp_path / "results").iterdir()) == [] and not store.has(CELL.artifact), "what is damaged is set aside"


@pytest.mark.parametrize(("spoiled", "rounds"), [(0, 1), (1, 2), (99, ROUNDS)])
def test_what_was_damaged_meanwhile_is_computed_again(store, monkeypatch, spoiled, rounds):
    calls = []

    def run(preset, cells, todo, store, *others):
        calls.append(list(todo))
        store.make(CELL.artifact)
        if len(calls) <= spoiled:
            (store.path(CELL.artifact) / "value").write_text("8")

    monkeypatch.setattr(schedule, "run", run)
    lines: list[str] = []
    estimate = Estimate.of(SimpleNamespace(catalog=None), store)
    errors: dict[str, str] = {}
    grid_run._compute(SimpleNamespace(), [CELL], store, None, estimate, Progress(1, show=lines.append), errors)
    assert errors == {} and calls == [[CELL.artifact]] * rounds
    assert len(lines) == min(spoiled, ROUNDS) and all(line.startswith("damaged: part ") for line in lines)
