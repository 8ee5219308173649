"""Processors on which bfloat16 is slow or fast, and machines without a GPU."""

from __future__ import annotations

from typing import Any

import torch

from sembridge.processor import paths


def processor(monkeypatch: Any, ratio: float) -> None:
    """Let bfloat16 take `ratio` times float32's seconds, on a machine without a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(paths, "bfloat16_ratio", lambda threads: ratio)
