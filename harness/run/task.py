"""Make one artifact in a worker process: a Ray task, for shared artifacts and cells alike."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.run.retries import Outcome, explain_death, explain_error, oom_kills
from harness.store.artifact import Artifact
from harness.store.store import Store

logger = logging.getLogger(__name__)


def submit(
    artifact: Artifact, root: str, threads: int, batch_divisor: int, resources: Mapping[str, float]
) -> tuple[Any, int]:
    """Ask Ray for a process that makes an artifact; return what `outcome` needs.

    One kind of task makes shared artifacts and cells alike, so Ray gives both the same processes, which import the
    libraries once.

    resources  "CPU" and "GPU" that the process takes
    """
    import ray
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    # Otherwise a trial that asks looks in its own resources only; Ray's documentation has None for this.
    anywhere = PlacementGroupSchedulingStrategy(None)  # type: ignore[arg-type]
    cpus, gpus = resources["CPU"], resources["GPU"]
    task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0, scheduling_strategy=anywhere)(make_artifact)
    if batch_divisor > 1:  # a process of its own: where memory was lacking once, what is left of it is in pieces
        task = task.options(runtime_env={"env_vars": {"SEMBRIDGE_BATCH_DIVISOR": str(batch_divisor)}})
    return task.remote(artifact, root, threads, batch_divisor), oom_kills()


def outcome(reference: Any, kills: int) -> Outcome:
    """Wait for a task, and return how it ended; a death of its process is an outcome, too.

    kills  the kernel's count of out-of-memory kills when the task was submitted
    """
    import ray

    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        return Outcome(False, 0.0, *explain_death(str(error), oom_kills() - kills))


def make_artifact(artifact: Artifact, root: str, threads: int, batch_divisor: int) -> Outcome:
    """Compute one artifact; the seconds of the outcome leave out the worker's imports."""
    if not artifact.stage.light:
        import sentence_transformers  # noqa: F401
        import torch

        _silence_libraries()
        torch.set_num_threads(threads)
    start = time.perf_counter()
    store = None
    try:
        store = Store(Path(root))
        computed = store.make(artifact, batch_divisor)
        return Outcome(computed, time.perf_counter() - start, notes=tuple(store.damage_notes))
    except Exception as error:  # a failure is recorded, and the other pieces go on
        logger.exception("%s failed", artifact.stage)
        notes = tuple(store.damage_notes) if store else ()
        return Outcome(False, time.perf_counter() - start, *explain_error(error), notes)


def _silence_libraries() -> None:
    """Switch progress bars off: worker processes report through their outcome."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
