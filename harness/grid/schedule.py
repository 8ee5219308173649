"""Run a plan on Ray: shared artefacts as tasks, each once; then one Ray Tune trial per cell. Ray schedules, the store decides what is done."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.grid.artefact import Artefact
from harness.grid.plan import Cell
from harness.grid.preset import Preset
from harness.grid.progress import Progress, duration
from harness.grid.stages import STAGES
from harness.grid.store import Store

logger = logging.getLogger(__name__)

_WAITING = 0.1  # of a core, for a trial that waits for its worker group


def run(preset: Preset, cells: Sequence[Cell], todo: Sequence[Artefact], store: Store, address: str | None, progress: Progress) -> dict[str, str]:
    """Compute the artefacts in `todo` that `cells` are made of; returns the error by artefact key for those that failed.

    todo  missing artefacts, inputs first (see `plan.missing`)
    """
    start = time.perf_counter()
    with _cluster(preset, address) as slots:
        progress.line(f"Ray is ready after {duration(time.perf_counter() - start)}: {slots} cell{'s' if slots > 1 else ''} at a time")
        errors = _run_shared([artefact for artefact in todo if STAGES[artefact.stage].shared], preset, store, progress)
        pending = _distinct([cell for cell in cells if not store.has(cell.artefact)])
        runnable = []
        for cell in pending:
            broken = [artefact.key for artefact in cell.artefact.walk() if artefact.key in errors]
            if broken:
                errors[cell.artefact.key] = errors[broken[0]]
            else:
                runnable.append(cell)
        return errors | _run_cells(runnable, preset, store, slots, progress)


class _cluster:
    """A Ray cluster for the time of a run: the given one, or a local one that listens on loopback only."""

    def __init__(self, preset: Preset, address: str | None) -> None:
        self._preset, self._address = preset, address

    def __enter__(self) -> int:
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # keep Ray from hiding devices from zero-GPU actors with a warning
        os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")  # a finished worker group is noticed in .2 s instead of 2
        os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # with verbose=0 the older output says nothing; the newer one still prints boxes
        os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # our records are the only log
        import ray

        options: dict[str, Any] = {"address": self._address} if self._address else {"include_dashboard": False, "object_store_memory": 200 * 2**20}
        ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=True, **options)
        token = Path.home() / ".ray" / "auth_token"
        if token.is_file():
            token.chmod(0o600)  # Ray writes it readable for everybody
        return _slots(self._preset, ray.cluster_resources())

    def __exit__(self, *exception: object) -> None:
        import ray

        ray.shutdown()


def _slots(preset: Preset, resources: dict[str, float]) -> int:
    """How many cells fit at the same time; RuntimeError if not even one does (Ray would wait for ever)."""
    needed = _cell_resources(preset)
    if preset.training.workers > 1 and "fine-tuned" in preset.stages:
        needed = {name: amount * preset.training.workers for name, amount in needed.items()}
        needed["CPU"] += _WAITING
    fits = [resources.get(name, 0) / amount for name, amount in needed.items() if amount > 0]
    if min(fits) < 1:
        have = ", ".join(f"{resources.get(name, 0):g} {name}" for name in needed)
        want = ", ".join(f"{amount:g} {name}" for name, amount in needed.items() if amount > 0)
        raise RuntimeError(f"a cell needs {want} and the cluster has {have}; lower resources.cpus_per_cell or training.workers with --set")
    return int(min(fits))


def _cell_resources(preset: Preset) -> dict[str, float]:
    return {"CPU": preset.resources.cpus_per_cell, "GPU": preset.resources.gpus_per_cell}


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


def _run_shared(artefacts: Sequence[Artefact], preset: Preset, store: Store, progress: Progress) -> dict[str, str]:
    """Every artefact as one Ray task that starts when its inputs are there."""
    import ray

    threads = max(1, int(preset.resources.cpus_per_cell))
    options: dict[str, Any] = {"num_cpus": preset.resources.cpus_per_cell, "num_gpus": preset.resources.gpus_per_cell, "max_retries": 2}

    @ray.remote(**options)
    def task(artefact: Artefact, *inputs: tuple[bool, float, str]) -> tuple[bool, float, str]:
        failed = [error for _, _, error in inputs if error]
        return (False, 0.0, failed[0]) if failed else _make(artefact, str(store.root), threads)

    expected = {artefact.key: store.seconds(artefact.stage) for artefact in artefacts}
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


def _run_cells(cells: Sequence[Cell], preset: Preset, store: Store, slots: int, progress: Progress) -> dict[str, str]:
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
    resources = {"CPU": _WAITING} if several_workers else _cell_resources(preset)
    reporter = _reporter(cells, store, progress)
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


def _reporter(cells: Sequence[Cell], store: Store, progress: Progress) -> Any:
    """A Tune callback that turns finished trials into progress lines. (Tune's classes are imported late, hence the closure.)"""
    from ray.tune import Callback

    by_key = {cell.artefact.key: cell for cell in cells}
    per_stage = {stage: store.seconds(stage) for stage in STAGES}
    claimed: set[str] = set()
    expected: dict[str, float] = {}
    for cell in cells:  # an artefact shared by two cells (a trained encoder) is work of the first one only
        own = [artefact for artefact in cell.artefact.walk() if not store.has(artefact) and artefact.key not in claimed]
        claimed.update(artefact.key for artefact in own)
        expected[cell.artefact.key] = sum(per_stage[artefact.stage] for artefact in own)

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
            progress.finished(f"[{self.done}/{len(by_key)} cells] computed {by_key[key].identity.name}: {outcome}", expected[key])

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
    position: Callable[[Cell], tuple[int, int]] = lambda cell: (stages.index(cell.identity.stage), collections.index(cell.identity.collection))  # noqa: E731
    return sorted(first, key=position)
