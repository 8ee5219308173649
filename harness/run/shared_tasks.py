"""Compute shared artifacts as Ray tasks, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.cluster.memory import wait_for_memory
from harness.cluster.resources import cell_resources
from harness.files.units import duration
from harness.plan.preset import Preset
from harness.run.progress import Progress
from harness.run.retries import Attempts, fewer
from harness.run.task import outcome, submit
from harness.store.artifact import Artifact
from harness.store.store import Store


def _light_beside_imports(artifacts: Sequence[Artifact]) -> list[Artifact]:
    """Return the first artifact that needs the libraries, then all light ones, then the others.

    So light ones are made while the first process imports the libraries, instead of nothing while all of them do.
    """
    heavy = [artifact for artifact in artifacts if not artifact.stage.light]
    return heavy[:1] + [artifact for artifact in artifacts if artifact.stage.light] + heavy[1:]


def run_shared_tasks(
    artifacts: Sequence[Artifact], preset: Preset, store: Store, slots: int, progress: Progress, errors: dict[str, str]
) -> None:
    """Run one Ray task per artifact, submitted when its inputs are ready.

    When memory was lacking, fewer tasks run at a time, and one alone is tried again after a pause.

    artifacts  inputs come first
    slots      cells at a time; a task takes as much as one worker of a cell
    errors     gets why an artifact failed, by its key
    """
    import ray

    root, threads, resources = str(store.root), max(1, int(preset.resources.cpus_per_cell)), cell_resources(preset)
    queue = {artifact.key: artifact for artifact in _light_beside_imports(artifacts)}
    running: dict[Any, tuple[Artifact, int]] = {}  # with the kernel's count of out-of-memory kills at the start
    attempts = Attempts()
    limit = slots * preset.training.workers  # what Ray has been given cannot be taken back from it

    def finish(artifact: Artifact, text: str) -> None:
        progress.finish(f"{artifact.stage} {text}", artifact)

    def fail(artifact: Artifact, error: str) -> None:
        errors[artifact.key] = error
        finish(artifact, f"FAILED: {error}")

    while queue or running:
        unfinished = queue.keys() | {artifact.key for artifact, _ in running.values()}
        for artifact in list(queue.values()):
            input_errors = [errors[child.key] for child in artifact.needed if child.key in errors]
            if input_errors:
                del queue[artifact.key]
                fail(artifact, input_errors[0])
            elif len(running) < limit and not any(child.key in unfinished for child in artifact.needed):
                divisor = attempts.batch_divisor(artifact.key)
                reference, kills = submit(queue.pop(artifact.key), root, threads, divisor, resources)
                running[reference] = artifact, kills
        if not running:
            continue
        (reference, *_), _ = ray.wait(list(running))
        artifact, kills = running.pop(reference)
        ended = outcome(reference, kills)
        progress.add_span(ended.seconds, light=artifact.stage.light)
        for note in ended.notes:
            progress.line(note)
        if not ended.error:
            finish(artifact, f"computed in {duration(ended.seconds)}")
            continue
        again, report = attempts.record_failure(artifact.key, ended, artifact.stage.has_batches)
        if again:
            progress.line(f"{artifact.stage}: {report}")
            queue[artifact.key] = artifact
            if attempts.crowded:
                attempts.crowded = False
                if running:
                    limit = fewer(min(limit, len(running) + 1))
                    progress.line(f"{limit} shared at a time from here on, for lack of memory")
                else:
                    wait_for_memory(progress.line)
        else:
            fail(artifact, report)
