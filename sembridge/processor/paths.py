"""Choose how matrix products are computed on this processor: by a measured trial, or by a setting.

Products of float32 are computed by torch's BLAS (usually MKL) or by oneDNN; both add up in float32, in another order,
so their last bits differ. Mixtures are screened by approximate products; their bits do not depend on the choice.
docs/performance.md has the figures, `sembridge.processor.settings` the variables.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from sembridge.processor import features, integers, settings
from sembridge.processor.settings import AUTO, PRODUCTS, SCREEN
from sembridge.processor.trial import seconds_of

_ROWS, _OUTPUTS, _WIDTH = 128, 2048, 768  # a batch of short texts through a layer of BERT-base's width
_AXES = 32  # those of `sembridge.mixture.integer_screen`
_GAIN = 1.1  # by which oneDNN must be faster: what torch does by itself needs no reason
_SLOW = 1.2  # times float32's seconds, from which bfloat16 is called slow


def products() -> str:
    """Return `onednn` or `blas`: which of torch's libraries computes products of float32 matrices."""
    forced = settings.setting(PRODUCTS)
    if forced != AUTO:
        if forced == "onednn" and not _has_onednn():
            raise ValueError(f"environment variable {PRODUCTS}=onednn: this PyTorch has no oneDNN; choose blas or auto")
        return forced
    return _products(torch.get_num_threads())


def screen(rough: bool = False) -> str:
    """Return the arithmetic of the product that screens mixtures on this processor: `bfloat16`, `float32` or `int8`.

    rough  whether donors may pass that the others rule out, which int8 does; the setting may choose it anyway
    """
    forced = settings.setting(SCREEN)
    if forced == "int8" and not integers.largest():
        raise ValueError(
            f"environment variable {SCREEN}=int8: products of integers are not exact here; choose float32 or auto"
        )
    return _screen(torch.get_num_threads(), rough) if forced == AUTO else forced


def bfloat16_slower() -> float | None:
    """Return how many times float32's seconds a product in bfloat16 takes on this processor; None if it is not slow."""
    ratio = bfloat16_ratio(torch.get_num_threads())
    return ratio if ratio >= _SLOW else None


@cache
def bfloat16_ratio(threads: int) -> float:
    """Return the seconds of a product in bfloat16 by those of the fastest in float32, with so many torch threads."""
    seconds = _product_seconds(threads)
    return seconds["bfloat16"] / min(value for side, value in seconds.items() if side != "bfloat16")


def slow_bfloat16(option: str) -> str | None:
    """Return the sentence that warns of bfloat16 where it is slow on this processor, else None.

    option  that chose it, as its reader knows it: "evaluation.precision"
    """
    ratio = bfloat16_slower()
    if ratio is None:
        return None
    return (
        f"{option} bfloat16 is slow on this processor ({features.shown()}): a product of matrices takes "
        f"{ratio:.1f} times as long as in float32; choose float32, or a machine with avx512_bf16, amx_bf16 or a GPU"
    )


def described() -> dict[str, Any]:
    """Return the processor, its instructions, their limits, and the paths it takes, for the record of a result."""
    return {
        "processor": features.processor(),
        "instructions": features.instructions(),
        "limits": features.limits(),
        "threads": torch.get_num_threads(),
        "products": products(),
        "screen": screen(rough=True),
    }


@cache
def _products(threads: int) -> str:
    seconds = _product_seconds(threads)
    return "onednn" if seconds.get("onednn", float("inf")) * _GAIN <= seconds["blas"] else "blas"


@cache
def _screen(threads: int, rough: bool) -> str:
    seconds = {side: value for side, value in _screen_seconds(threads).items() if rough or side != "int8"}
    return min(seconds, key=seconds.__getitem__)


@cache
def _screen_seconds(threads: int) -> dict[str, float]:
    return _trial("screen")


@cache
def _product_seconds(threads: int) -> dict[str, float]:
    return _trial("products")


def _trial(name: str) -> dict[str, float]:
    """Time what `products` or `screen` choose between, whatever the caller's context does to products."""
    generator = torch.Generator("cpu").manual_seed(0)
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        left, right = (
            torch.randn(rows, _WIDTH, generator=generator, dtype=torch.float32, device="cpu")
            for rows in (_ROWS, _OUTPUTS)
        )
        half = left.bfloat16(), right.bfloat16()
        sides: dict[str, Callable[[], object]] = {"bfloat16": lambda: torch.mm(half[0], half[1].T)}
        if name == "screen":
            sides["float32"] = lambda: left.numpy() @ right.numpy().T
            if integers.largest():
                sides["int8"] = _in_integers(left, right)
        else:
            sides["blas"] = lambda: torch.mm(left, right.T)
            if _has_onednn():
                sides["onednn"] = lambda: torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")
        return seconds_of(name, sides)


def _in_integers(left: torch.Tensor, right: torch.Tensor) -> Callable[[], object]:
    """Return the products of a screen of integers: a whole one of integers, and one of a few axes in float32."""
    whole = [(side * 20).to(torch.int8) for side in (left, right)]
    few = [side[:, :_AXES].numpy() for side in (left, right)]
    return lambda: torch._int_mm(whole[0], whole[1].T).float().add_(torch.from_numpy(few[0] @ few[1].T))


def _has_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
