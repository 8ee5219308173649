"""Say whether kernels of our own can run on a device: they are written in Triton, which comes with PyTorch for CUDA."""

from __future__ import annotations

import importlib.util
from functools import cache

import torch


def runs_kernels(device: torch.device) -> bool:
    """Return whether Triton compiles for this device; processors always compute by other means."""
    return device.type == "cuda" and _triton_is_installed()


def loads_blocks(device: torch.device) -> bool:
    """Return whether a device has a unit that loads blocks of tables, as NVIDIA's have from Hopper on."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (9, 0)


@cache
def _triton_is_installed() -> bool:
    return importlib.util.find_spec("triton") is not None
