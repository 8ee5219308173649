"""Mean: every new row is the center of the source rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sembridge.assembly import assemble
from sembridge.initializer import NEVER, Initialization, Transfer


@dataclass(frozen=True)
class Mean:
    """E_t[x] = mean of the source rows [S, D], taken in float64.

    All missing rows are alike, so new tokens carry no meaning before training: zero-shot scores near zero are expected.
    There is no mixture (it would be 1/S on every source token); a value per token falls back on its mean, which is the
    same.
    """

    name: ClassVar[str] = "mean"
    needs: ClassVar[tuple[str, ...]] = ()
    samples: ClassVar[str] = NEVER

    def __call__(self, transfer: Transfer) -> Initialization:
        center = transfer.known_rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        return assemble(transfer, sampled=np.broadcast_to(center, (len(transfer.missing), len(center))))
