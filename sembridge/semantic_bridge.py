"""Initialize by SemBridge: each new row is a sparse, convex mixture of English rows near it in a multilingual bridge.

Source: arXiv 2605.26002.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sembridge.assembly import assemble
from sembridge.bridging.alpha import check_field
from sembridge.bridging.method import POSITION, BridgeMethod
from sembridge.initializer import Initialization, Transfer

__all__ = ["POSITION", "SemBridge"]


@dataclass(frozen=True)
class SemBridge(BridgeMethod):
    """Mix source rows: E_t[x] = sum_v p_x[v] E_s[v], p_x = alpha-entmax of the cosines of x and every donor v.

    Cosines are those of the tokens' bridge vectors. The defaults are the published form; for the other options see
    `BridgeMethod`.

    alpha  >= 1; the paper's runs use 4. "auto": chosen so that a token has about 2.1 donors (see `bridging.alpha`)

    Donors are those of the transfer that the bridge knows. A target token without a text that the bridge knows is
    sampled (N(mean, std) of the source rows) and labeled so: all unknown tokens have the same bridge vector.

    Raises ValueError if the vectors are not those of these vocabularies, or if there are target tokens but no donors
    that the bridge knows.
    """

    name: ClassVar[str] = "sembridge"

    alpha: float | str = 4.0

    def __post_init__(self) -> None:
        check_field(self.alpha)
        super().__post_init__()

    @property
    def label(self) -> str:
        """Return the name in tables: what differs from the published form stands in brackets."""
        return f"{self.name} ({', '.join(self.variations)})" if self.variations else self.name

    def __call__(self, transfer: Transfer) -> Initialization:
        mixture, statistics = self.mix(transfer, self.vectors(transfer), self.alpha)
        return assemble(transfer, mixture=mixture, statistics=statistics)
