"""Initialize by Signet: what SemBridge makes a token mean, and a seal of its own by which it is told from others.

Ours; docs/methods.md has the ablation of each part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import scipy.sparse as sp

from sembridge.assembly import assemble
from sembridge.bridging.geometry import CENTERED
from sembridge.bridging.method import WORDS, BridgeMethod
from sembridge.initializer import Initialization, Transfer
from sembridge.options import AUTO, CALIBRATED
from sembridge.own_direction import own_parts

UNCALIBRATED = 0.5
"""Share of the missing length that is given back where the bias is not calibrated."""


@dataclass(frozen=True)
class Signet(BridgeMethod):
    """Mix source rows as SemBridge does, and add to each row a direction of its own.

    It differs from `SemBridge` in five things. Tokens are compared in the centered geometry. Pieces are placed by the
    words that contain them, where there is a text. Alpha is chosen by the number of donors. Each row gets back a share
    of the length that mixing took from it, in a direction that no other token has (see `own_direction`). And where
    there is a text, the decoder bias is calibrated on it, so that a token is active in few texts only (see
    `encoder.calibration`).

    donors  mean number of donors of a token at which alpha is chosen, from 1 on
    own     share of the missing length that is given back, from 0 to 1; None: 1 where the bias is calibrated, else 0.5,
            because a direction of its own makes a token active in texts that do not concern it
    seed    of the directions; they do not depend on the transfer's

    The other options are those of `BridgeMethod`, which says what is raised.
    """

    name: ClassVar[str] = "signet"
    bias: ClassVar[str] = CALIBRATED
    calibrated: ClassVar[Mapping[str, Any]] = {"own": 1.0}

    _: KW_ONLY
    geometry: str = CENTERED
    pieces: str = WORDS
    donors: float = 2.5
    own: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.donors <= 1000:
            raise ValueError(f"donors {self.donors} is not a number of donors; give one from 1 to 1000, as 2.5")
        if self.own is not None and not 0 <= self.own <= 1:
            raise ValueError(f"own {self.own} is not a share; give one from 0 (no direction of its own) to 1")

    def __call__(self, transfer: Transfer) -> Initialization:
        mixture, statistics = self.mix(transfer, self.vectors(transfer), AUTO, self.donors)
        assert isinstance(mixture, sp.csr_array), "alpha is above 1"
        own = UNCALIBRATED if self.own is None else self.own
        residual = own_parts(transfer, mixture, own, self.seed) if own else None
        return assemble(transfer, mixture=mixture, residual=residual, statistics=statistics)
