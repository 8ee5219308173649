"""Fetch dense weights of a GPU as sparse rows, on a stream of their own, while the GPU computes what comes next."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import scipy.sparse as sp
import torch


def rows_later(weights: torch.Tensor) -> Callable[[], sp.csr_array]:
    """Return a function that returns weights [B, V] on a GPU as csr float32; call it after starting other work."""
    stream = _stream(weights.device)
    ready = torch.cuda.Event()
    ready.record()

    def fetch() -> sp.csr_array:
        stream.wait_event(ready)
        with torch.cuda.stream(stream):
            row, column = weights.nonzero(as_tuple=True)  # waits for this stream alone
            ends = torch.searchsorted(row, torch.arange(len(weights) + 1, device=row.device))
            parts = [_to_host(part) for part in (weights[row, column].float(), column.int(), ends.int())]
        stream.synchronize()
        return sp.csr_array(tuple(part.numpy() for part in parts), shape=tuple(weights.shape))

    weights.record_stream(stream)
    return fetch


def _to_host(tensor: torch.Tensor) -> torch.Tensor:
    """Start a copy into pinned memory."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(tensor, non_blocking=True)


@cache
def _stream(device: torch.device) -> Any:
    return torch.cuda.Stream(device)
