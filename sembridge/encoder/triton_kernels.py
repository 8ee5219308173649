"""Triton kernels of the sparse head: the largest logit of each output over a text's tokens, and its two gradients.

Shapes: B texts of L places each, D dimensions, V outputs. All sums are float32 in a fixed order, and no program writes
where another one does: there are no atomics, and two runs give the same bits.

Import this module only where `sembridge.gpu.runs_kernels`, or with TRITON_INTERPRET=1, which runs it on a processor.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

GROUP = 8  # texts that neighboring programs share, so that they find tokens and weights in the cache


def _set_blocks(arguments: dict[str, Any]) -> None:
    """Tell descriptors, where there are some, which blocks the chosen configuration loads."""
    if arguments["DESCRIPTORS"]:
        arguments["hidden"].block_shape = [1, arguments["BLOCK_L"], arguments["BLOCK_D"]]
        arguments["weight"].block_shape = [arguments["BLOCK_V"], arguments["BLOCK_D"]]


def _config(outputs: int, places: int, dimensions: int, warps: int, stages: int, flat: bool = False) -> triton.Config:
    blocks = {"BLOCK_V": outputs, "BLOCK_L": places, "BLOCK_D": dimensions, "FLATTEN": flat}
    return triton.Config(blocks, num_warps=warps, num_stages=stages, pre_hook=_set_blocks)


# Each compiles without spilling registers: for compute capability 9.0 with descriptors, for 8.0 without them.
SINGLE = [_config(64, 64, 32, 8, 2)]
BY_POINTERS = [_config(128, 64, 32, 4, 4), _config(128, 128, 32, 8, 4), _config(64, 64, 64, 4, 3)]
BY_DESCRIPTORS = [
    _config(128, 64, 64, 4, 4), _config(128, 128, 64, 4, 3), _config(256, 64, 64, 8, 4),
    _config(256, 128, 64, 8, 3), _config(128, 256, 64, 8, 3),
    _config(256, 128, 64, 8, 3, True), _config(128, 256, 64, 8, 3, True),
]  # fmt: skip
INTERPRETED = [_config(32, 16, 16, 4, 1)]  # small blocks, so that small inputs have several
CONFIGS = INTERPRETED if triton.knobs.runtime.interpret else [*SINGLE, *BY_POINTERS, *BY_DESCRIPTORS]


def _fitting(configs: list[triton.Config], arguments: dict[str, Any], **constants: Any) -> list[triton.Config]:
    """Leave out configurations that are meant for other cards or types, or would mostly multiply pads."""
    if constants["PRECISION"] == "ieee":
        return SINGLE
    those = BY_DESCRIPTORS if constants["DESCRIPTORS"] else BY_POINTERS
    return [config for config in those if config.kwargs["BLOCK_L"] < 2 * max(arguments["length"], 33)]


@triton.jit
def _larger(a, b):  # type: ignore[no-untyped-def]
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.autotune(
    CONFIGS,
    key=["bucket", "size", "width", "WITH_TOKENS", "PRECISION", "DESCRIPTORS"],
    prune_configs_by={"early_config_prune": _fitting},
)
@triton.jit
def largest_logits(  # type: ignore[no-untyped-def]
    hidden, weight, bias, mask, starts, ends, largest, token, texts, length, bucket, size, width,
    HAS_BIAS: tl.constexpr, WITH_TOKENS: tl.constexpr, PRECISION: tl.constexpr, DESCRIPTORS: tl.constexpr,
    GROUP: tl.constexpr,
    BLOCK_V: tl.constexpr, BLOCK_L: tl.constexpr, BLOCK_D: tl.constexpr, FLATTEN: tl.constexpr,
):  # fmt: skip
    """Write the largest logit of each text and output [B, V] float32 and the place of the first token with it.

    hidden  [B, L, D], and weight [V, D], as descriptors or as pointers; bias [V] float32
    mask    [B, L] int8; starts and ends [B] int32: the first place with a token, and the one after the last
    bucket  length, rounded up: blocks are tuned for it
    """
    program = tl.program_id(0)
    blocks = tl.cdiv(size, BLOCK_V)
    group = program // (GROUP * blocks)
    members = min(texts - group * GROUP, GROUP)
    inside = program % (GROUP * blocks)
    text = group * GROUP + inside % members
    first = inside // members * BLOCK_V
    start, end = tl.load(starts + text), tl.load(ends + text)
    outputs = first + tl.arange(0, BLOCK_V)
    valid = outputs < size
    best = tl.full((BLOCK_V,), float("-inf"), tl.float32)
    at = tl.zeros((BLOCK_V,), tl.int32) + start
    columns = tl.arange(0, BLOCK_L)
    for block in tl.range(0, end, BLOCK_L, flatten=FLATTEN):
        places = block + columns
        logits = tl.zeros((BLOCK_V, BLOCK_L), tl.float32)
        for d in tl.range(0, width, BLOCK_D):
            if DESCRIPTORS:
                rows = weight.load([first, d])
                tokens = hidden.load([text, block, d]).reshape(BLOCK_L, BLOCK_D)
            else:
                depth = d + tl.arange(0, BLOCK_D)
                deep = depth < width
                row = outputs.to(tl.int64)[:, None] * width + depth[None, :]
                rows = tl.load(weight + row, mask=valid[:, None] & deep[None, :], other=0.0)
                token_row = (text.to(tl.int64) * length + places)[:, None] * width + depth[None, :]
                tokens = tl.load(hidden + token_row, mask=(places < end)[:, None] & deep[None, :], other=0.0)
            logits = tl.dot(rows, tokens.T, logits, input_precision=PRECISION)
        present = tl.load(mask + text * length + places, mask=places < end, other=0) != 0
        logits = tl.where(present[None, :], logits, float("-inf"))
        top = tl.reduce(logits, 1, _larger)
        if WITH_TOKENS:
            holds = (logits == top[:, None]) | (logits != logits)  # where the largest is NaN, the first NaN
            column = tl.min(tl.where(holds, columns[None, :], BLOCK_L), 1)
            better = (best == best) & ((top > best) | (top != top))
            at = tl.where(better, block + column, at)
        best = _larger(best, top)
    if HAS_BIAS:  # rounding is monotonic: the largest stays the largest
        best += tl.load(bias + outputs, mask=valid, other=0.0)
    place = text.to(tl.int64) * size + outputs
    tl.store(largest + place, best, mask=valid)
    if WITH_TOKENS:
        tl.store(token + place, at.to(tl.int16), mask=valid)


@triton.jit
def weight_gradient(  # type: ignore[no-untyped-def]
    gradient, token, hidden, result, texts, length, size, width, BLOCK_V: tl.constexpr, BLOCK_D: tl.constexpr
):
    """Write sum over texts of gradient [B, V] times the hidden vector at `token` [B, V] to result [V, D]."""
    outputs = tl.program_id(0) * BLOCK_V + tl.arange(0, BLOCK_V)  # the first axis is the one without a limit
    columns = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    valid, inside = outputs < size, columns < width
    total = tl.zeros((BLOCK_V, BLOCK_D), tl.float32)
    for text in range(texts):
        place = tl.cast(text, tl.int64) * size + outputs
        values = tl.load(gradient + place, mask=valid, other=0.0)
        active = values != 0
        if tl.max(active.to(tl.int32), 0) > 0:
            line = text * length + tl.load(token + place, mask=active, other=0).to(tl.int64)
            where = hidden + line[:, None] * width + columns[None, :]
            vectors = tl.load(where, mask=active[:, None] & inside[None, :], other=0.0)
            total += values[:, None] * vectors.to(tl.float32)
    place = outputs.to(tl.int64)[:, None] * width + columns[None, :]
    tl.store(result + place, total.to(result.dtype.element_ty), mask=valid[:, None] & inside[None, :])


@triton.jit
def piece_sums(  # type: ignore[no-untyped-def]
    values, output, weight, starts, ends, partial, width, ROWS: tl.constexpr, BLOCK_D: tl.constexpr
):
    """Write, for each piece of the entries [starts, ends), the sum of values times rows `output` of weight [V, D]."""
    piece = tl.program_id(0)
    columns = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    inside = columns < width
    start, end = tl.load(starts + piece), tl.load(ends + piece)
    total = tl.zeros((ROWS, BLOCK_D), tl.float32)
    for first in range(start, end, ROWS):
        entries = first + tl.arange(0, ROWS)
        valid = entries < end
        row = tl.load(output + entries, mask=valid, other=0).to(tl.int64)
        value = tl.load(values + entries, mask=valid, other=0.0)
        where = weight + row[:, None] * width + columns[None, :]
        vectors = tl.load(where, mask=valid[:, None] & inside[None, :], other=0.0)
        total += value[:, None] * vectors.to(tl.float32)
    if end > start:
        tl.store(partial + piece.to(tl.int64) * width + columns, tl.sum(total, 0), mask=inside)


@triton.jit
def token_sums(partial, firsts, counts, result, width, BLOCK_D: tl.constexpr):  # type: ignore[no-untyped-def]
    """Write the sum of each token's pieces, from firsts [N] on, counts [N] of them, to result [N, D]."""
    token = tl.program_id(0)
    columns = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    inside = columns < width
    first = tl.load(firsts + token)
    last = first + tl.load(counts + token)
    total = tl.zeros((BLOCK_D,), tl.float32)
    for piece in range(first, last):
        total += tl.load(partial + tl.cast(piece, tl.int64) * width + columns, mask=inside, other=0.0)
    tl.store(result + token.to(tl.int64) * width + columns, total.to(result.dtype.element_ty), mask=inside)
