"""Where the tests of Triton kernels compute: on a GPU, or without one in Triton's interpreter, on the processor.

tests/conftest.py sets TRITON_INTERPRET where there is no GPU, before anything imports Triton.
"""

from __future__ import annotations

import importlib.util

import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
NEEDS_TRITON = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="Triton is not installed; `pip install triton==3.7.1` runs these tests in its interpreter, without a GPU",
)
NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")
HALF = torch.bfloat16 if DEVICE == "cuda" else torch.float16  # the interpreter cannot multiply bfloat16
