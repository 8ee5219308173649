"""Train an encoder, with the same loop on one worker and on many.

Every worker encodes its part of the global batch and receives the others' representations without gradient. All compute
the same global loss, and each differentiates it with respect to its own part. The sum of the gradients is then exactly
the gradient of the global loss, so the number of workers changes neither negatives nor regularization.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from harness.files import headway
from harness.training import checkpoint, guard
from harness.training.curve import Curve
from harness.training.gradient_cache import representations
from harness.training.loss import flops, info_nce, ramp
from harness.training.settings import TrainingSettings
from sembridge.encoder.modules import splade_modules


@dataclass(frozen=True)
class Pair:
    """A question and a passage that answers it.

    `document` identifies the passage, so that it is not a negative for its other questions.
    """

    question: str
    passage: str
    document: int


def batches(count: int, settings: TrainingSettings, seed: int) -> list[torch.Tensor]:
    """Return the indices of every step's global batch, for all epochs, determined by the seed alone.

    An incomplete last batch is dropped unless it is the only one.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = _chosen(count, settings, generator)
    used = len(chosen)
    steps: list[torch.Tensor] = []
    for _ in range(settings.epochs):
        order = chosen[torch.randperm(used, generator=generator)]
        full = [part for part in order.split(settings.batch_size) if len(part) == settings.batch_size]
        steps.extend(full or [order])
    return steps


def pairs_used(count: int, settings: TrainingSettings, seed: int) -> list[int]:
    """Return the indices of the pairs that `batches` draws from, at most `max_pairs` of `count`, in ascending order."""
    return sorted(_chosen(count, settings, torch.Generator().manual_seed(seed)).tolist())


def _chosen(count: int, settings: TrainingSettings, generator: torch.Generator) -> torch.Tensor:
    return torch.randperm(count, generator=generator)[: min(count, settings.max_pairs or count)]


def train(
    encoder: Any,
    pairs: Sequence[Pair],
    settings: TrainingSettings,
    seed: int,
    scratch: Path | None = None,
    report: Callable[[dict[str, float]], None] | None = None,
    curve: Curve | None = None,
) -> dict[str, float]:
    """Fine-tune an encoder in place on the calling worker's part of every batch.

    scratch  folder for checkpoints; a training resumes from one in it
    report   called with the current figures at every checkpoint, on every worker
    curve    measures the encoder on the way; a checkpoint is written before each of its points

    Returns figures of the last step. Raises ValueError if there are too few pairs for the workers.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    steps = batches(len(pairs), settings, seed)
    if len(steps[0]) < 2 * world:
        problem = f"{len(pairs)} training pairs are too few for {world} worker(s)"
        raise ValueError(f"{problem}: every worker needs at least two a step")
    optimizer = _optimizer(encoder, settings)
    torch.manual_seed(seed + rank)  # dropout draws from the global generator, and cannot be seeded otherwise
    most = curve.begin(len(steps), len(steps[0]) // world * world) if curve else len(steps)
    first = checkpoint.restore(scratch, optimizer, rank, most) if scratch else 0
    if curve:
        curve.go_on(first)
    rate = partial(_learning_rate, steps=len(steps), warmup=settings.warmup)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate, last_epoch=first - 1)
    figures: dict[str, float] = {}
    dimensions = splade_modules(encoder).model.get_output_embeddings().weight.shape[0]
    full_from = math.ceil(len(steps) * max(settings.ramp, settings.warmup))
    density = guard.DensityGuard(dimensions, len(steps), full_from)
    encoder.train()
    start = time.perf_counter()
    with headway.counting("steps", len(steps), first):
        for step in range(first, len(steps)):
            if curve:
                curve.reach(step, encoder)
            indices = steps[step]
            # the same number of pairs on every worker
            own = indices[: len(indices) // world * world].chunk(world)[rank]
            regularization = ramp(step, len(steps), settings.ramp)
            figures = _step(encoder, [pairs[i] for i in own.tolist()], settings, regularization, rank, world)
            guard.check(step, figures["loss"], figures["query_active"], figures["document_active"])
            density.check(step, figures["query_active"], figures["document_active"])
            if world > 1:
                for parameter in encoder.parameters():
                    if parameter.grad is not None:
                        dist.all_reduce(parameter.grad)
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), settings.max_gradient)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=False)
            headway.reach(step + 1)
            pause = (step + 1) % settings.checkpoint_every == 0 or (curve is not None and curve.due(step + 1))
            if pause and step + 1 < len(steps):
                if scratch:
                    checkpoint.save(scratch, optimizer, step + 1, rank)
                if report:
                    report({"step": step + 1, "steps": len(steps), **figures})
    encoder.eval()
    if curve:
        curve.reach(len(steps), encoder)
    seconds = time.perf_counter() - start - (curve.seconds if curve else 0)
    return {"steps": len(steps), "resumed_from": first, "training_seconds": seconds, **figures}


def _step(
    encoder: Any, pairs: Sequence[Pair], settings: TrainingSettings, weight: float, rank: int, world: int
) -> dict[str, float]:
    """Encode the worker's pairs, compute the global loss, and add its gradient by these pairs to the parameters."""
    queries, queries_backward = representations(encoder, "query", [pair.question for pair in pairs], settings)
    documents, documents_backward = representations(encoder, "document", [pair.passage for pair in pairs], settings)
    keys = torch.tensor([pair.document for pair in pairs], device=queries.device)
    queries, documents, keys = (_gather(tensor, rank, world) for tensor in (queries, documents, keys))
    contrast = info_nce(queries, documents, keys, settings.scale)
    sparsity = settings.lambda_query * flops(queries) + settings.lambda_document * flops(documents)
    loss = contrast + weight * sparsity
    loss.backward()
    queries_backward()
    documents_backward()
    return {
        "loss": float(loss.detach()),
        "contrast": float(contrast.detach()),
        "sparsity": float(sparsity.detach()),
        "query_active": float((queries > 0).sum(1).float().mean()),
        "document_active": float((documents > 0).sum(1).float().mean()),
    }


def _gather(own: torch.Tensor, rank: int, world: int) -> torch.Tensor:
    """Return all workers' rows in rank order, [world * B, ...]; only the worker's own rows have a gradient."""
    if world == 1:
        return own
    gathered = [torch.empty_like(own) for _ in range(world)]
    dist.all_gather(gathered, own.detach().contiguous())
    gathered[rank] = own
    return torch.cat(gathered)


def _optimizer(model: Any, settings: TrainingSettings) -> torch.optim.AdamW:
    """Return AdamW without weight decay of biases and layer norms (1-D parameters)."""
    rate, trained = settings.learning_rate, [p for p in model.parameters() if p.requires_grad]
    matrices, vectors = [p for p in trained if p.dim() > 1], [p for p in trained if p.dim() <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": settings.weight_decay, "initial_lr": rate},
        {"params": vectors, "weight_decay": 0.0, "initial_lr": rate},
    ]
    # Not fused, every step would allocate two copies of the largest matrix.
    return torch.optim.AdamW(groups, lr=rate, fused=True)


def _learning_rate(step: int, steps: int, warmup: float) -> float:
    rising = warmup * steps
    if step < rising:
        return (step + 1) / (rising + 1)
    return max(0.0, (steps - step) / max(1.0, steps - rising))
