"""Tune gives up in the middle of a round: what had not ended is tried again, and what helps nothing comes to an end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.cluster.ray_start import RayFailed
from harness.estimate.remaining import Remaining
from harness.run import trials
from harness.run.progress import Progress
from harness.run.retries import Outcome
from harness.store.artifact import Artifact
from harness.store.stage import Stage
from tests.cluster.test_memory import LINE, RAY

STAGE = Stage("evaluation", version=1, seconds=5, build=lambda out, parameters, inputs, batch_divisor: None)
CELLS = [
    SimpleNamespace(artifact=Artifact(STAGE, {"name": name}), identity=SimpleNamespace(name=name)) for name in "abcdef"
]
NAMES = {cell.artifact.key: cell.identity.name for cell in CELLS}


@pytest.fixture
def run(monkeypatch):
    """Run CELLS on a double of Tune: by round, the cells that end, those that are running then, and what it raises.

    Rounds that are not listed compute everything. Returns (errors by name, lines, (slots, names) by round).
    """

    def run(*rounds, slots=4):
        store_has: set[str] = set()
        plan, lines, asked = list(rounds), [], []

        def tune(cells, preset, store, slots, reporter):
            names = [cell.identity.name for cell in cells]
            ends, runs, error = plan.pop(0) if plan else (names, "", None)
            asked.append((slots, "".join(names)))
            keys = {NAMES[cell.artifact.key]: cell.artifact.key for cell in cells}
            for name in [*ends, *runs]:
                trial = SimpleNamespace(config={"cell": keys[name]}, last_result=Outcome(True, 1.0)._asdict())
                reporter.on_trial_start(0, [], trial)
                if name in ends:
                    store_has.add(keys[name])
                    reporter.on_trial_complete(0, [], trial)
            if error is not None:
                raise error

        monkeypatch.setattr(trials, "_run_trials", tune)
        monkeypatch.setattr(trials, "_warnings", lambda store, cell: [])
        monkeypatch.setattr(trials, "_format_score", lambda store, cell: "measured")
        monkeypatch.setattr("harness.cluster.memory.time.sleep", lambda seconds: None)
        store = SimpleNamespace(has=lambda artifact: artifact.key in store_has, root="store")
        progress = Progress(slots, show=lines.append)
        progress.begin(Remaining({}), 0, dict.fromkeys(NAMES, 1), lambda artifact: None)
        errors: dict[str, str] = {}
        trials.run_cells(CELLS, None, store, slots, progress, lambda: slots, errors)
        return {NAMES[key]: error for key, error in errors.items()}, lines, asked

    return run


def killed():
    return RuntimeError(f"Caught unexpected exception: {RAY}")


def test_a_kill_among_several_costs_no_attempt_and_halves_the_slots(run):
    errors, lines, asked = run(("ab", "cde", killed()), ("c", "d", killed()))
    assert errors == {} and asked == [(4, "abcdef"), (2, "cdef"), (1, "def")]
    assert lines[2] == f"{LINE}; what was running (3) is tried again"
    assert lines[3] == "2 cells at a time from here on, for lack of memory"
    assert lines[-1].startswith("[6/6 cells] computed f")


def test_a_cell_that_is_killed_alone_three_times_fails_and_the_others_go_on(run):
    errors, lines, asked = run(*[("", "a", killed())] * 3, slots=1)
    assert errors == {"a": f"failed 3 times: {LINE}"}
    assert [names for _, names in asked] == ["abcdef"] * 3 + ["bcdef"]
    assert f"a: attempt 1 of 3 failed: {LINE}; trying again with batches 4 times smaller" in lines
    assert "waiting 20 s for memory" in lines


def test_an_error_of_tunes_own_counts_for_what_was_running(run):
    errors, lines, asked = run(("a", "bc", RuntimeError("who knows")))
    assert errors == {} and asked[1] == (4, "bcdef")
    assert "b: attempt 1 of 3 failed: RuntimeError: who knows; trying again" in lines


@pytest.mark.parametrize(
    ("error", "rounds"),
    [(RuntimeError("who\nknows"), 3), (OSError(28, "No space left on device"), 1), (ValueError("who knows"), 1)],
)
def test_what_leads_nowhere_ends_in_one_line(run, error, rounds):
    with pytest.raises(RayFailed, match=r"Ray Tune cannot go on: .*; the same command goes on") as ended:
        run(*[("", "", error)] * rounds)
    assert "\n" not in str(ended.value)
