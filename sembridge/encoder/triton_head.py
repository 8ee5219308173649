"""Compute the largest logits of padded texts on a GPU, by Triton kernels; the counterpart of `max_logits` there.

Forwards, a product of a block of the vocabulary with a block of tokens is reduced to its maxima where it was computed:
neither the logits [B, L, V] nor a chunk of them are ever written. Backwards, only the tokens at which a maximum stands
count. The gradient of the weights gathers them, output by output; that of the tokens sorts the entries by token first,
so that each sum belongs to one program. Nothing is added atomically: the same input gives the same bits.

Products take the data type of autocast, maxima and sums are float32. `max_logits` rounds logits to that type before it
compares them; the kernel does not, so in bfloat16 it has fewer ties. Of equal logits the first token gets the gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from sembridge.gpu import loads_blocks, runs_kernels

LONGEST = 2**15 - 1  # places of a text, which are stored in 16 bits
ENTRIES = 2**22  # entries of the gradient that are sorted at a time: some 100 MB
PIECE = 512  # entries that one program adds up


def fits(hidden: torch.Tensor, weight: torch.Tensor) -> bool:
    """Return whether the kernels compute this: hidden [B, L, D] and weight [V, D] on a GPU, products in 16 bits.

    In float32 torch's own products are faster than Triton's (docs/performance.md).
    """
    if not runs_kernels(hidden.device) or hidden.shape[1] > LONGEST:
        return False
    dtype = _product_type(hidden, weight)
    aligned = weight.shape[1] * dtype.itemsize % 16 == 0 and not (hidden.data_ptr() | weight.data_ptr()) % 16
    return dtype in (torch.bfloat16, torch.float16) and aligned  # blocks are loaded from multiples of 16 bytes


def masked_max_logits(
    hidden: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """Return the largest logit of each text [B, V] float32, -inf for a text without tokens; differentiable once.

    hidden  [B, L, D], pads included; weight [V, D]; bias [V] or None
    mask    [B, L], 0 for pads, which may be anywhere
    """
    learns = any(tensor is not None and tensor.requires_grad for tensor in (hidden, weight, bias))
    return _MaskedMaxLogits.apply(hidden, weight, bias, mask, learns and torch.is_grad_enabled())


class _MaskedMaxLogits(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        mask: torch.Tensor,
        with_tokens: bool,
    ) -> torch.Tensor:
        ctx.dtype = _product_type(hidden, weight)
        tokens = hidden.to(ctx.dtype).contiguous()
        largest, token = _largest(tokens, weight.to(ctx.dtype).contiguous(), bias, mask, with_tokens)
        if with_tokens:
            ctx.hidden_type = hidden.dtype
            ctx.save_for_backward(tokens, weight, bias, token)
        return largest

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None, None, None]:
        tokens, weight, bias, token = ctx.saved_tensors
        gradient = gradient.float().contiguous()
        of_hidden = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_hidden = _of_hidden(gradient, token, weight.to(ctx.dtype).contiguous(), tokens.shape[1], ctx.hidden_type)
        if ctx.needs_input_grad[1]:
            of_weight = _of_weight(gradient, token, tokens, weight)
        if bias is not None and ctx.needs_input_grad[2]:
            of_bias = gradient.sum(0).to(bias.dtype)
        return of_hidden, of_weight, of_bias, None, None


def _product_type(hidden: torch.Tensor, weight: torch.Tensor) -> torch.dtype:
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return torch.promote_types(hidden.dtype, weight.dtype)


def _largest(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, mask: torch.Tensor, with_tokens: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the largest logits [B, V] float32, and the places of their tokens [B, V] int16 or nothing."""
    import triton
    from triton.tools.tensor_descriptor import TensorDescriptor

    from sembridge.encoder.triton_kernels import GROUP, largest_logits

    (texts, length, width), size = hidden.shape, len(weight)
    largest = torch.full((texts, size), float("-inf"), dtype=torch.float32, device=hidden.device)
    token = torch.zeros(largest.shape if with_tokens else (0,), dtype=torch.int16, device=hidden.device)
    if largest.numel() == 0 or length == 0:
        return largest, token
    present = mask.ne(0).to(torch.int8)
    starts = present.argmax(1).int()
    ends = torch.where(present.any(1), length - present.flip(1).argmax(1), 0).int()
    added = largest if bias is None else bias.float().contiguous()
    tables, described = [hidden, weight], loads_blocks(hidden.device)
    if described:
        tables = [TensorDescriptor.from_tensor(table, [1] * table.dim()) for table in tables]
    bucket = next(size for size in (32, 64, 128, 256, LONGEST + 1) if length <= size)
    precision = "ieee" if hidden.dtype == torch.float32 else "tf32"  # says nothing to products in 16 bits
    largest_logits[lambda meta: (texts * triton.cdiv(size, meta["BLOCK_V"]),)](
        *tables, added, present, starts, ends, largest, token, texts, length, bucket, size, width,
        HAS_BIAS=bias is not None, WITH_TOKENS=with_tokens, PRECISION=precision,
        DESCRIPTORS=described, GROUP=GROUP,
    )  # fmt: skip
    return largest, token


def _of_weight(gradient: torch.Tensor, token: torch.Tensor, hidden: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the weights [V, D] from that of the largest logits [B, V]."""
    import triton

    from sembridge.encoder.triton_kernels import weight_gradient

    (texts, length, width), size = hidden.shape, len(weight)
    result = torch.empty(weight.shape, dtype=weight.dtype, device=weight.device)
    if token.numel() == 0:
        return result.zero_()
    rows, columns = 16, min(256, triton.next_power_of_2(width))
    grid = triton.cdiv(size, rows), triton.cdiv(width, columns)
    weight_gradient[grid](
        gradient, token, hidden, result, texts, length, size, width, BLOCK_V=rows, BLOCK_D=columns, num_warps=4
    )
    return result


def _of_hidden(
    gradient: torch.Tensor, token: torch.Tensor, weight: torch.Tensor, length: int, dtype: torch.dtype
) -> torch.Tensor:
    """Return the gradient of the tokens [B, L, D] from that of the largest logits [B, V], some texts at a time."""
    (texts, size), width = gradient.shape, weight.shape[1]
    result = torch.zeros((texts, length, width), dtype=dtype, device=gradient.device)
    step = max(1, ENTRIES // max(1, size))
    for first in range(0, texts if token.numel() else 0, step):
        part = slice(first, first + step)
        _add_up(gradient[part].flatten(), token[part].flatten(), weight, result[part].view(-1, width), length)
    return result


def _add_up(values: torch.Tensor, token: torch.Tensor, weight: torch.Tensor, result: torch.Tensor, length: int) -> None:
    """Fill result [N, D] with the sums of values [G V] times weights [V, D] at the tokens of G texts, N = G length."""
    import triton

    from sembridge.encoder.triton_kernels import piece_sums, token_sums

    (size, width), count = weight.shape, len(result)
    entries = values.nonzero()[:, 0]
    keys, order = torch.sort(token[entries].int() + (entries // size).int() * length, stable=True)
    entries = entries[order]
    borders = torch.searchsorted(keys, torch.arange(count + 1, dtype=keys.dtype, device=keys.device))
    pieces = (borders.diff() + PIECE - 1) // PIECE
    firsts = pieces.cumsum(0) - pieces
    most = count + len(entries) // PIECE
    number = torch.arange(most, device=keys.device)
    owner = (torch.searchsorted(firsts, number, right=True) - 1).clamp_(min=0)
    starts = borders[owner] + (number - firsts[owner]) * PIECE
    ends = torch.minimum(starts + PIECE, borders[owner + 1])
    partial = torch.empty((most, width), dtype=torch.float32, device=keys.device)
    columns = min(256, triton.next_power_of_2(width))
    piece_sums[most, triton.cdiv(width, columns)](
        values[entries], (entries % size).int(), weight, starts, ends, partial, width, ROWS=16, BLOCK_D=columns
    )
    token_sums[count, triton.cdiv(width, columns)](partial, firsts, pieces, result, width, BLOCK_D=columns)
