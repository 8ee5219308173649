"""Compute max over tokens of (hidden W^T + b) without the logits of all tokens in memory.

The vocabulary is read in chunks: one product gives the logits of a chunk, and only the largest of each text is stored,
with its token. In the backward pass a logit that was not the largest has no gradient, nor has, after relu, a largest
one below zero. So the gradient of the logits is one sparse matrix G with at most B V entries, and the three
gradients are G W, G^T hidden and the row sums of G^T.

Where several tokens share the maximum, the first of them gets the gradient, as in sentence-transformers' SpladePooling,
which uses torch.max; torch.amax would divide it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from sembridge.encoder.matmul import linear

LOGITS = {"cpu": 2**21, "cuda": 2**27}  # per chunk: as many as stay in a processor's cache, or keep a GPU busy
ROWS = 8192  # rows of the weights' gradient computed at a time
NARROWEST = 128  # fewest outputs per chunk: with fewer the product is slow


def max_logits(
    hidden: torch.Tensor, lengths: Sequence[int], weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Return the largest logit of each text [B, V], -inf for a text without tokens; differentiable once in all tensors.

    hidden   [N, D] the tokens of all texts, one text after another, no pads
    lengths  tokens of each text; they add up to N
    weight   [V, D]
    bias     [V] or None

    Under autocast the products use its data type; the maxima and all of the backward pass are at least float32.
    """
    largest = _MaxLogits.apply(hidden, weight, bias, tuple(lengths))
    return largest.t().contiguous()


def max_logits_chunks(
    hidden: torch.Tensor, lengths: Sequence[int], weight: torch.Tensor, bias: torch.Tensor | None
) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield the result of `max_logits` chunk by chunk, without gradient: (first output, [B, outputs of this chunk])."""
    for start, logits in _logit_chunks(hidden, weight):
        largest = _segments(logits, lengths)[0]
        yield start, (largest if bias is None else largest + bias[start : start + len(largest), None]).t()


class _MaxLogits(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, lengths: tuple[int, ...]
    ) -> torch.Tensor:
        with_tokens = any(ctx.needs_input_grad)
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        largest = torch.empty((len(weight), len(lengths)), dtype=dtype, device=hidden.device)
        token = torch.empty(largest.shape if with_tokens else (len(weight), 0), dtype=torch.int32, device=hidden.device)
        for start, logits in _logit_chunks(hidden, weight):
            chunk = slice(start, start + len(logits))
            largest[chunk], at = _segments(logits, lengths, with_tokens)
            token[chunk] = at
        if bias is not None:
            largest += bias[:, None]  # rounding is monotonic: the largest stays the largest
        ctx.save_for_backward(hidden, weight, bias, token)
        return largest

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None, None]:
        hidden, weight, bias, token = ctx.saved_tensors
        nonzero = gradient != 0
        output, at = nonzero.nonzero(as_tuple=True)[0], token[nonzero].long()
        values = gradient[nonzero]
        of_hidden = of_weight = of_bias = None
        with torch.autocast(hidden.device.type, enabled=False):  # also where backward() is called inside autocast
            if ctx.needs_input_grad[0]:
                order = torch.argsort(at, stable=True)
                of_logits = _csr(at[order], output[order], values[order], (len(hidden), len(weight)))
                of_hidden = (of_logits @ weight.to(values.dtype)).to(hidden.dtype)
            if ctx.needs_input_grad[1]:
                of_weight = _of_weight(output, at, values, hidden.to(values.dtype), weight)
            if bias is not None and ctx.needs_input_grad[2]:
                of_bias = gradient.sum(1).to(bias.dtype)
        return of_hidden, of_weight, of_bias, None


def _logit_chunks(hidden: torch.Tensor, weight: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield (first output, logits without bias [outputs of the chunk, N])."""
    device = hidden.device.type
    dtype = torch.promote_types(hidden.dtype, weight.dtype)
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
    rows = hidden.to(dtype)
    width = max(NARROWEST, LOGITS.get(device, LOGITS["cpu"]) // max(1, len(hidden)))
    with torch.autocast(device, enabled=False):
        for start in range(0, len(weight), width):
            yield start, linear(weight[start : start + width].to(dtype), rows)


def _segments(
    logits: torch.Tensor, lengths: Sequence[int], with_tokens: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the largest logit of each text [C, B] of logits [C, N], and its token ([C, 0] without `with_tokens`).

    Neighboring texts of one length are processed together.
    """
    largest: list[torch.Tensor] = []
    tokens = [torch.empty((len(logits), 0), dtype=torch.int64, device=logits.device)]
    first = 0
    for length, run in groupby(lengths):
        texts = len(list(run))
        block = logits[:, first : first + texts * length].unflatten(1, (texts, length))
        if length == 0:
            largest.append(logits.new_full((len(logits), texts), float("-inf")))
            tokens.append(torch.zeros((len(logits), texts), dtype=torch.int64, device=logits.device))
        elif with_tokens:
            values, at = block.max(dim=2)
            largest.append(values)
            tokens.append(at + torch.arange(first, first + texts * length, length, device=logits.device))
        else:
            largest.append(block.amax(dim=2))
        first += texts * length
    return torch.cat(largest, dim=1), torch.cat(tokens, dim=1) if with_tokens else tokens[0]


def _of_weight(
    output: torch.Tensor, token: torch.Tensor, values: torch.Tensor, hidden: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """Return G^T hidden [V, D], computed in blocks of rows: the product takes twice the memory of its result."""
    result = torch.empty_like(weight)
    starts = torch.arange(0, len(weight) + ROWS, ROWS, device=output.device)
    ends = torch.searchsorted(output, starts).tolist()
    for block, (first, last) in enumerate(pairwise(ends)):
        rows = result[block * ROWS : (block + 1) * ROWS]
        entries = output[first:last] - block * ROWS, token[first:last], values[first:last]
        rows.copy_(_csr(*entries, (len(rows), len(hidden))) @ hidden)
    return result


def _csr(row: torch.Tensor, column: torch.Tensor, values: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """Return a sparse matrix of entries sorted by row."""
    ends = torch.zeros(shape[0] + 1, dtype=torch.int64, device=row.device)
    ends[1:] = torch.bincount(row, minlength=shape[0]).cumsum(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta", category=UserWarning)
        return torch.sparse_csr_tensor(ends, column, values, shape, check_invariants=False)
