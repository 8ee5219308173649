"""Run cells as Ray Tune trials, one trial for each cell.

A trial's own process only waits: the cell is a task like a shared artifact (`harness.run.task`), so it is made in a
process that has already imported the libraries, and a trial's process imports none of them. On a GPU the trial makes
the cell itself: Ray ends the process of a task that had a GPU, and keeps that of a trial.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.cluster.draining import stay_off_draining_node
from harness.cluster.memory import wait_for_memory
from harness.cluster.ray_start import RayFailed
from harness.cluster.resources import WAITING, cell_resources
from harness.files.units import duration
from harness.plan.plan import Cell
from harness.plan.preset import Preset
from harness.results.warnings import NewWarnings
from harness.run.progress import Progress
from harness.run.retries import (
    AGAIN,
    ATTEMPTS,
    FINAL,
    KILLED,
    Attempts,
    Outcome,
    explain_death,
    explain_error,
    fewer,
    oom_kills,
)
from harness.run.task import make_artifact, outcome, submit
from harness.run.trial_environment import hand_on_nothing
from harness.store.store import Store

TRIAL_BYTES = 200 * 2**20
"""Memory of a trial's own process, which takes nothing else; so trials spread over the nodes of a large cluster."""


def run_cells(
    cells: Sequence[Cell], preset: Preset, store: Store, slots: int, progress: Progress, restart: Callable[[], int],
    errors: dict[str, str],
) -> None:  # fmt: skip
    """Run one Tune trial per cell.

    Cells that are worth another attempt get it when all others have ended. Tune itself gives up when Ray's memory
    monitor kills a trial's process, and whenever something happens that it does not expect: then Ray begins anew, and
    so do the cells that had not ended. RayFailed if that does not lead on.

    restart  ends whatever Ray runs for this grid and begins anew; returns the slots
    errors   gets why a cell failed, by its artifact's key
    """
    if not cells:
        return
    reporter, pending = _make_reporter(cells, store, progress, errors), list(cells)
    while pending:
        reporter.begin_round()
        try:
            _run_trials(pending, preset, store, slots, reporter)
        except Exception as error:
            reporter.settle_abort(error, slots)
            slots = min(slots, restart())
        if reporter.attempts.crowded:
            if slots == 1:
                wait_for_memory(progress.line)
            else:
                slots = fewer(slots)
                progress.line(f"{slots} cell{'s' if slots > 1 else ''} at a time from here on, for lack of memory")
        pending = [cell for cell in pending if cell.artifact.key not in reporter.settled]


def _run_trials(cells: Sequence[Cell], preset: Preset, store: Store, slots: int, reporter: Any) -> None:
    """Run each cell once. Trials reuse their processes."""
    from ray import tune

    threads = max(1, int(preset.resources.cpus_per_cell))
    root, artifacts = str(store.root), {cell.artifact.key: cell.artifact for cell in cells}
    batch_divisors = {key: reporter.attempts.batch_divisor(key) for key in artifacts}

    resources = cell_resources(preset)
    if preset.training.workers > 1:  # a worker group has its own resources; its cell only waits for it
        resources = {"CPU": WAITING, "GPU": 0}
    itself = resources["GPU"] > 0

    def trial(config: dict[str, Any]) -> None:
        key = config["cell"]
        stay_off_draining_node()
        work = (artifacts[key], root, threads, batch_divisors[key])
        tune.report((make_artifact(*work) if itself else outcome(*submit(*work, resources)))._asdict())

    ended_before = reporter.ended
    with tempfile.TemporaryDirectory(prefix="sembridge-tune-") as scratch:
        hand_on_nothing()
        tuner = tune.Tuner(
            tune.with_resources(trial, resources if itself else {"CPU": 0, "memory": TRIAL_BYTES}),
            param_space={"cell": tune.grid_search(list(artifacts))},
            tune_config=tune.TuneConfig(max_concurrent_trials=slots, reuse_actors=True),
            run_config=tune.RunConfig(storage_path=scratch, name="cells", verbose=0, callbacks=[reporter]),
        )
        # Tune would print the traceback of every process that died.
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        tuner.fit()
    if reporter.ended < ended_before + len(cells):  # Tune ends without an error on Ctrl-C
        raise KeyboardInterrupt


def _make_reporter(cells: Sequence[Cell], store: Store, progress: Progress, errors: dict[str, str]) -> Any:
    """Return a Tune callback that turns ended trials into progress lines (a closure, because Tune is imported late)."""
    from ray.tune import Callback

    by_key = {cell.artifact.key: cell for cell in cells}

    class Reporter(Callback):
        """Hold what has become of the cells.

        attempts  what failed so far
        settled   keys of cells that are not to be tried again
        ended     number of trials so far
        """

        def __init__(self) -> None:
            self.attempts, self.settled = Attempts(), set[str]()
            self.ended = self._vain = 0
            self._running: dict[str, None] = {}  # keys, in the order of their start
            self._kills, self._warnings = oom_kills(), NewWarnings()

        def begin_round(self) -> None:
            self._running.clear()
            self._ended_before, self.attempts.crowded = self.ended, False

        def settle_abort(self, error: Exception, slots: int) -> None:
            """Count an attempt of each cell that was running when Tune gave up; the others have not been tried.

            Where several ran and memory was lacking, nobody's attempt counts: fewer at a time may be enough.
            """
            kills, self._kills = self._kills, oom_kills()
            line, verdict = explain_error(error)
            if self._kills > kills and verdict == AGAIN:
                line, verdict = explain_death("", self._kills - kills)
            self._vain = self._vain + 1 if self.ended == self._ended_before and not self._running else 0
            if verdict == FINAL or self._vain == ATTEMPTS:
                raise RayFailed(f"Ray Tune cannot go on: {_shortened(line)}; the same command goes on") from None
            if verdict == KILLED:
                self.attempts.crowded = True
            if verdict == KILLED and slots > 1:
                progress.line(f"{line}; what was running ({len(self._running)}) is tried again")
                return
            if not self._running:
                progress.line(f"Ray Tune gave up: {_shortened(line)}; trying again")
            for key in list(self._running):
                self._end(key, Outcome(False, 0.0, line if verdict == KILLED else _shortened(line), verdict))

        def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            self._running[trial.config["cell"]] = None

        def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            result = trial.last_result or {}
            outcome = Outcome(**{name: result[name] for name in Outcome._fields if name in result})
            key = trial.config["cell"]
            if not outcome.error and not store.has(by_key[key].artifact):
                error = f"its result is not in the store {store.root}; nodes need one shared folder"
                outcome = outcome._replace(error=error, verdict=AGAIN)
            self._end(key, outcome)

        def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            kills, self._kills = self._kills, oom_kills()
            self._end(
                trial.config["cell"], Outcome(False, 0.0, *explain_death(_error_text(trial), self._kills - kills))
            )

        def _end(self, key: str, outcome: Outcome) -> None:
            self.ended += 1
            self._running.pop(key, None)
            progress.add_span(outcome.seconds)
            cell, error = by_key[key], ""
            for note in outcome.notes:
                progress.line(note)
            if outcome.error:
                again, error = self.attempts.record_failure(key, outcome, cell.artifact.stage.has_batches)
                if again:
                    progress.line(f"{cell.identity.name}: {error}")
                    return
                errors[key] = error
            self.settled.add(key)
            text = f"FAILED: {error}" if error else f"{_format_score(store, cell)} in {duration(outcome.seconds)}"
            verb = "computed" if outcome.computed or error else "found"  # another run may have been quicker
            progress.finish(f"{verb} {cell.identity.name}: {text}", cell.artifact)
            for warning in [] if error else self._warnings.of(cell.identity, _warnings(store, cell)):
                progress.line(warning)

    return Reporter()


def _shortened(line: str, limit: int = 200) -> str:
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def _error_text(trial: Any) -> str:
    """Return what Ray says about a trial that ended with an error, without Tune's heading."""
    try:
        return Path(trial.error_file).read_text(encoding="utf-8").partition("\n")[2]
    except (OSError, TypeError):
        return ""


def _format_score(store: Store, cell: Cell) -> str:
    from harness.results.measurement import load

    try:
        return f"nDCG@10 {load(store.path(cell.artifact))['scores']['ndcg@10']:.3f}"
    except (OSError, ValueError):  # damaged since it was published; the store is verified before the tables are made
        return "measured"


def _warnings(store: Store, cell: Cell) -> list[str]:
    from harness.results.measurement import load

    try:
        return load(store.path(cell.artifact)).get("warnings", [])
    except (OSError, ValueError):  # as above
        return []
