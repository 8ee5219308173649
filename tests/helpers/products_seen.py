"""The products that oneDNN makes, on a processor that counts as one on which it is faster."""

from __future__ import annotations

from typing import Any

import torch

from sembridge.encoder import matmul


def products_seen(monkeypatch: Any) -> list[tuple[int, ...]]:
    """The shapes of the left sides, as they come."""
    made: list[tuple[int, ...]] = []
    real = matmul._times

    def times(left: torch.Tensor, right: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        made.append(tuple(left.shape))
        return real(left, right, bias)

    monkeypatch.setattr(matmul, "_onednn_is_faster", lambda: True)
    monkeypatch.setattr(matmul, "_times", times)
    return made
