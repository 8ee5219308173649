"""Make shared artifacts as Ray tasks, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.estimate.estimate import Estimate
from harness.files.units import duration
from harness.plan.preset import Preset
from harness.run.progress import Progress
from harness.run.retries import Attempts, Outcome, died, oom_kills
from harness.run.task import make_artifact
from harness.store.artifact import Artifact
from harness.store.store import Store


def run_shared_tasks(
    artifacts: Sequence[Artifact], preset: Preset, store: Store, estimate: Estimate, progress: Progress
) -> dict[str, str]:
    """Every artifact as one Ray task, submitted when its inputs are there."""
    import ray

    threads = max(1, int(preset.resources.cpus_per_cell))
    options: dict[str, Any] = {
        "num_cpus": preset.resources.cpus_per_cell,
        "num_gpus": preset.resources.gpus_per_cell,
        "max_retries": 0,
    }
    task = ray.remote(**options)(make_artifact)
    left = {artifact.key: artifact for artifact in artifacts}  # inputs come first
    waiting: dict[Any, tuple[Artifact, int]] = {}
    errors: dict[str, str] = {}
    attempts, done = Attempts(), 0

    def finished(artifact: Artifact, outcome: str) -> None:
        nonlocal done
        done += 1
        progress.finished(f"[{done}/{len(artifacts)} shared] {artifact.stage} {outcome}", estimate.seconds(artifact))

    while left or waiting:
        running = {artifact.key for artifact, _ in waiting.values()}
        for artifact in list(left.values()):
            broken = [errors[child.key] for child in artifact.needed if child.key in errors]
            if broken:
                del left[artifact.key]
                errors[artifact.key] = broken[0]
                finished(artifact, f"FAILED: {broken[0]}")
            elif not any(child.key in left or child.key in running for child in artifact.needed):
                reference = task.remote(
                    left.pop(artifact.key), str(store.root), threads, attempts.batch_divisor(artifact.key)
                )
                waiting[reference] = artifact, oom_kills()
        if not waiting:
            continue
        (reference, *_), _ = ray.wait(list(waiting))
        artifact, kills = waiting.pop(reference)
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayError as error:
            outcome = Outcome(False, 0.0, *died(str(error), oom_kills() - kills))
        progress.computed(outcome.seconds)
        for note in outcome.notes:
            progress.line(note)
        if not outcome.error:
            finished(artifact, f"made in {duration(outcome.seconds)}")
            continue
        again, said = attempts.failed(artifact.key, outcome, artifact.stage.has_batches)
        if again:
            progress.line(f"{artifact.stage}: {said}")
            left[artifact.key] = artifact
        else:
            errors[artifact.key] = said
            finished(artifact, f"FAILED: {said}")
    return errors
