"""Stage: fine-tune a transplanted (or the source) encoder with Ray Train."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.store.artifact import Location
from harness.store.stage import Stage
from harness.training.settings import GROWTH
from sembridge.extras import require


def build(
    out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location], scratch: Path, batch_divisor: int = 1
) -> None:
    """Train an encoder and save it with about.json.

    parameters     training (TrainingSettings as a dict), workers, bias, special_ids, seed; for a curve also points and
                   evaluation (k, max_length, precision)
    inputs         encoder, pairs (a collection), tokenizer + initialization unless the source encoder itself is
                   trained; for a curve also collection
    batch_divisor  divides the number of texts that a worker encodes at once, after a failure for lack of memory; the
                   loss remains that of the whole batch

    A curve changes no bit of the encoder; its points are in about.json. One worker trains in the calling process
    (TorchTrainer's local mode, which saves the start of a second process). Several train in a worker group; their
    number does not change the objective. An error of a worker is raised here.
    """
    require("grid", "training in a grid")
    import ray
    from ray.train import RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchTrainer

    from harness.training.worker_group import GroupConfig, worker_error

    workers = parameters["workers"]
    task = {
        "out": str(out),
        "scratch": str(scratch),
        "parameters": dict(parameters),
        "batch_divisor": batch_divisor,
        "inputs": {name: tuple(location) for name, location in inputs.items()},
    }
    # With several workers, GPUs that a growing cluster has not started yet count too.
    on_gpus = workers > 1 and max(ray.cluster_resources().get("GPU", 0), float(os.environ.get(GROWTH, 0))) >= workers
    trainer = TorchTrainer(
        _train_worker,
        train_loop_config=task,
        torch_config=GroupConfig() if workers > 1 else None,
        scaling_config=ScalingConfig(num_workers=0 if workers == 1 else workers, use_gpu=on_gpus),
        run_config=RunConfig(name="ray", storage_path=str(scratch)) if workers > 1 else None,
    )
    try:
        trainer.fit()
    except TrainingFailedError as error:
        raise worker_error(error) from None  # as with one worker: its type decides about a retry
    if not (out / "about.json").is_file():
        advice = "on several nodes the store must be on a shared file system"
        raise RuntimeError(f"the training workers ended without writing an encoder; {advice}")


TRAINED_ENCODER = Stage("trained-encoder", version=6, seconds=8, build=build, shared=False)


def _train_worker(task: dict[str, Any]) -> None:
    """Build the encoder and train it on this worker's part of every batch; worker 0 saves it."""
    import ray.train
    import torch
    import torch.distributed as dist

    from harness.collections import beir
    from harness.initialization.encoders import zero_shot_encoder
    from harness.training.curve import Curve, scores_on
    from harness.training.loop import Pair, train
    from harness.training.settings import TrainingSettings

    # Not in a group, this is local mode inside a Tune trial, which would take Train's report for its own.
    in_group = dist.is_initialized()
    inputs = {name: Location(*location) for name, location in task["inputs"].items()}
    parameters = task["parameters"]
    encoder = zero_shot_encoder(parameters, inputs)
    if torch.cuda.is_available():
        encoder.to(ray.train.torch.get_device() if in_group else "cuda")
    numbers: dict[str, int] = {}
    rows = beir.training_pairs(inputs["pairs"].path)  # keeps only the documents of pairs in memory
    pairs = [Pair(query, text, numbers.setdefault(doc_id, len(numbers))) for query, doc_id, text in rows]
    if not pairs:
        problem = "has no training pairs (qrels/train.tsv)"
        raise ValueError(f"collection {inputs['pairs'].name} {problem}; leave the regime fine-tuned out")
    settings, batch_divisor = TrainingSettings(**parameters["training"]), task["batch_divisor"]
    counts: dict[str, Any] = {"pairs": len(pairs), "pairs_used": min(len(pairs), settings.max_pairs or len(pairs))}
    if batch_divisor > 1:
        usual = settings.micro_batch or settings.batch_size // parameters["workers"]
        settings = settings.model_copy(update={"micro_batch": max(1, usual // batch_divisor)})
        counts |= {"batches_divided": batch_divisor, "micro_batch": settings.micro_batch}
    scratch, curve = Path(task["scratch"]), None
    if "points" in parameters:
        measure = scores_on(inputs["collection"].path, parameters["evaluation"], batch_divisor)
        curve = Curve(parameters["points"], measure, scratch)
    report = ray.train.report if in_group else None
    figures = train(encoder, pairs, settings, parameters["seed"], scratch, report, curve)
    if not in_group or dist.get_rank() == 0:
        out = Path(task["out"])
        encoder.save_pretrained(str(out), create_model_card=False)
        about: dict[str, Any] = {"training": figures | counts}
        if curve:
            about["curve"] = curve.points
        if "initialization" in inputs:
            stored = json.loads((inputs["initialization"].path / "about.json").read_text(encoding="utf-8"))
            about |= {"label": stored["label"], "statistics": stored["statistics"]}
        (out / "about.json").write_text(json.dumps(about, sort_keys=True), encoding="utf-8")
    if in_group:
        ray.train.report(figures)
