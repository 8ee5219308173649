"""Measure the encoder before the first training step and after evenly spaced ones, without changing the training."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from harness.files.atomic import replaced
from sembridge.encoder.modules import splade_modules

logger = logging.getLogger(__name__)

Measure = Callable[[Any], dict[str, Any]]
"""Encoder -> its scores; called on all workers together, with the same result on all."""


def point_steps(steps: int, points: int) -> list[int]:
    """Return after how many steps a training is measured: 0, then `points` evenly spaced numbers up to `steps`.

    With fewer steps than points, every step is measured.
    """
    # Halves are rounded up.
    return sorted({(2 * number * steps + points) // (2 * points) for number in range(points + 1)})


class Curve:
    """The measured points of one training, in memory and, with a scratch folder, in curve.json beside its checkpoints.

    count    number of points after the first, see `point_steps`
    measure  returns a point's content beside `step` and `pairs`

    A training resumes from a checkpoint only if all points before it are known; a digest in curve.json detects damage.
    """

    def __init__(self, count: int, measure: Measure, scratch: Path | None = None) -> None:
        self.points: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._count, self._measure = count, measure
        self._file = scratch / "curve.json" if scratch else None
        self._due: set[int] = set()
        self._pairs_per_step = 0

    def begin(self, steps: int, pairs_per_step: int) -> int:
        """Begin or resume a training of `steps` steps; read the stored points.

        Returns the latest step from which it may resume: the first one whose encoder was not measured.
        """
        if steps < self._count:
            message = "training.points is %d, and the training has %d steps: every step is measured"
            logger.warning(message, self._count, steps)
        self._due, self._pairs_per_step = set(point_steps(steps, self._count)), pairs_per_step
        self.points = self._read()
        return min(self._due - {point["step"] for point in self.points}, default=steps)

    def go_on(self, first: int) -> None:
        """Resume after `first` steps: drop later points, which are measured again."""
        self.points = [point for point in self.points if point["step"] <= first]

    def _read(self) -> list[dict[str, Any]]:
        if self._file is None or not self._file.exists():
            return []
        try:
            stored = json.loads(self._file.read_bytes())
            if stored["sha256"] == _digest(stored["points"]):
                return stored["points"]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            pass
        logger.warning("%s is damaged: the training starts again without it", self._file)
        return []

    def due(self, step: int) -> bool:
        """Return whether the encoder after `step` steps still has to be measured."""
        return step in self._due and step not in {point["step"] for point in self.points}

    def reach(self, step: int, encoder: Any) -> None:
        """Measure the encoder after `step` steps if it is due. All workers call this together."""
        if not self.due(step):
            return
        start = time.perf_counter()
        with _undisturbed(encoder):
            self.points.append({"step": step, "pairs": step * self._pairs_per_step, **self._measure(encoder)})
        if self._file and (not dist.is_initialized() or dist.get_rank() == 0):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with replaced(self._file) as aside:
                aside.write_text(json.dumps({"points": self.points, "sha256": _digest(self.points)}), encoding="utf-8")
        self.seconds += time.perf_counter() - start


def _digest(points: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(points).encode()).hexdigest()


@contextmanager
def _undisturbed(encoder: Any) -> Iterator[None]:
    """Disable dropout, as in an evaluation; restore each module's mode and the random state afterwards."""
    modes = [(module, module.training) for module in encoder.modules()]
    device = splade_modules(encoder).model.device
    encoder.eval()
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield
    for module, mode in modes:
        module.training = mode


def scores_on(folder: Path, evaluation: Mapping[str, Any], batch_divisor: int = 1) -> Measure:
    """Return a measure on the collection in a folder, like a cell's evaluation; each of several workers takes a shard.

    evaluation  k, max_length, precision, ignore_identical_ids
    """
    from harness.collections import beir
    from harness.evaluation import measures
    from harness.evaluation.own_documents import ranked, searched
    from harness.retrieval.retrieval import retrieve
    from sembridge.search.encode_options import EncodeOptions
    from sembridge.search.ranking import Best, merge

    collection, options = beir.load_queries(folder), EncodeOptions.of(evaluation, batch_divisor)

    def measure(encoder: Any) -> dict[str, Any]:
        rank, workers = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        best, activity = retrieve(encoder, folder, collection, searched(evaluation), options, (rank, workers))
        if workers > 1:
            device = splade_modules(encoder).model.device
            gathered = [_gather(array, device) for array in (best.scores, best.positions, best.ranks)]
            best = merge([Best(*arrays) for arrays in zip(*gathered, strict=True)])
            activity.document_counts = np.sum(_gather(activity.document_counts, device), axis=0)
            activity.documents = int(np.sum(_gather(np.array([activity.documents]), device)))
        assert activity.documents == len(collection.document_ids)
        run = ranked(best.result(collection.query_ids, collection.document_ids), evaluation)
        return {"scores": measures.means(measures.evaluate(run, collection.qrels)), "statistics": activity.result()}

    return measure


def _gather(own: np.ndarray, device: torch.device) -> list[np.ndarray]:
    """Return all workers' arrays of the same shape, in rank order."""
    tensor = torch.as_tensor(own, device=device).contiguous()
    gathered = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, tensor)
    return [array.cpu().numpy() for array in gathered]
