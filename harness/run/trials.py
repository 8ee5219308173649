"""Run cells as Ray Tune trials, one trial for each cell."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.estimate.estimate import Estimate
from harness.files.units import duration
from harness.plan.plan import Cell
from harness.plan.preset import Preset
from harness.run.cluster import stay_off_draining_node
from harness.run.progress import Progress
from harness.run.resources import WAITING, cell_resources
from harness.run.retries import AGAIN, Attempts, Outcome, died, oom_kills
from harness.run.task import make_artifact
from harness.store.store import Store


def run_cells(
    cells: Sequence[Cell], preset: Preset, store: Store, slots: int, estimate: Estimate, progress: Progress
) -> dict[str, str]:
    """One Tune trial per cell; those that are worth another attempt get it when the others are through."""
    if not cells:
        return {}
    reporter, left = _reporter(cells, store, estimate, progress), list(cells)
    while left:
        reporter.again.clear()
        _run_trials(left, preset, store, slots, reporter)
        left = [cell for cell in left if cell.artifact.key in reporter.again]
    return dict(reporter.errors)


def _run_trials(cells: Sequence[Cell], preset: Preset, store: Store, slots: int, reporter: Any) -> None:
    """Trials reuse their processes, so imports are paid once per slot."""
    from ray import tune

    several_workers = preset.training.workers > 1
    threads = max(1, int(preset.resources.cpus_per_cell))
    root, artifacts = str(store.root), {cell.artifact.key: cell.artifact for cell in cells}
    batch_divisor = {key: reporter.attempts.batch_divisor(key) for key in artifacts}

    def trial(config: dict[str, Any]) -> None:
        key = config["cell"]
        stay_off_draining_node()
        tune.report(make_artifact(artifacts[key], root, threads, batch_divisor[key])._asdict())

    # A worker group holds its own resources; its trial only waits for it.
    resources = {"CPU": WAITING} if several_workers else cell_resources(preset)
    before = reporter.ended
    with tempfile.TemporaryDirectory(prefix="sembridge-tune-") as scratch:
        _keep_keys_out_of_logs()
        tuner = tune.Tuner(
            tune.with_resources(trial, resources),
            param_space={"cell": tune.grid_search(list(artifacts))},
            tune_config=tune.TuneConfig(max_concurrent_trials=slots, reuse_actors=True),
            run_config=tune.RunConfig(storage_path=scratch, name="cells", verbose=0, callbacks=[reporter]),
        )
        logging.getLogger("ray.tune").setLevel(
            logging.CRITICAL
        )  # it would print the traceback of every process that died
        tuner.fit()
    if reporter.ended < before + len(cells):  # Tune ends quietly on Ctrl-C
        raise KeyboardInterrupt


def _reporter(cells: Sequence[Cell], store: Store, estimate: Estimate, progress: Progress) -> Any:
    """A Tune callback that turns finished trials into progress lines. (Tune's classes are imported late, hence the closure.)"""
    from ray.tune import Callback

    by_key = {cell.artifact.key: cell for cell in cells}
    claimed: set[str] = set()
    expected: dict[str, float] = {}
    for cell in cells:  # an artifact shared by two cells (a trained encoder) is work of the first one only
        own = [artifact for artifact in cell.artifact.walk() if not store.has(artifact) and artifact.key not in claimed]
        claimed.update(artifact.key for artifact in own)
        expected[cell.artifact.key] = sum(estimate.seconds(artifact) for artifact in own)

    class Reporter(Callback):
        """ended: trials so far; errors: of the cells that failed for good; again: keys of those to be tried once more"""

        def __init__(self) -> None:
            self.attempts, self.errors, self.again = Attempts(), dict[str, str](), set[str]()
            self.ended = self._done = 0
            self._kills = oom_kills()

        def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            told = trial.last_result or {}
            outcome = Outcome(**{name: told[name] for name in Outcome._fields if name in told})
            key = trial.config["cell"]
            if not outcome.error and not store.has(by_key[key].artifact):
                outcome = outcome._replace(
                    error=f"its result is not in the store {store.root}; nodes need one shared folder", verdict=AGAIN
                )
            self._finish(key, outcome)

        def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            kills, self._kills = self._kills, oom_kills()
            self._finish(trial.config["cell"], Outcome(False, 0.0, *died(_said(trial), self._kills - kills)))

        def _finish(self, key: str, outcome: Outcome) -> None:
            self.ended += 1
            progress.computed(outcome.seconds)
            name, said = by_key[key].identity.name, ""
            for note in outcome.notes:
                progress.line(note)
            if outcome.error:
                again, said = self.attempts.failed(key, outcome, by_key[key].artifact.stage.has_batches)
                if again:
                    self.again.add(key)
                    progress.line(f"{name}: {said}")
                    return
                self.errors[key] = said
            self._done += 1
            shown = f"FAILED: {said}" if said else f"{_score(store, by_key[key])} in {duration(outcome.seconds)}"
            verb = "computed" if outcome.computed or said else "found"  # another run may have been quicker
            progress.finished(f"[{self._done}/{len(by_key)} cells] {verb} {name}: {shown}", expected[key])

    return Reporter()


def _said(trial: Any) -> str:
    """Ray's word on how a trial ended, without Tune's heading."""
    try:
        return Path(trial.error_file).read_text(encoding="utf-8").partition("\n")[2]
    except (OSError, TypeError):
        return ""


def _score(store: Store, cell: Cell) -> str:
    from harness.results.measurement import load

    try:
        return f"nDCG@10 {load(store.path(cell.artifact))['scores']['ndcg@10']:.3f}"
    except (OSError, ValueError):  # damaged since it was published, which is looked into before the tables are made
        return "measured"


def _keep_keys_out_of_logs() -> None:
    """Tune would put the AWS keys of this environment into the description of its actors, which Ray writes into a log that everybody can read.

    Actors on this machine have the environment without that; on other nodes it is the node that has to have its rights.
    """
    from ray.tune.execution import class_cache

    class_cache.ENV_VARS_TO_PROPAGATE.difference_update(
        {name for name in class_cache.ENV_VARS_TO_PROPAGATE if name.startswith("AWS_")}
    )
