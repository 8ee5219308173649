"""Compiled loops over the rows of a score matrix: donors that can carry weight, their exact scores, their alpha-entmax.

A weight depends on its row alone, and its sums have a fixed order: neither the slice that contains the row nor the
rounding of the approximate scores changes a bit. Shapes: B rows of a slice, S donors, K dimensions, A alphas;
n candidates of a slice, row after row, by ascending id within a row.
"""

from __future__ import annotations

import numpy as np

from sembridge.compiled import compiled

_GROUP = 64  # donors that are first judged together, by their largest score
_TILE = 128  # donors that stay in the cache while the rows of a slice are scored against them
_FEW = 16  # so few candidates are not screened a second time
_SLACK = 1e-12  # thresholds are exact to a few roundings, and scores are near 1
_COARSE = 2.0**20  # the last steps to a threshold start at a multiple of 1 / this: earlier steps then leave no trace


@compiled
def screen(scores, shift, errors, stored, alpha_minus_1, ids, counts):  # type: ignore[no-untyped-def]
    """Fill ids [n] and counts [B] with the donors that can carry weight, and return n.

    scores  [B, S] the bits of approximate scores; shifted left by `shift` they are float32 (bfloat16 is its upper half)
    errors  [B] absolute error of the stored scores of a row
    stored  relative error of a stored score, in addition

    Leaving donors out and lowering scores can only lower the threshold. So two thresholds lie below the true one: that
    of the largest score of each group, and that of all scores which reach it, each score taken at its lower bound.
    A donor whose upper bound is below them weighs nothing.
    """
    rows, size = scores.shape
    groups = (size + _GROUP - 1) // _GROUP
    largest, smallest = np.empty(groups, dtype=np.float32), np.empty(size)
    passing, scratch = np.empty(size, dtype=np.float32), np.empty((3, size))
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
                    ids[end], passing[end - start] = j, line[j]
                    end += line[j] >= least  # no branch: the processor could not predict it
        passed = end - start
        if passed > _FEW:
            floor = _floor_of(passing, passed, errors[row], stored, alpha_minus_1, floor, smallest, scratch)
            least = _least(floor, errors[row], stored)
            end = start
            for i in range(passed):
                ids[end] = ids[start + i]
                end += passing[i] >= least
        counts[row] = end - start
    return end


@compiled
def _floor_of(scores, count, error, stored, alpha_minus_1, bound, smallest, scratch):  # type: ignore[no-untyped-def]
    """Return `_floor` of the lower bounds of stored scores [count]."""
    for i in range(count):
        smallest[i] = scores[i] - stored * abs(scores[i]) - error
    return _floor(smallest, count, alpha_minus_1, bound, scratch)


@compiled
def _least(floor, error, stored):  # type: ignore[no-untyped-def]
    """Return the least stored score whose exact score may reach `floor`."""
    least = floor - error
    return least / (1 + stored) if least > 0 else least / (1 - stored)


@compiled
def score(ids, counts, points, table, chosen, lengths, position, result):  # type: ignore[no-untyped-def]
    """Write the scores of the candidates to result [n] float64.

    points             [B, K] float64, or [B, K + 1] with the position coordinate
    table              [V, K] float32, whose rows `chosen` [S] are the donors
    lengths, position  [S] lengths of the donors' vectors, and their position coordinates where points have K + 1

    Donors are read one tile at a time, so that rows with thousands of candidates find them in the cache. A product is
    summed by halves: this fixes its order, and processors run loops over halves fastest.
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
def solve(ids, counts, scores, chosen, alphas_minus_1, donors, weights, supports):  # type: ignore[no-untyped-def]
    """Solve alpha-entmax of exact scores [n] for ascending alphas_minus_1 [A]; return the number of weights per alpha.

    Fills donors [A, n] (members of `chosen` [S]), weights [A, n], supports [A, B].

    The donors with weight at one alpha include those at every larger alpha: (a d)^(1 / a) grows with a for
    0 < a d < 1, so a donor at distance d from each better one loses its weight sooner.
    """
    widest = counts.max()
    gaps, place, scratch = np.empty(widest), np.empty(widest, dtype=np.int64), np.empty((4, widest))
    ends = np.zeros(len(alphas_minus_1), dtype=np.int64)
    start = 0
    for row in range(len(counts)):
        count = counts[row]
        top = scores[start : start + count].max()
        for i in range(count):
            gaps[i], place[i] = scores[start + i] - top, start + i
        for a in range(len(alphas_minus_1)):
            count = _entmax(gaps, place, count, alphas_minus_1[a], scratch)
            first = ends[a]
            for i in range(count):
                weight = np.float32(scratch[3, i])
                if weight > 0:
                    donors[a, ends[a]], weights[a, ends[a]] = chosen[ids[place[i]]], weight
                    ends[a] += 1
            supports[a, row] = ends[a] - first
        start += counts[row]
    return ends


@compiled
def _entmax(gaps, place, count, alpha_minus_1, scratch):  # type: ignore[no-untyped-def]
    """Move what carries weight to the front of gaps [count] (score - largest) and place, return how many these are."""
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
        while True:  # bisect to the last float64, from fixed ends: weightless candidates do not change the steps
            middle = (tau + high) / 2
            if middle <= tau or middle >= high:
                break
            total = 0.0
            for i in range(count):
                if alpha_minus_1 * gaps[i] > middle:
                    total += (alpha_minus_1 * gaps[i] - middle) ** power
            tau, high = (middle, high) if total >= 1 else (tau, middle)
    total, support = 0.0, 0
    for i in range(count):
        above = alpha_minus_1 * gaps[i] - tau
        if above > 0:
            gaps[support], place[support] = gaps[i], place[i]
            scratch[3, support] = above * above if power == 2 else above**power  # the weight, still unscaled
            total += scratch[3, support]
            support += 1
    for i in range(support):
        scratch[3, i] /= total
    return support


@compiled
def _keep(gaps, place, count, least):  # type: ignore[no-untyped-def]
    end = 0
    for i in range(count):
        gaps[end], place[end] = gaps[i], place[i]
        end += gaps[i] > least
    return end


@compiled
def _floor(scores, count, alpha_minus_1, bound, scratch):  # type: ignore[no-untyped-def]
    """Return a close lower bound of the scores [count] that carry weight at this alpha; `bound` is a looser one."""
    top = scores[:count].max()
    gaps = scratch[2]
    for i in range(count):
        gaps[i] = scores[i] - top
    if alpha_minus_1 <= 1:
        tau = max(-1.0, alpha_minus_1 * (bound - top))
        for _ in range(12):
            step = _step(gaps, count, alpha_minus_1, tau, scratch)
            tau += max(step, 0.0)
            if step < 1e-3:
                break
        return top + tau / alpha_minus_1 - _SLACK
    least = _sparsemax(gaps, count, scratch) - _SLACK
    end = 0
    for i in range(count):
        gaps[end] = gaps[i]
        end += gaps[i] > least
    low, high = -1.0, 0.0
    for _ in range(14):
        middle = (low + high) / 2
        total = 0.0
        for i in range(end):
            if alpha_minus_1 * gaps[i] > middle:
                total += (alpha_minus_1 * gaps[i] - middle) ** (1 / alpha_minus_1)
        low, high = (middle, high) if total >= 1 else (low, middle)
    return top + max(least, low / alpha_minus_1 - _SLACK)


@compiled
def _sparsemax(gaps, count, scratch):  # type: ignore[no-untyped-def]
    """Return the threshold at alpha 2, approached from below; it lies below that of every larger alpha."""
    tau = -1.0
    for _ in range(50):
        step = _step(gaps, count, 1.0, tau, scratch)
        tau += max(step, 0.0)
        if step < 1e-9:
            break
    return tau


@compiled
def _step(gaps, count, alpha_minus_1, tau, scratch):  # type: ignore[no-untyped-def]
    """Return Newton's step from below to the tau where the 1 / alpha_minus_1 norm of what exceeds tau is 1."""
    power = 1 / alpha_minus_1
    slopes, values = scratch[0], scratch[1]
    if power == 1:
        for i in range(count):
            values[i] = max(gaps[i] - tau, 0.0)
            slopes[i] = 1.0 if values[i] > 0 else 0.0
    elif power == 2:
        for i in range(count):
            slopes[i] = max(alpha_minus_1 * gaps[i] - tau, 0.0)
            values[i] = slopes[i] * slopes[i]
    else:
        for i in range(count):
            above = max(alpha_minus_1 * gaps[i] - tau, 0.0)
            slopes[i] = above ** (power - 1)
            values[i] = above * slopes[i]
    slope, value = _total(slopes, count), _total(values, count)
    norm = value**alpha_minus_1  # convex for alpha_minus_1 <= 1, so that no step goes too far
    return (norm - 1) * norm ** (power - 1) / slope


@compiled
def _total(values, count):  # type: ignore[no-untyped-def]
    """Return the sum of values [count], added by halves in place."""
    while count > 1:
        half = (count + 1) // 2
        for i in range(count - half):
            values[i] += values[half + i]
        count = half
    return values[0]


@compiled
def _product(q, d, products):  # type: ignore[no-untyped-def]
    """Return q [K] float64 times d [K] float32: eighths are added to one another, then halves, then the remainder."""
    n = len(q) // 8
    for k in range(n):
        left = (q[k] * d[k] + q[k + n] * d[k + n]) + (q[k + 2 * n] * d[k + 2 * n] + q[k + 3 * n] * d[k + 3 * n])
        m = k + 4 * n
        right = (q[m] * d[m] + q[m + n] * d[m + n]) + (q[m + 2 * n] * d[m + 2 * n] + q[m + 3 * n] * d[m + 3 * n])
        products[k] = left + right
    rest = 0.0
    for k in range(8 * n, len(q)):
        rest += q[k] * d[k]
    return rest + (_total(products, n) if n else 0.0)
