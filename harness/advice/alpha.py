"""Advise an alpha without labels. This is the one place that decides it."""

from __future__ import annotations

import math
from collections.abc import Mapping

ALPHAS = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""Candidates."""
DONORS = 2.5
"""Donors of a token that are aimed at, in the mean: two or three."""


def advised_alpha(supports: Mapping[float, float]) -> float:
    """Return the alpha whose mixtures have a number of donors nearest to DONORS, by ratio; the smaller of two.

    supports  alpha -> mean number of source tokens in a mixture, at least 1; raises ValueError if there are none

    Alpha's effect depends on the bridge: only donors within 1 / (alpha - 1) of the best cosine carry weight, and some
    bridges have all cosines between .75 and .95.
    """
    if not supports:
        raise ValueError("no alpha was tried")
    return min(sorted(supports), key=lambda alpha: abs(math.log(supports[alpha] / DONORS)))
