"""When collected blocks are handed on, and as what."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from sembridge.search.collected import Collected


def rows(*weights: float) -> sparse.csr_array:
    """Documents of one dimension."""
    return sparse.csr_array(np.float32(weights)[:, np.newaxis])


def shown(batches: list[tuple[int, sparse.csr_array]]) -> list[tuple[int, list[float]]]:
    return [(first, documents.toarray()[:, 0].tolist()) for first, documents in batches]


def test_blocks_wait_until_there_are_enough():
    collected = Collected(3)
    assert collected.add(4, rows(1, 2)) == [] and len(collected) == 2
    assert shown(collected.add(6, rows(3, 4))) == [(4, [1, 2, 3, 4])]
    assert len(collected) == 0 and collected.rest() == []


def test_a_gap_hands_on_what_waits():
    collected = Collected(3)
    collected.add(0, rows(1))
    assert shown(collected.add(5, rows(2))) == [(0, [1])]
    assert shown(collected.add(0, rows(3, 4, 5))) == [(5, [2]), (0, [3, 4, 5])]


def test_the_rest_is_handed_on_once():
    collected = Collected(9)
    collected.add(2, rows(1))
    collected.add(3, rows())
    assert shown(collected.rest()) == [(2, [1])] and collected.rest() == []
    assert collected.add(8, rows(2)) == [] and shown(collected.rest()) == [(8, [2])]
