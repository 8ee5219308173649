"""Checkpoints of a training in safetensors: weights, AdamW moments, random state; the folder's name is the step. No pickle.

scratch/step-N/shared.safetensors is written by worker 0, scratch/step-N/random-R.safetensors by every worker R; a checkpoint counts once worker 0 has
renamed it into place, and only the newest is kept.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file


def save(scratch: Path, optimizer: Any, step: int, rank: int) -> None:
    """Write a checkpoint after `step` finished steps; all workers call this together."""
    aside, final = scratch / f".step-{step}", scratch / f"step-{step}"
    if rank == 0:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        save_file(_state(optimizer), aside / "shared.safetensors")
    _wait()
    save_file({"random": torch.get_rng_state()}, aside / f"random-{rank}.safetensors")
    _wait()
    if rank == 0:
        os.replace(aside, final)
        for old in scratch.glob("step-*"):
            if old != final:
                shutil.rmtree(old)
    _wait()


def restore(scratch: Path, optimizer: Any, rank: int) -> int:
    """Load the newest checkpoint if there is one; returns the number of finished steps."""
    found = max(scratch.glob("step-*"), key=lambda path: int(path.name[5:]), default=None)
    if found is None:
        return 0
    step = int(found.name[5:])
    stored = load_file(found / "shared.safetensors")
    with torch.no_grad():
        for index, parameter in enumerate(_parameters(optimizer)):
            if f"weight.{index}" not in stored:
                continue
            parameter.copy_(stored[f"weight.{index}"])
            optimizer.state[parameter] = {
                "step": stored[f"step.{index}"],
                "exp_avg": stored[f"mean.{index}"].to(parameter.device),
                "exp_avg_sq": stored[f"square.{index}"].to(parameter.device),
            }
    own = found / f"random-{rank}.safetensors"
    if own.is_file():  # the number of workers may have changed; a new one keeps its fresh seed
        torch.set_rng_state(load_file(own)["random"])
    return step


def _state(optimizer: Any) -> dict[str, torch.Tensor]:
    state = {}
    for index, parameter in enumerate(_parameters(optimizer)):
        if parameter not in optimizer.state:  # it never got a gradient (the second bias of an untied BERT): nothing changed it
            continue
        moments = optimizer.state[parameter]
        state[f"weight.{index}"] = parameter.detach().contiguous()
        state[f"step.{index}"] = torch.as_tensor(moments["step"])
        state[f"mean.{index}"] = moments["exp_avg"]
        state[f"square.{index}"] = moments["exp_avg_sq"]
    return state


def _parameters(optimizer: Any) -> list[torch.nn.Parameter]:
    """Trained parameters in the optimizer's order; tied weights appear once."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _wait() -> None:
    if dist.is_initialized():
        dist.barrier()
