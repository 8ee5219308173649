"""Compiled loop that makes scores of whole-number products; B rows of a slice, S donors."""

from __future__ import annotations

import numpy as np

from sembridge.compiled import compiled


@compiled
def combine(scores, products, scale, donor_scale):  # type: ignore[no-untyped-def]
    """Add products [B, S] int32, times the scales of their row [B] and donor [S], to scores [B, S] float32."""
    for row in range(len(scores)):
        factor, line, whole = scale[row], scores[row], products[row]
        for j in range(len(line)):
            line[j] += factor * donor_scale[j] * np.float32(whole[j])
