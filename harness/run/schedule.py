"""Run a plan on Ray: shared artefacts as tasks, each once; then one Ray Tune trial per cell. Ray schedules, the store decides what is done."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.estimate.estimate import Estimate
from harness.plan.plan import Cell, missing
from harness.plan.preset import Preset
from harness.run.cluster import WAITING, Cluster, cell_resources, stay_off_draining_node
from harness.run.progress import Progress, duration
from harness.run.retries import AGAIN, Attempts, Outcome, died, oom_kills, raised
from harness.store.artifact import Artefact, Hub
from harness.store.stage import STAGES
from harness.store.store import Store

logger = logging.getLogger(__name__)


def run(preset: Preset, cells: Sequence[Cell], todo: Sequence[Artefact], store: Store, address: str | None, estimate: Estimate, progress: Progress
        ) -> dict[str, str]:  # fmt: skip
    """Compute the artefacts in `todo` that `cells` are made of; returns the error by artefact key for those that failed.

    todo  missing artefacts, inputs first (see `plan.missing`)
    """
    start = time.perf_counter()
    with Cluster(preset, address, offline=not _uses_hub(cells)) as slots:
        progress.line(f"Ray is ready after {duration(time.perf_counter() - start)}: {slots} cell{'s' if slots > 1 else ''} at a time")
        errors = _run_shared([artefact for artefact in todo if _apart(artefact)], preset, store, estimate, progress)
        pending = _distinct([cell for cell in cells if not store.has(cell.artefact)])
        runnable = []
        for cell in pending:
            broken = [artefact.key for artefact in missing([cell], store) if artefact.key in errors]
            if broken:
                errors[cell.artefact.key] = errors[broken[0]]
            else:
                runnable.append(cell)
        errors |= _run_cells(runnable, preset, store, slots, estimate, progress)
    idle, whole = progress.idle(start), time.perf_counter() - start
    progress.line(f"Ray: {duration(idle)} of {duration(whole)} ({idle / whole:.0%}) started, waited or stopped while nothing was being computed")
    return errors


def _apart(artefact: Artefact) -> bool:
    """Whether an artefact is made before the cells; what needs a training is made with its cell, which may start a worker group."""
    return all(STAGES[one.stage].shared for one in artefact.walk())


def _uses_hub(cells: Sequence[Cell]) -> bool:
    artefacts = [artefact for cell in cells for artefact in cell.artefact.walk()]
    return any(artefact.stage == "collection" or any(isinstance(source, Hub) for source in artefact.inputs.values()) for artefact in artefacts)


def _make(artefact: Artefact, root: str, threads: int, divided: int) -> Outcome:
    """One artefact, in a worker process, whose imports are no part of what the artefact takes."""
    import sentence_transformers  # noqa: F401
    import torch

    _quiet()
    torch.set_num_threads(threads)
    start = time.perf_counter()
    store = None
    try:
        store = Store(Path(root))
        computed = store.make(artefact, divided)
        return Outcome(computed, time.perf_counter() - start, notes=tuple(store.found))
    except Exception as error:  # a failed piece is a result: it is recorded and the others go on
        logger.exception("%s failed", artefact.stage)
        line, verdict = raised(error)
        return Outcome(False, time.perf_counter() - start, line, verdict, tuple(store.found) if store else ())


def _quiet() -> None:
    """Worker processes report through their result, not through progress bars."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()


def _run_shared(artefacts: Sequence[Artefact], preset: Preset, store: Store, estimate: Estimate, progress: Progress) -> dict[str, str]:
    """Every artefact as one Ray task, submitted when its inputs are there."""
    import ray

    threads = max(1, int(preset.resources.cpus_per_cell))
    options: dict[str, Any] = {"num_cpus": preset.resources.cpus_per_cell, "num_gpus": preset.resources.gpus_per_cell, "max_retries": 0}
    task = ray.remote(**options)(_make)
    left = {artefact.key: artefact for artefact in artefacts}  # inputs come first
    waiting: dict[Any, tuple[Artefact, int]] = {}
    errors: dict[str, str] = {}
    attempts, done = Attempts(), 0

    def finished(artefact: Artefact, outcome: str) -> None:
        nonlocal done
        done += 1
        progress.finished(f"[{done}/{len(artefacts)} shared] {artefact.stage} {outcome}", estimate.seconds(artefact))

    while left or waiting:
        running = {artefact.key for artefact, _ in waiting.values()}
        for artefact in list(left.values()):
            broken = [errors[child.key] for child in artefact.needed if child.key in errors]
            if broken:
                del left[artefact.key]
                errors[artefact.key] = broken[0]
                finished(artefact, f"FAILED: {broken[0]}")
            elif not any(child.key in left or child.key in running for child in artefact.needed):
                reference = task.remote(left.pop(artefact.key), str(store.root), threads, attempts.divided(artefact.key))
                waiting[reference] = artefact, oom_kills()
        if not waiting:
            continue
        (reference, *_), _ = ray.wait(list(waiting))
        artefact, kills = waiting.pop(reference)
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayError as error:
            outcome = Outcome(False, 0.0, *died(str(error), oom_kills() - kills))
        progress.computed(outcome.seconds)
        for note in outcome.notes:
            progress.line(note)
        if not outcome.error:
            finished(artefact, f"made in {duration(outcome.seconds)}")
            continue
        again, said = attempts.failed(artefact.key, outcome, STAGES[artefact.stage].batches)
        if again:
            progress.line(f"{artefact.stage}: {said}")
            left[artefact.key] = artefact
        else:
            errors[artefact.key] = said
            finished(artefact, f"FAILED: {said}")
    return errors


def _run_cells(cells: Sequence[Cell], preset: Preset, store: Store, slots: int, estimate: Estimate, progress: Progress) -> dict[str, str]:
    """One Tune trial per cell; those that are worth another attempt get it when the others are through."""
    if not cells:
        return {}
    reporter, left = _reporter(cells, store, estimate, progress), list(cells)
    while left:
        reporter.again.clear()
        _run_trials(left, preset, store, slots, reporter)
        left = [cell for cell in left if cell.artefact.key in reporter.again]
    return dict(reporter.errors)


def _run_trials(cells: Sequence[Cell], preset: Preset, store: Store, slots: int, reporter: Any) -> None:
    """Trials reuse their processes, so imports are paid once per slot."""
    from ray import tune

    several_workers = preset.training.workers > 1
    threads = max(1, int(preset.resources.cpus_per_cell))
    root, artefacts = str(store.root), {cell.artefact.key: cell.artefact for cell in cells}
    divided = {key: reporter.attempts.divided(key) for key in artefacts}

    def trial(config: dict[str, Any]) -> None:
        key = config["cell"]
        stay_off_draining_node()
        tune.report(_make(artefacts[key], root, threads, divided[key])._asdict())

    # A worker group holds its own resources; its trial only waits for it.
    resources = {"CPU": WAITING} if several_workers else cell_resources(preset)
    before = reporter.ended
    with tempfile.TemporaryDirectory(prefix="sembridge-tune-") as scratch:
        _keep_keys_out_of_logs()
        tuner = tune.Tuner(
            tune.with_resources(trial, resources),
            param_space={"cell": tune.grid_search(list(artefacts))},
            tune_config=tune.TuneConfig(max_concurrent_trials=slots, reuse_actors=True),
            run_config=tune.RunConfig(storage_path=scratch, name="cells", verbose=0, callbacks=[reporter]),
        )
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # it would print the traceback of every process that died
        tuner.fit()
    if reporter.ended < before + len(cells):  # Tune ends quietly on Ctrl-C
        raise KeyboardInterrupt


def _reporter(cells: Sequence[Cell], store: Store, estimate: Estimate, progress: Progress) -> Any:
    """A Tune callback that turns finished trials into progress lines. (Tune's classes are imported late, hence the closure.)"""
    from ray.tune import Callback

    by_key = {cell.artefact.key: cell for cell in cells}
    claimed: set[str] = set()
    expected: dict[str, float] = {}
    for cell in cells:  # an artefact shared by two cells (a trained encoder) is work of the first one only
        own = [artefact for artefact in cell.artefact.walk() if not store.has(artefact) and artefact.key not in claimed]
        claimed.update(artefact.key for artefact in own)
        expected[cell.artefact.key] = sum(estimate.seconds(artefact) for artefact in own)

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
            if not outcome.error and not store.has(by_key[key].artefact):
                outcome = outcome._replace(error=f"its result is not in the store {store.root}; nodes need one shared folder", verdict=AGAIN)
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
                again, said = self.attempts.failed(key, outcome, STAGES[by_key[key].artefact.stage].batches)
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
        return f"nDCG@10 {load(store.path(cell.artefact))['scores']['ndcg@10']:.3f}"
    except (OSError, ValueError):  # damaged since it was published, which is looked into before the tables are made
        return "measured"


def _distinct(cells: Sequence[Cell]) -> list[Cell]:
    """One cell per artefact (BM25 is the same before and after training), those that share a trained encoder far apart: the first trains, and the
    others come when it is there."""
    first = list({cell.artefact.key: cell for cell in cells}.values())
    collections = list(dict.fromkeys(cell.identity.collection for cell in first))
    stages = list(dict.fromkeys(cell.identity.stage for cell in first))
    return sorted(first, key=lambda cell: (stages.index(cell.identity.stage), collections.index(cell.identity.collection)))


def _keep_keys_out_of_logs() -> None:
    """Tune would put the AWS keys of this environment into the description of its actors, which Ray writes into a log that everybody can read.

    Actors on this machine have the environment without that; on other nodes it is the node that has to have its rights.
    """
    from ray.tune.execution import class_cache

    class_cache.ENV_VARS_TO_PROPAGATE.difference_update({name for name in class_cache.ENV_VARS_TO_PROPAGATE if name.startswith("AWS_")})
