"""The curve of a training: the encoder's scores before the first step and after evenly spaced ones. Measuring leaves no trace in the training."""

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
"""What an encoder scores; called on all workers together, the same on all of them."""


def point_steps(steps: int, points: int) -> list[int]:
    """The numbers of finished steps at which a training of `steps` steps is measured: 0, then `points` evenly spaced ones, the last of them `steps`.

    Where there are fewer steps than points, every step.
    """
    return sorted(
        {(2 * number * steps + points) // (2 * points) for number in range(points + 1)}
    )  # halves are rounded up


class Curve:
    """The points of one training, in memory and, where it has a scratch folder, in curve.json beside its checkpoints. There they have a digest: a
    training goes on from a checkpoint if all points before it are known.

    points   how many after the first, see `point_steps`
    measure  gives a point's content beside `step` and `pairs`
    """

    def __init__(self, points: int, measure: Measure, scratch: Path | None = None) -> None:
        self.found: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._points, self._measure = points, measure
        self._file = scratch / "curve.json" if scratch else None
        self._due: set[int] = set()
        self._pairs_per_step = 0

    def begin(self, steps: int, pairs_per_step: int) -> int:
        """A training of `steps` steps begins, or goes on; returns the step after which it can at most: an encoder before that was not measured."""
        if steps < self._points:
            logger.warning(
                "training.points is %d, and the training has %d steps: every step is measured", self._points, steps
            )
        self._due, self._pairs_per_step = set(point_steps(steps, self._points)), pairs_per_step
        self.found = self._stored()
        return min(self._due - {point["step"] for point in self.found}, default=steps)

    def go_on(self, first: int) -> None:
        """After the first `first` steps: what was measured up to there is kept, and the rest is measured again."""
        self.found = [point for point in self.found if point["step"] <= first]

    def _stored(self) -> list[dict[str, Any]]:
        if self._file is None or not self._file.exists():
            return []
        try:
            stored = json.loads(self._file.read_bytes())
            if stored["sha256"] == _digest(stored["points"]):
                return stored["points"]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            pass
        logger.warning("%s is damaged: the training does without it, from its start", self._file)
        return []

    def due(self, step: int) -> bool:
        """Whether the encoder after `step` steps is still to be measured."""
        return step in self._due and step not in {point["step"] for point in self.found}

    def reach(self, step: int, encoder: Any) -> None:
        """Measure the encoder after `step` steps, if it is due; all workers call this together."""
        if not self.due(step):
            return
        start = time.perf_counter()
        with _undisturbed(encoder):
            self.found.append({"step": step, "pairs": step * self._pairs_per_step, **self._measure(encoder)})
        if self._file and (not dist.is_initialized() or dist.get_rank() == 0):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with replaced(self._file) as aside:
                aside.write_text(json.dumps({"points": self.found, "sha256": _digest(self.found)}), encoding="utf-8")
        self.seconds += time.perf_counter() - start


def _digest(points: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(points).encode()).hexdigest()


@contextmanager
def _undisturbed(encoder: Any) -> Iterator[None]:
    """The encoder as an evaluation has it, without dropout; afterwards each module's mode and the random state are what they were."""
    modes = [(module, module.training) for module in encoder.modules()]
    device = splade_modules(encoder).model.device
    encoder.eval()
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield
    for module, mode in modes:
        module.training = mode


def scores_on(folder: Path, evaluation: Mapping[str, Any], batch_divisor: int = 1) -> Measure:
    """Measure on the collection in a folder, as the evaluation of a cell does; of several workers each takes a run of the documents.

    evaluation  k, max_length, precision
    """
    from harness.collections import beir
    from harness.evaluation import measures
    from harness.retrieval.encode_options import EncodeOptions
    from harness.retrieval.ranking import Best, merge
    from harness.retrieval.retrieval import retrieve

    collection, options = beir.load_queries(folder), EncodeOptions.of(evaluation, batch_divisor)

    def measure(encoder: Any) -> dict[str, Any]:
        share = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        best, activity = retrieve(encoder, folder, collection, evaluation["k"], options, share)
        if share[1] > 1:
            device = splade_modules(encoder).model.device
            every = [_gathered(array, device) for array in (best.scores, best.positions, best.ranks)]
            best = merge([Best(*arrays) for arrays in zip(*every, strict=True)])
            activity.document_counts = np.sum(_gathered(activity.document_counts, device), axis=0)
            activity.documents = int(np.sum(_gathered(np.array([activity.documents]), device)))
        assert activity.documents == len(collection.document_ids)
        run = best.result(collection.query_ids, collection.document_ids)
        return {"scores": measures.means(measures.evaluate(run, collection.qrels)), "statistics": activity.result()}

    return measure


def _gathered(own: np.ndarray, device: torch.device) -> list[np.ndarray]:
    """All workers' arrays of the same shape, in rank order."""
    tensor = torch.as_tensor(own, device=device).contiguous()
    every = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
    dist.all_gather(every, tensor)
    return [one.cpu().numpy() for one in every]
