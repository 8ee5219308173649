"""What becomes of ended trials: progress, errors and further attempts, by events as Tune reports them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.estimate.remaining import Remaining
from harness.plan.plan import Cell
from harness.results.record import Identity
from harness.run import trials
from harness.run.progress import Progress
from harness.run.retries import FINAL, MEMORY, Outcome
from harness.store.artifact import Artifact
from harness.store.stage import Stage
from harness.store.store import Store


def build(out, parameters, inputs, batch_divisor):
    (out / "measurement.json").write_text('{"scores": {"ndcg@10": 0.25}}')


CELL = Cell(Identity("ru", "bert", "own", "mean", "", None, "zero-shot", 1), "mean", False,
            Artifact(Stage("part", 1, 1, build), {}))  # fmt: skip
KEY, NAME = CELL.artifact.key, CELL.identity.name


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.create()
    return store


@pytest.fixture
def reported(store):
    """A reporter of one cell, the lines of its progress, and the errors."""
    lines: list[str] = []
    errors: dict[str, str] = {}
    progress = Progress(1, show=lines.append)
    progress.begin(Remaining({}), 0, {KEY: 1}, lambda artifact: None)
    return trials._make_reporter([CELL], store, progress, errors), lines, errors


def end(reporter, outcome):
    trial = SimpleNamespace(config={"cell": KEY}, last_result={**outcome._asdict(), "training_iteration": 1})
    reporter.on_trial_complete(1, [], trial)


@pytest.mark.parametrize(("computed", "verb"), [(True, "computed"), (False, "found")])
def test_a_finished_cell_shows_its_score(reported, store, computed, verb):
    reporter, lines, errors = reported
    store.make(CELL.artifact)
    end(reporter, Outcome(computed, 2.0, notes=("damaged: part",)))
    assert lines == ["damaged: part", f"[1/1 cells] {verb} {NAME}: nDCG@10 0.250 in 2 s"]
    assert (reporter.ended, errors, reporter.settled) == (1, {}, {KEY})


def test_failures_end_a_cell_or_give_it_another_attempt(reported):
    reporter, lines, errors = reported
    end(reporter, Outcome(error="out of memory", verdict=MEMORY))
    assert reporter.settled == set() and errors == {} and reporter.attempts.batch_divisor(KEY) == 4
    end(reporter, Outcome(error="wrong input", verdict=FINAL))
    assert errors == {KEY: "wrong input"} and reporter.settled == {KEY} and reporter.ended == 2
    assert lines[0].startswith(f"{NAME}: attempt 1 of 3 failed: out of memory")
    assert lines[1] == f"[1/1 cells] computed {NAME}: FAILED: wrong input"


def test_a_result_that_is_not_in_the_store_is_a_failure(reported):
    reporter, lines, _ = reported
    end(reporter, Outcome(True, 2.0))
    assert (
        reporter.settled == set() and "is not in the store" in lines[0] and "nodes need one shared folder" in lines[0]
    )


def test_a_dead_process_is_explained_without_tunes_heading(reported, tmp_path, monkeypatch):
    reporter, lines, _ = reported
    monkeypatch.setattr(trials, "oom_kills", lambda: reporter._kills)
    (tmp_path / "error.txt").write_text("Failure # 1 (occurred at noon)\nThe worker died.\n")
    trial = SimpleNamespace(config={"cell": KEY}, error_file=str(tmp_path / "error.txt"))
    reporter.on_trial_error(1, [], trial)
    assert "its process died (The worker died.)" in lines[0]
    trial.error_file = None
    reporter.on_trial_error(2, [], trial)
    assert "the cause is unknown" in lines[1]


def test_cells_are_tried_until_none_is_left(reported, store, monkeypatch):
    """Two lacks of memory, then a result: each attempt with batches four times smaller."""
    reporter, _, errors = reported
    outcomes = [Outcome(error="lack", verdict=MEMORY), Outcome(error="lack", verdict=MEMORY), Outcome(True, 1.0)]
    divisors = []

    def run_trials(cells, preset, store, slots, reporter):
        divisors.append([reporter.attempts.batch_divisor(cell.artifact.key) for cell in cells])
        if len(outcomes) == 1:
            store.make(CELL.artifact)
        end(reporter, outcomes.pop(0))

    def restart():
        raise AssertionError("Ray did not fail")

    waits: list[object] = []
    monkeypatch.setattr(trials, "wait_for_memory", waits.append)  # one cell alone waits for others to give memory back
    monkeypatch.setattr(trials, "_make_reporter", lambda *arguments: reporter)
    monkeypatch.setattr(trials, "_run_trials", run_trials)
    trials.run_cells([CELL], None, store, 1, Progress(), restart, errors)
    assert errors == {} and divisors == [[1], [4], [16]]
    trials.run_cells([], None, store, 1, Progress(), restart, errors)
    assert errors == {} and len(divisors) == 3
