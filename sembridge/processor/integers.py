"""Products of 8-bit integers by oneDNN: up to which value this processor's are exact.

Processors without VNNI add pairs of products in 16 bits, and a sum that does not fit is cut off without a word. So the
largest value is tried: with all combinations of signs, where sums are as large as they get.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import torch

VALUES = (127, 79)
"""The largest of 8 bits; and where one side is stored shifted by 128: 2 x (128 + 79) x 79 fits into 16 bits."""

_SHAPES = ((512, 64, 1024), (16, 33, 91), (3, 70, 7))  # rows, columns, terms: whole blocks of a kernel, and remainders


@cache
def largest() -> int:
    """Return the largest absolute value at which products are exact; 0 if there are none, or none that is exact."""
    if not hasattr(torch, "_int_mm"):
        return 0
    try:
        return next((value for value in VALUES if all(_exact(value, *shape) for shape in _SHAPES)), 0)
    except RuntimeError:  # this PyTorch has no such product on a processor
        return 0


def _exact(value: int, rows: int, columns: int, terms: int) -> bool:
    for left, right in product((value, -value), repeat=2):
        sides = (torch.full((count, terms), one, dtype=torch.int8) for count, one in ((rows, left), (columns, right)))
        first, second = sides
        if (torch._int_mm(first, second.T) != left * right * terms).any():
            return False
    return True
