"""Save and restore checkpoints of a training in safetensors: weights, AdamW moments, random state. No pickle.

Worker 0 writes scratch/step-N/shared.safetensors, every worker R writes scratch/step-N/random-R.safetensors. A
checkpoint exists once worker 0 has renamed its folder; only the newest is kept. digests.json detects damage on disk.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

DIGESTS = "digests.json"

logger = logging.getLogger(__name__)


def save(scratch: Path, optimizer: Any, step: int, rank: int) -> None:
    """Write a checkpoint after `step` finished steps. All workers call this together."""
    aside, final = scratch / f".step-{step}", scratch / f"step-{step}"
    if rank == 0:
        for unfinished in scratch.glob(".step-*"):
            shutil.rmtree(unfinished)
        aside.mkdir()
        save_file(_state(optimizer), aside / "shared.safetensors")
    _wait()
    device, random = _device(optimizer), {"random": torch.get_rng_state()}
    if device.type == "cuda":
        random["random.cuda"] = torch.cuda.get_rng_state(device)
    save_file(random, aside / f"random-{rank}.safetensors")
    _wait()
    if rank == 0:
        (aside / DIGESTS).write_text(json.dumps(_digests(aside)), encoding="utf-8")
        os.replace(aside, final)
        for old in scratch.glob("step-*"):
            if old != final:
                shutil.rmtree(old)
    _wait()


def restore(scratch: Path, optimizer: Any, rank: int, most: int) -> int:
    """Load the newest intact checkpoint of at most `most` steps. All workers call this together.

    Returns the number of finished steps, 0 without a checkpoint.
    """
    scratch.mkdir(exist_ok=True)  # only here: if the store disappears later, it must not be created again
    newest_first = sorted(scratch.glob("step-*"), key=_step, reverse=True)
    unusable = list(takewhile(lambda path: _step(path) > most or not _intact(path), newest_first))
    _wait()  # all workers must have looked before worker 0 removes anything
    for path in unusable if rank == 0 else ():
        reason = f"comes after step {most}, whose measurement is lost" if _step(path) > most else "is damaged"
        logger.warning("checkpoint %s %s: the training continues without it", path, reason)
        shutil.rmtree(path)
    if len(unusable) == len(newest_first):
        return 0
    newest = newest_first[len(unusable)]
    step = _step(newest)
    stored = load_file(newest / "shared.safetensors")
    with torch.no_grad():
        for index, parameter in enumerate(_parameters(optimizer)):
            if f"weight.{index}" not in stored:
                continue
            parameter.copy_(stored[f"weight.{index}"])
            optimizer.state[parameter] = {
                "step": stored[f"step.{index}"].to(parameter.device),
                "exp_avg": stored[f"mean.{index}"].to(parameter.device),
                "exp_avg_sq": stored[f"square.{index}"].to(parameter.device),
            }
    own = newest / f"random-{rank}.safetensors"
    if own.is_file():  # if the number of workers has grown, a new one keeps its fresh seed
        random, device = load_file(own), _device(optimizer)
        torch.set_rng_state(random["random"])
        if device.type == "cuda" and "random.cuda" in random:
            torch.cuda.set_rng_state(random["random.cuda"], device)
    return step


def _step(folder: Path) -> int:
    return int(folder.name.removeprefix("step-"))


def _digests(folder: Path) -> dict[str, str]:
    digests = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def _intact(folder: Path) -> bool:
    try:
        return json.loads((folder / DIGESTS).read_bytes()) == _digests(folder)
    except (OSError, ValueError):
        return False


def _device(optimizer: Any) -> torch.device:
    return _parameters(optimizer)[0].device


def _state(optimizer: Any) -> dict[str, torch.Tensor]:
    state = {}
    for index, parameter in enumerate(_parameters(optimizer)):
        if parameter not in optimizer.state:  # without a gradient (second bias of an untied BERT), and so unchanged
            continue
        moments = optimizer.state[parameter]
        state[f"weight.{index}"] = parameter.detach().contiguous()
        state[f"step.{index}"] = torch.as_tensor(moments["step"])
        state[f"mean.{index}"] = moments["exp_avg"]
        state[f"square.{index}"] = moments["exp_avg_sq"]
    return state


def _parameters(optimizer: Any) -> list[torch.nn.Parameter]:
    """Return the trained parameters in the optimizer's order; tied weights appear once."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _wait() -> None:
    if dist.is_initialized():
        dist.barrier()
