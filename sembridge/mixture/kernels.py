"""Compiled loops over the rows of a score matrix: which donors can carry weight, their exact scores, and alpha-entmax of these.

Whatever reaches a weight is a function of the row alone, in an order of its own: neither the slice a row is worked on in nor the rounding of the
approximate scores changes a bit. Shapes: B rows of a slice, S donors, K dimensions, A alphas; n candidates of a slice, those of a row after those of
the row before it and by ascending id.
"""

from __future__ import annotations

import numpy as np

from sembridge.compiled import compiled

_GROUP = 64  # donors looked at by the largest score among them
_TILE = 128  # donors that stay in the cache while the rows of a slice are scored against them
_FEW = 16  # candidates that are not worth a second look
_SLACK = 1e-12  # thresholds are within a few roundings, and scores are near 1
_COARSE = (
    2.0**20
)  # the last steps to a threshold start from a multiple of 1 / this, so that those before leave no trace


@compiled
def screen(scores, shift, errors, stored, alpha_minus_1, ids, counts):  # type: ignore[no-untyped-def]
    """Fill ids [n] and counts [B] with the donors that can carry weight, and return n.

    scores  [B, S] the bits of approximate scores, which moved left by `shift` are those of float32 (bfloat16 is its upper half)
    errors  [B] how far the exact score may be from what was stored, and
    stored  how far beside that, relative to the score

    Leaving donors out and making scores smaller can only lower the threshold. So the threshold of the largest score of each group, and then that of
    all that reach it, each as small as it may be, are below the true one, and a donor that stays below them at its largest weighs nothing.
    """
    rows, size = scores.shape
    groups = (size + _GROUP - 1) // _GROUP
    largest, smallest = np.empty(groups, dtype=np.float32), np.empty(size)
    kept, scratch = np.empty(size, dtype=np.float32), np.empty((3, size))
    bits = np.empty(size, dtype=np.uint32)
    line = bits.view(np.float32)
    end = 0
    for row in range(rows):
        for j in range(size):
            bits[j] = np.uint32(scores[row, j]) << shift
        for group in range(groups):
            top = line[group * _GROUP]
            for j in range(group * _GROUP, min(size, (group + 1) * _GROUP)):
                top = line[j] if line[j] > top else top
            largest[group] = top
        floor = _floor_of(largest, groups, errors[row], stored, alpha_minus_1, -np.inf, smallest, scratch)
        least = _least(floor, errors[row], stored)
        start = end
        for group in range(groups):
            if largest[group] >= least:
                for j in range(group * _GROUP, min(size, (group + 1) * _GROUP)):
                    ids[end], kept[end - start] = j, line[j]
                    end += line[j] >= least  # no branch: of thousands of candidates none is foreseen
        found = end - start
        if found > _FEW:
            floor = _floor_of(kept, found, errors[row], stored, alpha_minus_1, floor, smallest, scratch)
            least = _least(floor, errors[row], stored)
            end = start
            for i in range(found):
                ids[end] = ids[start + i]
                end += kept[i] >= least
        counts[row] = end - start
    return end


@compiled
def _floor_of(scores, count, error, stored, alpha_minus_1, known, smallest, scratch):  # type: ignore[no-untyped-def]
    """`_floor` of stored scores [count] as small as they may be."""
    for i in range(count):
        smallest[i] = scores[i] - stored * abs(scores[i]) - error
    return _floor(smallest, count, alpha_minus_1, known, scratch)


@compiled
def _least(floor, error, stored):  # type: ignore[no-untyped-def]
    """The least stored score that may stand for one as large as `floor`."""
    least = floor - error
    return least / (1 + stored) if least > 0 else least / (1 - stored)


@compiled
def score(ids, counts, points, table, chosen, lengths, position, result):  # type: ignore[no-untyped-def]
    """result [n] float64: the scores of the candidates, from points [B, K], and table [V, K] float32, whose rows `chosen` [S] are the donors.

    lengths  [S] of the donors' vectors; position [S] their last coordinate, where points have K + 1

    A tile of donors after the other is read, so that rows with thousands of candidates find them in the cache. A product is summed by halves: its
    order is written here, and loops over halves are what processors do fastest.
    """
    rows, width = len(points), table.shape[1]
    products = np.empty(width // 8 + 1)
    ends = np.cumsum(counts)
    place = ends - counts
    for tile in range(0, len(chosen), _TILE):
        for row in range(rows):
            q = points[row, :width]
            at = place[row]
            while at < ends[row] and ids[at] < tile + _TILE:
                j = ids[at]
                result[at] = _product(q, table[chosen[j]], products) / lengths[j]
                if points.shape[1] > width:
                    result[at] += points[row, width] * position[j]
                at += 1
            place[row] = at


@compiled
def solve(ids, counts, scores, chosen, alphas_minus_1, found, weights, supports):  # type: ignore[no-untyped-def]
    """Solve alpha-entmax of exact scores [n] for ascending alphas_minus_1 [A]; return how many weights each alpha has.

    Fills found [A, n] (of `chosen` [S]), weights [A, n], supports [A, B].

    What carries weight at one alpha holds all that does at a larger one: (a d)^(1 / a) grows with a for 0 < a d < 1, so a donor at distance d from
    each better one loses its place sooner.
    """
    widest = counts.max()
    kept, place, scratch = np.empty(widest), np.empty(widest, dtype=np.int64), np.empty((4, widest))
    ends = np.zeros(len(alphas_minus_1), dtype=np.int64)
    start = 0
    for row in range(len(counts)):
        count = counts[row]
        top = scores[start : start + count].max()
        for i in range(count):
            kept[i], place[i] = scores[start + i] - top, start + i
        for a in range(len(alphas_minus_1)):
            count = _entmax(kept, place, count, alphas_minus_1[a], scratch)
            first = ends[a]
            for i in range(count):
                weight = np.float32(scratch[3, i])
                if weight > 0:
                    found[a, ends[a]], weights[a, ends[a]] = chosen[ids[place[i]]], weight
                    ends[a] += 1
            supports[a, row] = ends[a] - first
        start += counts[row]
    return ends


@compiled
def _entmax(gaps, place, count, alpha_minus_1, scratch):  # type: ignore[no-untyped-def]
    """Keep of gaps [count] (scores less the largest) and place those that carry weight, write their weights to scratch[3], and return how many."""
    power = 1 / alpha_minus_1
    if alpha_minus_1 <= 1:
        tau = -1.0
        for _ in range(200):
            step = _step(gaps, count, alpha_minus_1, tau, scratch)
            tau += max(step, 0.0)
            if step < 1e-15:
                break
        tau = max(np.floor(tau * _COARSE) / _COARSE, -1.0)
        count = _keep(gaps, place, count, tau / alpha_minus_1)
        for _ in range(6):
            tau += max(_step(gaps, count, alpha_minus_1, tau, scratch), 0.0)
    else:
        count = _keep(gaps, place, count, _sparsemax(gaps, count, scratch) - _SLACK)
        tau, high = -1.0, 0.0
        while (
            True
        ):  # to the last float64: from the same two ends, so by the same steps whatever weightless candidates there are
            middle = (tau + high) / 2
            if middle <= tau or middle >= high:
                break
            total = 0.0
            for i in range(count):
                if alpha_minus_1 * gaps[i] > middle:
                    total += (alpha_minus_1 * gaps[i] - middle) ** power
            if total >= 1:
                tau = middle
            else:
                high = middle
    total, kept = 0.0, 0
    for i in range(count):
        above = alpha_minus_1 * gaps[i] - tau
        if above > 0:
            gaps[kept], place[kept] = gaps[i], place[i]
            scratch[3, kept] = above * above if power == 2 else above**power
            total += scratch[3, kept]
            kept += 1
    for i in range(kept):
        scratch[3, i] /= total
    return kept


@compiled
def _keep(gaps, place, count, least):  # type: ignore[no-untyped-def]
    kept = 0
    for i in range(count):
        gaps[kept], place[kept] = gaps[i], place[i]
        kept += gaps[i] > least
    return kept


@compiled
def _floor(scores, count, alpha_minus_1, known, scratch):  # type: ignore[no-untyped-def]
    """Return a number not above any score [count] that carries weight at alpha, and close to the least of them.

    `known` is such a number, less close.
    """
    top = scores[:count].max()
    gaps = scratch[2]
    for i in range(count):
        gaps[i] = scores[i] - top
    if alpha_minus_1 <= 1:
        tau = max(-1.0, alpha_minus_1 * (known - top))
        for _ in range(12):
            step = _step(gaps, count, alpha_minus_1, tau, scratch)
            tau += max(step, 0.0)
            if step < 1e-3:
                break
        return top + tau / alpha_minus_1 - _SLACK
    least = _sparsemax(gaps, count, scratch) - _SLACK
    kept = 0
    for i in range(count):
        gaps[kept] = gaps[i]
        kept += gaps[i] > least
    low, high = -1.0, 0.0
    for _ in range(14):
        middle = (low + high) / 2
        total = 0.0
        for i in range(kept):
            if alpha_minus_1 * gaps[i] > middle:
                total += (alpha_minus_1 * gaps[i] - middle) ** (1 / alpha_minus_1)
        if total >= 1:
            low = middle
        else:
            high = middle
    return top + max(least, low / alpha_minus_1 - _SLACK)


@compiled
def _sparsemax(gaps, count, scratch):  # type: ignore[no-untyped-def]
    """The threshold at alpha 2, reached from below: below that of every larger alpha."""
    tau = -1.0
    for _ in range(50):
        step = _step(gaps, count, 1.0, tau, scratch)
        tau += max(step, 0.0)
        if step < 1e-9:
            break
    return tau


@compiled
def _step(gaps, count, alpha_minus_1, tau, scratch):  # type: ignore[no-untyped-def]
    """Return Newton's step from below to where the 1 / alpha_minus_1 norm of what is above tau is 1.

    The norm is convex, so no step leads past it. For alpha_minus_1 <= 1.
    """
    power = 1 / alpha_minus_1
    slopes, values = scratch[0], scratch[1]
    if power == 1:
        for i in range(count):
            above = max(gaps[i] - tau, 0.0)
            values[i] = above
            slopes[i] = 1.0 if above > 0 else 0.0
    elif power == 2:
        for i in range(count):
            above = max(alpha_minus_1 * gaps[i] - tau, 0.0)
            slopes[i] = above
            values[i] = above * above
    else:
        for i in range(count):
            above = max(alpha_minus_1 * gaps[i] - tau, 0.0)
            slopes[i] = above ** (power - 1)
            values[i] = above * slopes[i]
    slope, value = _total(slopes, count), _total(values, count)
    norm = value**alpha_minus_1
    return (norm - 1) * norm ** (power - 1) / slope


@compiled
def _total(values, count):  # type: ignore[no-untyped-def]
    """The sum of values [count], which it spoils, by halves."""
    while count > 1:
        half = (count + 1) // 2
        for i in range(count - half):
            values[i] += values[half + i]
        count = half
    return values[0]


@compiled
def _product(q, d, products):  # type: ignore[no-untyped-def]
    """q [K] float64 times d [K] float32: eighths added to one another, the rest to the first of these, then halves."""
    n = len(q) // 8
    for k in range(n):
        left = (q[k] * d[k] + q[k + n] * d[k + n]) + (q[k + 2 * n] * d[k + 2 * n] + q[k + 3 * n] * d[k + 3 * n])
        right = (q[k + 4 * n] * d[k + 4 * n] + q[k + 5 * n] * d[k + 5 * n]) + (
            q[k + 6 * n] * d[k + 6 * n] + q[k + 7 * n] * d[k + 7 * n]
        )
        products[k] = left + right
    rest = 0.0
    for k in range(8 * n, len(q)):
        rest += q[k] * d[k]
    return rest + (_total(products, n) if n else 0.0)


@compiled
def mix(starts, ids, weights, table, result):  # type: ignore[no-untyped-def]
    """Add to result [B, D] float64 the rows of table [S, D] by the weights of ascending ids; starts [B + 1] is where those of a row begin.

    Added up in the order of the ids, as scipy does, to the same bits. A tile of the table after the other is read, as in `score`.
    """
    place = starts[:-1].copy()
    for tile in range(0, len(table), _TILE):
        for row in range(len(result)):
            line = result[row]
            at = place[row]
            while at < starts[row + 1] and ids[at] < tile + _TILE:
                weight, donor = np.float64(weights[at]), table[ids[at]]
                for k in range(len(line)):
                    line[k] += weight * donor[k]
                at += 1
            place[row] = at
