"""Say whether kernels of our own can run on a device: they are written in Triton, which comes with PyTorch for CUDA."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
from functools import cache

import torch

logger = logging.getLogger(__name__)


def runs_kernels(device: torch.device) -> bool:
    """Return whether Triton compiles for this device; processors always compute by other means.

    Where a GPU's machine lacks what Triton needs, one warning says what: then PyTorch alone computes there.
    """
    return device.type == "cuda" and _triton_works()


def loads_blocks(device: torch.device) -> bool:
    """Return whether a device has a unit that loads blocks of tables, as NVIDIA's have from Hopper on."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (9, 0)


@cache
def _triton_works() -> bool:
    if importlib.util.find_spec("triton") is None:
        missing = "Triton, which PyTorch's own builds for CUDA bring along"
    elif not (os.environ.get("CC") or any(map(shutil.which, ("gcc", "clang")))):
        missing = "a C compiler, which Triton needs once: install gcc, or name one in the variable CC"
    else:
        return True
    logger.warning("the GPU is used without our kernels, slower and with more memory; it lacks %s", missing)
    return False
