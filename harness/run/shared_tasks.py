"""Make shared artefacts as Ray tasks, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.estimate.estimate import Estimate
from harness.files.units import duration
from harness.plan.preset import Preset
from harness.run.progress import Progress
from harness.run.retries import Attempts, Outcome, died, oom_kills
from harness.run.task import make_artefact
from harness.store.artifact import Artefact
from harness.store.store import Store


def run_shared_tasks(artefacts: Sequence[Artefact], preset: Preset, store: Store, estimate: Estimate, progress: Progress) -> dict[str, str]:
    """Every artefact as one Ray task, submitted when its inputs are there."""
    import ray

    threads = max(1, int(preset.resources.cpus_per_cell))
    options: dict[str, Any] = {"num_cpus": preset.resources.cpus_per_cell, "num_gpus": preset.resources.gpus_per_cell, "max_retries": 0}
    task = ray.remote(**options)(make_artefact)
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
                reference = task.remote(left.pop(artefact.key), str(store.root), threads, attempts.batch_divisor(artefact.key))
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
        again, said = attempts.failed(artefact.key, outcome, artefact.stage.has_batches)
        if again:
            progress.line(f"{artefact.stage}: {said}")
            left[artefact.key] = artefact
        else:
            errors[artefact.key] = said
            finished(artefact, f"FAILED: {said}")
    return errors
