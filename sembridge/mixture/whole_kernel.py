"""Compiled loop over exact scores of whole directions; a file of its own, because compiling needs numba."""

from __future__ import annotations

import numpy as np

from sembridge.compiled import compiled

_TILE = 128  # donors that stay in the cache while the rows of a slice are scored against them


@compiled(any_order=True)
def score_whole(ids, counts, queries, donors, result):  # type: ignore[no-untyped-def]
    """Write the products of the candidates to result [n] float64, whole numbers.

    ids, counts      [n] candidates of a slice by ascending id within a row, and how many each row has [B]
    queries, donors  [B, K] float64 and [S, K] int32, whole numbers of `whole_directions`
    """
    rows, width = queries.shape
    ends = np.cumsum(counts)
    place = ends - counts
    for tile in range(0, len(donors), _TILE):
        for row in range(rows):
            q, at, end = queries[row], place[row], place[row]
            while end < ends[row] and ids[end] < tile + _TILE:
                end += 1
            place[row] = end
            while at + 4 <= end:  # four at a time, so that the query is read once for all of them
                a, b, c, d = donors[ids[at]], donors[ids[at + 1]], donors[ids[at + 2]], donors[ids[at + 3]]
                first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
                for k in range(width):
                    first += q[k] * a[k]
                    second += q[k] * b[k]
                    third += q[k] * c[k]
                    fourth += q[k] * d[k]
                result[at], result[at + 1], result[at + 2], result[at + 3] = first, second, third, fourth
                at += 4
            while at < end:
                a, first = donors[ids[at]], 0.0
                for k in range(width):
                    first += q[k] * a[k]
                result[at] = first
                at += 1
