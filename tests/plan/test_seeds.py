"""Several seeds: what a seed does not change is planned once, and shared once it is known."""

from __future__ import annotations

import json
from typing import ClassVar
from unittest.mock import MagicMock

import pytest

from harness.estimate.estimate import Estimate
from harness.estimate.remaining import Remaining, is_shared
from harness.plan.load_preset import load_preset
from harness.plan.plan import missing, plan, to_compute
from harness.plan.preset import PresetError
from harness.plan.seeds import settle, undecided
from harness.run import schedule
from harness.run.progress import Progress
from harness.store.artifact import Artifact
from harness.store.store import Store
from tests.helpers.measurements_made import publish
from tests.helpers.paths import PRESETS

SEEDS = [7, 8, 9]


@pytest.fixture
def preset_of(own_data):
    def make(*overrides, **choices):
        defaults = {"languages": ["ru"], "seeds": SEEDS}
        return load_preset("own-data", PRESETS, [f"data={own_data}", *overrides], defaults | choices)

    return make


@pytest.fixture
def store(tmp_path) -> Store:
    store = Store(tmp_path / "store")
    store.create()
    return store


def initializations(cells) -> list[Artifact]:
    found = {a.key: a for cell in cells for a in cell.artifact.walk() if a.stage.name == "initialization"}
    return list(found.values())


def measured_once(cells) -> int:
    return len({cell.artifact.key for cell in cells})


def make_rows(store: Store, initialization: Artifact, sampled: int) -> None:
    publish(store, initialization, {"about.json": json.dumps({"statistics": {"sampled": sampled}})})


@pytest.mark.parametrize(("name", "once"), [("mean", True), ("ofa", True), ("base", True), ("random", False)])
def test_rows_that_no_seed_changes_are_planned_once(preset_of, name, once):
    zero_shot = plan(preset_of(initializers=[name], regimes=["zero-shot"]))
    assert [cell.identity.seed for cell in zero_shot] == SEEDS and measured_once(zero_shot) == (1 if once else 3)
    fine_tuned = plan(preset_of(initializers=[name], regimes=["fine-tuned"]))
    assert measured_once(fine_tuned) == 3, "the training has a seed"
    assert len(initializations(fine_tuned)) == (0 if name == "base" else 1 if once else 3)


def test_the_first_seed_has_the_keys_of_a_grid_with_that_seed_alone(preset_of):
    names = ["mean", "random", "sembridge", "ofa", "base", "bm25"]
    several, alone = plan(preset_of(initializers=names)), plan(preset_of(initializers=names, seeds=[7]))
    assert [cell for cell in several if cell.identity.seed == 7] == alone


def test_rows_that_turn_out_unsampled_are_those_of_the_first_seed(preset_of, store):
    cells = plan(preset_of(initializers=["sembridge"]))
    first, *later = initializations(cells)
    assert len(later) == 2 and undecided(cells, store) == {artifact.key for artifact in later}
    assert settle(cells, store) == cells
    make_rows(store, first, sampled=0)
    settled = settle(cells, store)
    assert [cell.identity for cell in settled] == [cell.identity for cell in cells] and not undecided(cells, store)
    assert initializations(settled) == [first] and settle(settled, store) == settled
    by_regime = {name: [c for c in settled if c.identity.regime == name] for name in ("zero-shot", "fine-tuned")}
    assert {regime: measured_once(cells) for regime, cells in by_regime.items()} == {"zero-shot": 1, "fine-tuned": 3}
    assert [cell for cell in settled if cell.identity.seed == 7] == [cell for cell in cells if cell.identity.seed == 7]


def test_shares_of_an_evaluation_follow(preset_of, store):
    cells = plan(preset_of("evaluation.shares=2", initializers=["sembridge"], regimes=["zero-shot"]))
    make_rows(store, initializations(cells)[0], sampled=0)
    assert len(missing(cells, store)) > len(missing(settle(cells, store), store))
    assert measured_once(settle(cells, store)) == 1


def test_sampled_rows_and_other_methods_stay_as_planned(preset_of, store):
    cells = plan(preset_of(initializers=["sembridge", "random"], regimes=["zero-shot"]))
    for initialization in initializations(cells)[::3]:
        make_rows(store, initialization, sampled=1 if initialization.parameters["initializer"] == "sembridge" else 0)
    assert settle(cells, store) == cells and not undecided(cells, store)


def test_a_description_that_cannot_be_read_shares_nothing(preset_of, store):
    cells = plan(preset_of(initializers=["sembridge"], regimes=["zero-shot"]))
    publish(store, initializations(cells)[0], {"about.json": "half of {"})
    assert settle(cells, store) == cells


def test_a_part_of_the_cells_goes_by_the_first_seed_of_the_grid(preset_of, store):
    cells = plan(preset_of(initializers=["sembridge"], regimes=["zero-shot"]))
    make_rows(store, initializations(cells)[0], sampled=0)
    assert settle(cells[1:], store, first=7) == settle(cells, store)[1:]


def test_one_seed_is_left_alone(preset_of, store):
    cells = plan(preset_of(seeds=[7]))
    assert settle(cells, store) == cells and not undecided(cells, store)


@pytest.mark.parametrize(("sampled", "made"), [(0, 1), (3, 3)])
def test_a_run_makes_the_rows_of_the_first_seed_first_and_no_others_in_vain(
    preset_of, store, monkeypatch, sampled, made
):
    rounds: list[list[Artifact]] = []
    measured: list[Artifact] = []

    def run_shared_tasks(artifacts, *_):
        rounds.append(list(artifacts))
        for artifact in artifacts:
            make_rows(store, artifact, sampled)
            progress.finish(artifact.stage.name, artifact)

    def run_cells(cells, *_):
        for cell in cells:
            measured.append(cell.artifact)
            for part in cell.artifact.walk():
                if not store.has(part):
                    publish(store, part, score=0.5)
            progress.finish(cell.identity.name, cell.artifact)

    cluster = MagicMock()
    cluster.return_value.__enter__.return_value = 1

    monkeypatch.setattr(schedule, "run_shared_tasks", run_shared_tasks)
    monkeypatch.setattr(schedule, "run_cells", run_cells)
    monkeypatch.setattr(schedule, "Cluster", cluster)
    preset = preset_of(initializers=["sembridge"])
    cells = plan(preset)
    todo = missing(cells, store)
    lines: list[str] = []
    progress, estimate = Progress(show=lines.append), Estimate.of(preset, store)
    progress.begin(Remaining.of(todo, estimate), sum(map(is_shared, todo)), to_compute(cells, store), store.seconds)
    schedule.run(preset, cells, todo, store, None, progress, estimate, {})
    rows = [[a.parameters["seed"] for a in artifacts if a.stage.name == "initialization"] for artifacts in rounds]
    assert rows == [[7], SEEDS[1:made]]
    assert len({artifact.key for artifact in measured}) == len(measured) == made + 3
    assert {artifact.key for artifact in measured} == {cell.artifact.key for cell in settle(cells, store)}
    shared = sum(map(len, rounds))
    spared = f"{3 - made} shared artifacts are those of the first seed, and are not computed again"
    assert (spared in lines) == (made < 3)
    assert (
        made == 1
        or [line.partition("]")[0] for line in lines if " shared]" in line][-1] == f"[{shared}/{shared} shared"
    )
    assert lines[-1].startswith("[6/6 cells] ") and "left" not in lines[-1], "counts and remaining time add up"


def test_an_unknown_declaration_is_refused(preset_of, monkeypatch):
    from baselines.mean import Mean

    class Sometimes(Mean):
        samples: ClassVar[str] = "sometimes"

    monkeypatch.setattr("sembridge.registry.initializer_class", lambda _: Sometimes)
    with pytest.raises(PresetError, match=r"'mean' declares samples 'sometimes'; it is one of always, fallback, never"):
        plan(preset_of(initializers=["mean"]))
