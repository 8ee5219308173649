"""Random: new rows like those of an untrained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sembridge.assembly import assemble
from sembridge.initializer import ALWAYS, Initialization, Transfer


@dataclass(frozen=True)
class Random:
    """E_t[x] ~ N(0, initializer_range^2), the source model's own standard deviation (0.02 for BERT and RoBERTa).

    Missing rows are sampled and have no mixture. Raises ValueError for an initializer range that is not positive, which
    would make all rows zero.
    """

    name: ClassVar[str] = "random"
    needs: ClassVar[tuple[str, ...]] = ()
    samples: ClassVar[str] = ALWAYS

    def __call__(self, transfer: Transfer) -> Initialization:
        import torch

        if not transfer.initializer_range > 0:
            raise ValueError(f"initializer_range {transfer.initializer_range} must be positive; 0.02 is what BERT uses")
        rows = torch.randn(len(transfer.missing), transfer.rows.shape[1], generator=transfer.generator())
        return assemble(transfer, sampled=rows.mul_(transfer.initializer_range).numpy())
