"""Methods that read more than rows: the source encoder, or a donor model that the user names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sembridge.assembly import assemble
from sembridge.initializer import NEVER, Initialization, Transfer


@dataclass(frozen=True)
class Running:
    """E_t[x] = what the source encoder's masked LM gives for the token's text, scaled: a row of its own."""

    name: ClassVar[str] = "toy-running"
    needs: ClassVar[tuple[str, ...]] = ("encoder",)
    samples: ClassVar[str] = NEVER

    encoder: Any = None
    scale: float = 1.0

    def __call__(self, transfer: Transfer) -> Initialization:
        return assemble(transfer, residual=self.scale * outputs(self.encoder, transfer))


@dataclass(frozen=True)
class Taught:
    """E_t[x] = what the donor gives for the token's text."""

    name: ClassVar[str] = "toy-taught"
    needs: ClassVar[tuple[str, ...]] = ("donor",)
    samples: ClassVar[str] = NEVER

    donor: Any = None

    def __call__(self, transfer: Transfer) -> Initialization:
        return assemble(transfer, residual=outputs(self.donor, transfer))


def outputs(model: Any, transfer: Transfer) -> np.ndarray:
    """Return D numbers of an encoder's output for the token of each missing id, shifted so that none is all zero."""
    tokens = [str(transfer.target.tokens[i]) for i in transfer.missing]
    encoded = model.encode(tokens, convert_to_tensor=True, show_progress_bar=False)
    dense = encoded.to_dense() if encoded.is_sparse else encoded
    return np.resize(dense.cpu().numpy().mean(axis=1), (transfer.rows.shape[1], len(tokens))).T + 0.5
