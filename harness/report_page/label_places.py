"""Place labels of points beside a drawing, one below the other, each as near to its point as the others allow."""

from __future__ import annotations

from collections.abc import Sequence


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places near `wanted`, in its order, at least `gap` apart and between low and high, as far as they fit.

    They have the least sum of squared distances to the wanted places of all that are far enough apart (isotonic
    regression by pooling neighbors; Barlow and others 1972). Labels that do not fit stand beyond `high`.
    """
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    pools: list[tuple[float, int]] = []  # (sum, how many) of neighbors that have to stand close together
    for rank, place in enumerate(order):
        total, count = wanted[place] - rank * gap, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before, number = pools.pop()
            total, count = total + before, count + number
        pools.append((total, count))
    room = max(low, high - gap * (len(wanted) - 1))
    places = [0.0] * len(wanted)
    rank = 0
    for total, count in pools:
        for _ in range(count):
            places[order[rank]] = min(max(total / count, low), room) + rank * gap
            rank += 1
    return places
