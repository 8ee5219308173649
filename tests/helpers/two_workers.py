"""What each of two worker processes runs for test_two_workers.py: distributed trainings, with results in files."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch.nn.parallel import DistributedDataParallel

from harness.collections import beir
from harness.training.curve import Curve, scores_on
from harness.training.guard import TrainingStopped
from harness.training.loop import train
from harness.training.settings import TrainingSettings
from sembridge.encoder.head import encode, pad, tokenize
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from tests.helpers.encoders_made import weights
from tests.helpers.pairs_made import toy_pairs

_RATES = {"learning_rate": 1e-3, "lambda_query": 0.02, "lambda_document": 0.03}
PLAIN = TrainingSettings(batch_size=16, epochs=3, max_length=16, **_RATES)  # of 3 steps
STOPPED = PLAIN.model_copy(update={"checkpoint_every": 4})
DROPOUT = TrainingSettings(batch_size=8, epochs=2, learning_rate=5e-3, max_length=16, checkpoint_every=4)  # of 5 steps
SEED = 3
EVALUATION = {"k": 100, "max_length": 16, "precision": "float32"}


class Killed(Exception):
    pass


def kill(figures: dict[str, float]) -> None:
    raise Killed


@contextmanager
def recorded_gradients() -> Any:
    """Yield the gradients after the sum over workers, which the loop passes to clip_grad_norm_."""
    gradients: list[dict[str, torch.Tensor]] = []
    clip = torch.nn.utils.clip_grad_norm_

    def spy(parameters: Any, largest: float) -> Any:
        parameters = list(parameters)
        gradients.append({str(index): p.grad.clone() for index, p in enumerate(parameters) if p.grad is not None})
        return clip(parameters, largest)

    torch.nn.utils.clip_grad_norm_ = spy
    try:
        yield gradients
    finally:
        torch.nn.utils.clip_grad_norm_ = clip


def plain_training(folder: str, out: Path, micro_batch: int | None = None) -> None:
    """Run PLAIN on toy pairs with three questions per document, so that batches have several; save all results."""
    encoder, figures = load_encoder(folder), []
    with recorded_gradients() as gradients:
        settings = PLAIN.model_copy(update={"checkpoint_every": 1, "micro_batch": micro_batch})
        figures.append(train(encoder, toy_pairs(3), settings, SEED, report=figures.append))
    out.mkdir(parents=True)
    save_file(weights(encoder), out / "weights.safetensors")
    for step, tensors in enumerate(gradients):
        save_file(tensors, out / f"gradients-{step}.safetensors")
    (out / "figures.json").write_text(json.dumps(figures))


def write_collection(folder: Path) -> None:
    """Write the toy passages among so many others that each of two workers has a shard of the documents."""
    pairs = toy_pairs(1)
    documents = [(f"x{number}", "", f"{pairs[number % 20].question} {number}") for number in range(700)]
    documents += [(f"d{pair.document}", "", pair.passage) for pair in pairs]
    queries = [(f"q{pair.document}", pair.question) for pair in pairs]
    beir.write(folder, documents, queries, [(f"q{pair.document}", f"d{pair.document}", 1) for pair in pairs])


def curve_of(out: Path, encoder: Any, scratch: Path, report: Any = None) -> list[dict[str, Any]]:
    """Return the three points of PLAIN, after 0, 5 and 9 steps."""
    curve = Curve(2, scores_on(out / "toy", EVALUATION), scratch)
    train(encoder, toy_pairs(3), PLAIN, SEED, scratch, report, curve)
    return curve.points


class Represented(torch.nn.Module):
    """An encoder as a module, for PyTorch's own data parallelism."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.encoder = load_encoder(folder).eval()

    def forward(self, texts: list[str]) -> torch.Tensor:
        return encode(
            self.encoder,
            pad(tokenize(self.encoder, texts, "document", 16), splade_modules(self.encoder).tokenizer.pad_token_id),
        )


def parallel_gradients(module: Any, texts: list[str], out: Path) -> None:
    """Save the mean over workers of gradients of two backward passes, of which the first is not synchronized."""
    half = len(texts) // 2
    with module.no_sync() if isinstance(module, DistributedDataParallel) else nullcontext():
        module(texts[:half]).square().sum().backward()
    module(texts[half:]).square().sum().backward()
    gradients = {name.removeprefix("module."): p.grad for name, p in module.named_parameters() if p.grad is not None}
    save_file(gradients, out)


def work(rank: int, plain: str, dropout: str, broken: str, out: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{out}/rendezvous", rank=rank, world_size=2)
    own = out / str(rank)
    plain_training(plain, own / "plain")
    plain_training(plain, own / "micro", micro_batch=3)

    whole, stopped = load_encoder(dropout), load_encoder(dropout)
    train(whole, toy_pairs(), DROPOUT, SEED)
    with suppress(Killed):
        train(load_encoder(dropout), toy_pairs(), DROPOUT, SEED, out / "dropout", kill)
    figures = train(stopped, toy_pairs(), DROPOUT, SEED, out / "dropout")
    save_file(weights(whole), own / "whole.safetensors")
    save_file(weights(stopped), own / "resumed.safetensors")

    with suppress(Killed):
        curve_of(out, load_encoder(plain), out / "curve", kill)
    (own / "curve.json").write_text(json.dumps(curve_of(out, load_encoder(plain), out / "curve")))

    errors = {}
    try:
        train(load_encoder(plain), toy_pairs(3), STOPPED, SEED, out / "two-then-one", kill)
    except Killed:
        errors["killed"] = "killed"
    try:
        train(load_encoder(plain), toy_pairs(1)[:3], PLAIN, SEED)
    except ValueError as error:
        errors["few"] = str(error)
    try:
        train(load_encoder(broken), toy_pairs(), PLAIN, SEED)
    except TrainingStopped as error:
        errors["stopped"] = str(error)
    texts = [pair.passage for pair in toy_pairs()][rank * 8 : rank * 8 + 8]
    parallel_gradients(DistributedDataParallel(Represented(plain)), texts, own / "parallel.safetensors")
    (own / "report.json").write_text(json.dumps({"errors": errors, "resumed_from": figures["resumed_from"]}))
    dist.destroy_process_group()
