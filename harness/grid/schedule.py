"""Run a plan on Ray: shared artefacts as tasks, each once; then one Ray Tune trial per cell. Ray schedules, the store decides what is done."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.grid.artefact import Artefact, Hub
from harness.grid.cluster import WAITING, Cluster, cell_resources
from harness.grid.estimate import Estimate
from harness.grid.plan import Cell
from harness.grid.preset import Preset
from harness.grid.progress import Progress, duration
from harness.grid.stages import STAGES
from harness.grid.store import Store

logger = logging.getLogger(__name__)


def run(preset: Preset, cells: Sequence[Cell], todo: Sequence[Artefact], store: Store, address: str | None, estimate: Estimate, progress: Progress
        ) -> dict[str, str]:  # fmt: skip
    """Compute the artefacts in `todo` that `cells` are made of; returns the error by artefact key for those that failed.

    todo  missing artefacts, inputs first (see `plan.missing`)
    """
    start = time.perf_counter()
    with Cluster(preset, address, offline=not _uses_hub(cells)) as slots:
        progress.line(f"Ray is ready after {duration(time.perf_counter() - start)}: {slots} cell{'s' if slots > 1 else ''} at a time")
        errors = _run_shared([artefact for artefact in todo if STAGES[artefact.stage].shared], preset, store, estimate, progress)
        pending = _distinct([cell for cell in cells if not store.has(cell.artefact)])
        runnable = []
        for cell in pending:
            broken = [artefact.key for artefact in cell.artefact.walk() if artefact.key in errors]
            if broken:
                errors[cell.artefact.key] = errors[broken[0]]
            else:
                runnable.append(cell)
        return errors | _run_cells(runnable, preset, store, slots, estimate, progress)


def _uses_hub(cells: Sequence[Cell]) -> bool:
    artefacts = [artefact for cell in cells for artefact in cell.artefact.walk()]
    return any(artefact.stage == "collection" or any(isinstance(source, Hub) for source in artefact.inputs.values()) for artefact in artefacts)


def _make(artefact: Artefact, root: str, threads: int) -> tuple[bool, float, str]:
    """(computed here, seconds, error) of one artefact, in a worker process."""
    import torch

    _quiet()
    torch.set_num_threads(threads)
    start = time.perf_counter()
    try:
        computed = Store(Path(root)).make(artefact)
        return computed, time.perf_counter() - start, ""
    except Exception as error:  # a failed piece is a result: it is recorded and the others go on
        logger.exception("%s failed", artefact.stage)
        return False, time.perf_counter() - start, f"{type(error).__name__}: {' '.join(str(error).split())}"


def _quiet() -> None:
    """Worker processes report through their result, not through progress bars."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()


def _run_shared(artefacts: Sequence[Artefact], preset: Preset, store: Store, estimate: Estimate, progress: Progress) -> dict[str, str]:
    """Every artefact as one Ray task that starts when its inputs are there."""
    import ray

    threads = max(1, int(preset.resources.cpus_per_cell))
    options: dict[str, Any] = {"num_cpus": preset.resources.cpus_per_cell, "num_gpus": preset.resources.gpus_per_cell, "max_retries": 2}

    @ray.remote(**options)
    def task(artefact: Artefact, *inputs: tuple[bool, float, str]) -> tuple[bool, float, str]:
        failed = [error for _, _, error in inputs if error]
        return (False, 0.0, failed[0]) if failed else _make(artefact, str(store.root), threads)

    expected = {artefact.key: estimate.seconds(artefact) for artefact in artefacts}
    submitted: dict[str, Any] = {}
    waiting: dict[Any, Artefact] = {}
    for artefact in artefacts:  # inputs come first, so their references exist
        references = [submitted[child.key] for child in artefact.needed if child.key in submitted]
        submitted[artefact.key] = task.remote(artefact, *references)
        waiting[submitted[artefact.key]] = artefact
    errors: dict[str, str] = {}
    done = 0
    while waiting:
        ready, _ = ray.wait(list(waiting))
        artefact = waiting.pop(ready[0])
        _, seconds, error = ray.get(ready[0])
        done += 1
        if error:
            errors[artefact.key] = error
        progress.finished(
            f"[{done}/{len(artefacts)} shared] {artefact.stage} {'FAILED: ' + error if error else f'made in {duration(seconds)}'}",
            expected[artefact.key],
        )
    return errors


def _run_cells(cells: Sequence[Cell], preset: Preset, store: Store, slots: int, estimate: Estimate, progress: Progress) -> dict[str, str]:
    """One Tune trial per cell. Trials reuse their processes, so imports are paid once per slot."""
    if not cells:
        return {}
    from ray import tune

    several_workers = preset.training.workers > 1
    threads = max(1, int(preset.resources.cpus_per_cell))
    root, artefacts = str(store.root), {cell.artefact.key: cell.artefact for cell in cells}

    def trial(config: dict[str, Any]) -> None:
        computed, seconds, error = _make(artefacts[config["cell"]], root, threads)
        tune.report({"computed": computed, "seconds": seconds, "error": error})

    # A worker group holds its own resources; its trial only waits for it.
    resources = {"CPU": WAITING} if several_workers else cell_resources(preset)
    reporter = _reporter(cells, store, estimate, progress)
    with tempfile.TemporaryDirectory(prefix="sembridge-tune-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(trial, resources),
            param_space={"cell": tune.grid_search([cell.artefact.key for cell in cells])},
            tune_config=tune.TuneConfig(max_concurrent_trials=slots, reuse_actors=True),
            run_config=tune.RunConfig(
                storage_path=scratch, name="cells", verbose=0, callbacks=[reporter], failure_config=tune.FailureConfig(max_failures=1)
            ),
        )
        logging.getLogger("ray.tune").setLevel(logging.ERROR)
        tuner.fit()
    if reporter.done < len(cells):  # Tune ends quietly on Ctrl-C
        raise KeyboardInterrupt
    errors = dict(reporter.errors)
    for cell in cells:
        if cell.artefact.key not in errors and not store.has(cell.artefact):
            errors[cell.artefact.key] = "the trial's process died; run the command again to try this cell once more"
    return errors


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
        def __init__(self) -> None:
            self.errors: dict[str, str] = {}
            self.done = 0

        def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            self._finish(trial.config["cell"], trial.last_result or {})

        def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
            self._finish(trial.config["cell"], {"error": "the trial's process died twice"})

        def _finish(self, key: str, result: dict[str, Any]) -> None:
            self.done += 1
            if result.get("error"):
                self.errors[key] = result["error"]
            outcome = f"FAILED: {result['error']}" if result.get("error") else f"{_score(store, by_key[key])} in {duration(result.get('seconds', 0))}"
            verb = "found" if result.get("computed") is False and not result.get("error") else "computed"  # another run may have been quicker
            progress.finished(f"[{self.done}/{len(by_key)} cells] {verb} {by_key[key].identity.name}: {outcome}", expected[key])

    return Reporter()


def _score(store: Store, cell: Cell) -> str:
    from harness.results.measurement import load

    return f"nDCG@10 {load(store.path(cell.artefact))['scores']['ndcg@10']:.3f}"


def _distinct(cells: Sequence[Cell]) -> list[Cell]:
    """One cell per artefact (BM25 is the same before and after training), those that share a trained encoder far apart: the first trains, and the
    others come when it is there."""
    first = list({cell.artefact.key: cell for cell in cells}.values())
    collections = list(dict.fromkeys(cell.identity.collection for cell in first))
    stages = list(dict.fromkeys(cell.identity.stage for cell in first))
    return sorted(first, key=lambda cell: (stages.index(cell.identity.stage), collections.index(cell.identity.collection)))
