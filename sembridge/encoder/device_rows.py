"""Fetch dense weights of a GPU as sparse rows, on a stream of their own, while the GPU computes what comes next."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import scipy.sparse as sp
import torch


def rows_later(weights: torch.Tensor) -> Callable[[], sp.csr_array]:
    """Return a function that returns weights [B, V] as csr float32; on a GPU, call it after starting other work."""
    if weights.device.type != "cuda":
        parts = _parts(weights)
        return lambda: _matrix(parts, weights.shape)
    stream = _stream(weights.device)
    ready = torch.cuda.Event()
    ready.record()
    weights.record_stream(stream)  # its memory is not used again before this stream has read it

    def fetch() -> sp.csr_array:
        stream.wait_event(ready)
        with torch.cuda.stream(stream):
            parts = [_to_host(part) for part in _parts(weights)]
        stream.synchronize()
        return _matrix(parts, weights.shape)

    return fetch


def _parts(weights: torch.Tensor) -> list[torch.Tensor]:
    """Return values, columns and ends of rows; on a GPU this waits for the current stream."""
    row, column = weights.nonzero(as_tuple=True)
    ends = torch.searchsorted(row, torch.arange(len(weights) + 1, device=row.device))
    return [weights[row, column].float(), column.int(), ends.int()]


def _matrix(parts: list[torch.Tensor], shape: tuple[int, ...]) -> sp.csr_array:
    return sp.csr_array(tuple(part.numpy() for part in parts), shape=tuple(shape))


def _to_host(tensor: torch.Tensor) -> torch.Tensor:
    """Start a copy into pinned memory."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(tensor, non_blocking=True)


@cache
def _stream(device: torch.device) -> Any:
    return torch.cuda.Stream(device)
