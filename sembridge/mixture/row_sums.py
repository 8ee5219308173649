"""Compiled loop that adds up the weighted rows of a mixture, in the order of their ids."""

from __future__ import annotations

import numpy as np

from sembridge.compiled import compiled

_TILE = 128  # rows of the table that stay in the cache while the sums of a block read them


@compiled
def mix(starts, ids, weights, table, result):  # type: ignore[no-untyped-def]
    """Add weighted rows of table [S, D] to result [B, D] float64; the ascending ids of row i are from starts[i] on.

    The sum follows the order of the ids, to the same bits as scipy's. The table is read tile by tile,
    and a sum is read and written once for four rows.
    """
    place = starts[:-1].copy()
    for tile in range(0, len(table), _TILE):
        for row in range(len(result)):
            line = result[row]
            at, end = place[row], place[row]
            while end < starts[row + 1] and ids[end] < tile + _TILE:
                end += 1
            place[row] = end
            while at + 4 <= end:
                a, b, c, d = table[ids[at]], table[ids[at + 1]], table[ids[at + 2]], table[ids[at + 3]]
                p, q = np.float64(weights[at]), np.float64(weights[at + 1])
                r, s = np.float64(weights[at + 2]), np.float64(weights[at + 3])
                for k in range(len(line)):
                    line[k] = (((line[k] + p * a[k]) + q * b[k]) + r * c[k]) + s * d[k]
                at += 4
            while at < end:
                weight, donor = np.float64(weights[at]), table[ids[at]]
                for k in range(len(line)):
                    line[k] += weight * donor[k]
                at += 1
