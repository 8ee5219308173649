"""Products of float32 matrices, computed by whichever of torch's two libraries is faster on the processor.

torch hands such products to its BLAS, usually MKL. On AMD's processors MKL does not use the 512-bit units: it reaches
116 of some 250 billion operations per second and core on Zen 5. oneDNN, which torch contains too and uses for bfloat16,
does use them. Both add up in float32, in another order. A trial or a setting chooses (`sembridge.processor.paths`);
docs/performance.md has the figures.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

from sembridge.processor.paths import products

FEWEST_ROWS = 64  # with fewer, starting a product of oneDNN's takes what it gains


def linear(left: torch.Tensor, right: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Return left right^T + bias: [..., K] x [N, K] (+ [N]) to [..., N], as torch.nn.functional.linear does.

    Where oneDNN computes it, it can be differentiated once.
    """
    compute = _Product.apply if _fits(left, right, bias) else torch.nn.functional.linear
    return compute(left, right, bias)


def fast_linear() -> AbstractContextManager[Any]:
    """Return a context in which linear layers in float32 are computed by `linear`, where oneDNN is faster."""
    return _Redirected() if _onednn_is_faster() else nullcontext()


def _onednn_is_faster() -> bool:
    return products() == "onednn"


def _fits(*operands: Any) -> bool:
    left, right, bias = operands
    tensors = [left, right] if bias is None else [left, right, bias]
    return (
        all(
            isinstance(one, torch.Tensor) and one.dtype == torch.float32 and one.device.type == "cpu" for one in tensors
        )
        and all(one.layout == torch.strided for one in tensors)
        and right.dim() == 2
        and left.dim() > 1
        and left.numel() >= FEWEST_ROWS * left.shape[-1]
        and not torch.is_autocast_enabled("cpu")
        and _onednn_is_faster()  # last: its first call may measure
    )


def _times(left: torch.Tensor, right: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(left, right, bias, "none", [], "")


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, left: torch.Tensor, right: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(left, right)
        return _times(left, right, bias)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        left, right = ctx.saved_tensors
        rows, wanted = gradient.reshape(-1, gradient.shape[-1]), ctx.needs_input_grad
        return (
            _times(gradient, right.t()) if wanted[0] else None,
            _times(rows.t(), left.reshape(-1, left.shape[-1]).t()) if wanted[1] else None,
            rows.sum(0) if wanted[2] else None,
        )


class _Redirected(TorchFunctionMode):
    """Calls of torch.nn.functional.linear become `linear`."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.nn.functional.linear:
            return _linear(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _linear(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    return linear(input, weight, bias)
