"""Shared artifacts as Ray tasks: inputs first, failures reach what depends on them, and retries get smaller batches."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from harness.estimate.remaining import Remaining
from harness.run.progress import Progress
from harness.run.retries import AGAIN, FINAL, KILLED, MEMORY, Outcome
from harness.run.shared_tasks import run_shared_tasks
from harness.store.artifact import Artifact
from harness.store.stage import Stage


def build(out, parameters, inputs, batch_divisor):
    raise AssertionError("the double of Ray runs nothing")


STAGE = Stage("part", version=1, seconds=5, build=build)
BASE = Artifact(STAGE, {"name": "base"})
MIDDLE = Artifact(STAGE, {"name": "middle"}, {"base": BASE})
TOP = Artifact(STAGE, {"name": "top"}, {"middle": MIDDLE})
APART = Artifact(STAGE, {"name": "apart"})


@pytest.fixture
def run(monkeypatch):
    """Run artifacts on a double of Ray that ends tasks in the order of submission, with the given outcomes by name."""

    def run(artifacts, **outcomes):
        log: list[str] = []
        lines: list[str] = []
        results: dict[str, list[Outcome]] = {name: list(several) for name, several in outcomes.items()}

        class Task:
            def options(self, runtime_env):
                return self

            def remote(self, artifact, root, threads, batch_divisor):
                name = artifact.parameters["name"]
                log.append(f"begin {name}" + (f" / {batch_divisor}" if batch_divisor > 1 else ""))
                return name

        def get(name):
            log.append(f"end {name}")
            return results[name].pop(0) if results.get(name) else Outcome(True, 1.0)

        ray = SimpleNamespace(
            remote=lambda **options: lambda function: Task(),
            wait=lambda references: (references[:1], references[1:]),
            get=get,
            exceptions=SimpleNamespace(RayError=ConnectionError),
        )
        strategies = SimpleNamespace(PlacementGroupSchedulingStrategy=lambda group: None)
        for name, module in (("", ray), (".util", strategies), (".util.scheduling_strategies", strategies)):
            monkeypatch.setitem(sys.modules, f"ray{name}", module)
        preset = SimpleNamespace(
            resources=SimpleNamespace(cpus_per_cell=1, gpus_per_cell=0), training=SimpleNamespace(workers=1)
        )
        store = SimpleNamespace(root="store")
        progress = Progress(show=lines.append)
        progress.begin(Remaining({}), len(artifacts), {}, lambda artifact: None)
        errors: dict[str, str] = {}
        run_shared_tasks(artifacts, preset, store, 2, progress, errors)
        return log, errors, lines

    return run


def test_no_task_waits_for_its_inputs_in_a_slot(run):
    log, errors, _ = run([BASE, MIDDLE, TOP, APART])
    order = "begin base, begin apart, end base, begin middle, end apart, end middle, begin top, end top"
    assert ", ".join(log) == order
    assert errors == {}


def test_a_failure_fails_what_depends_on_it(run):
    log, errors, lines = run([BASE, MIDDLE, TOP, APART], base=[Outcome(error="wrong input", verdict=FINAL)])
    assert log == ["begin base", "begin apart", "end base", "end apart"]
    assert errors == dict.fromkeys((BASE.key, MIDDLE.key, TOP.key), "wrong input")
    assert [line.split("; about")[0] for line in lines] == [
        "[1/4 shared] part FAILED: wrong input", "[2/4 shared] part FAILED: wrong input",
        "[3/4 shared] part FAILED: wrong input", "[4/4 shared] part computed in 1 s",
    ]  # fmt: skip


def test_a_failed_attempt_is_repeated(run):
    failures = [Outcome(error="out of memory", verdict=MEMORY), Outcome(error="died", verdict=AGAIN)]
    log, errors, lines = run([BASE, MIDDLE], base=failures)
    begun = [line for line in log if line.startswith("begin")]
    assert begun == ["begin base", "begin base / 4", "begin base / 4", "begin middle"] and errors == {}
    assert lines[0] == "part: attempt 1 of 3 failed: out of memory; trying again with batches 4 times smaller"


def test_after_a_kill_for_lack_of_memory_fewer_run_at_a_time(run, monkeypatch):
    """Of two tasks one is killed: from then on one at a time, and after another kill, of one alone, a pause."""
    monkeypatch.setattr("harness.cluster.memory.time.sleep", lambda seconds: None)
    killed = Outcome(error="killed", verdict=KILLED)
    log, errors, lines = run([BASE, APART, MIDDLE], base=[killed, killed])
    assert errors == {}
    assert log == [
        "begin base", "begin apart", "end base", "end apart", "begin base / 4", "end base", "begin base / 16",
        "end base", "begin middle", "end middle",
    ]  # fmt: skip
    assert lines[1] == "1 shared at a time from here on, for lack of memory" and "waiting 20 s for memory" in lines
