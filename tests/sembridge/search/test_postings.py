"""What search over postings adds to a plain one: collected blocks, left-out dimensions, halved candidates, threads.

Its bits are compared with other searches in test_search.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from sembridge.search import postings
from sembridge.search.postings import PostingsTopK, _halve, _postings
from sembridge.search.ranking import id_order


def csr(rows: list[list[float]]) -> sparse.csr_array:
    return sparse.csr_array(np.float32(rows))


def test_blocks_may_leave_gaps_and_arrive_in_any_order():
    ids = ["a", "b", "c", "d", "e"]
    top = PostingsTopK(csr([[1, 2]]), 3, id_order(ids), 1)
    top.add(3, csr([[0, 3], [5, 0]]))
    top.add(0, csr([[1, 1]]))
    assert top.result(["q"], ids) == {"q": [("d", 6.0), ("e", 5.0), ("a", 3.0)]}
    top.add(1, csr([[9, 0], [0, 1]]))  # reading the best so far does not end the search
    assert top.result(["q"], ids) == {"q": [("b", 9.0), ("d", 6.0), ("e", 5.0)]}


def test_documents_are_scored_when_enough_are_collected(monkeypatch):
    monkeypatch.setattr(postings, "_TOGETHER", 2)
    top = PostingsTopK(csr([[1]]), 1, np.arange(5), 2)
    for position in range(3):
        top.add(position, csr([[1]]))
    assert len(top._collected) == 3
    top.add(3, csr([[2]]))
    assert len(top._collected) == 0 and top._candidates.positions[0, 0] == 3


def test_postings_of_a_part_of_a_matrix():
    """Documents 1 and 2 of three; dimension 1 has no query."""
    matrix = csr([[9, 9, 9], [0, 5, 1], [2, 0, 3]])
    arrays = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data
    offsets, places, weights = _postings(*arrays, np.array([0, 2, 1], np.int32), 2, 1, 3)
    assert offsets[:3].tolist() == [0, 1, 3]
    assert places.tolist() == [1, 0, 1] and weights.tolist() == [2.0, 1.0, 3.0]


def test_queries_without_common_dimensions_or_without_any():
    for queries in ([[0, 0, 1], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]):
        top = PostingsTopK(csr(queries), 2, np.arange(2), 1)
        top.add(0, csr([[1, 2, 0], [3, 0, 0]]))
        assert top.result(["p", "q"], ["a", "b"]) == {"p": [], "q": []}


def test_a_weight_of_a_query_stored_in_two_pieces_is_their_sum():
    queries = sparse.csr_array((np.float32([1, 2, 4]), [1, 0, 1], [0, 3]), shape=(1, 2))
    top = PostingsTopK(queries, 1, np.arange(1), 1)
    top.add(0, csr([[10, 1]]))
    assert top.result(["q"], ["a"]) == {"q": [("a", 25.0)]}
    assert queries.nnz == 3


def test_halving_keeps_the_best_in_order_of_arrival_and_returns_the_worst():
    scores, positions = np.array([1.0, 5.0, 3.0, 3.0, 3.0, 0.5]), np.arange(10, 16)
    order = np.arange(20)[::-1].copy()  # the rank of position p is 19 - p
    assert _halve(scores, positions, order, 3) == (3.0, 6)
    assert scores[:3].tolist() == [5.0, 3.0, 3.0] and positions[:3].tolist() == [11, 13, 14]


@pytest.mark.parametrize("threads", [1, 3])
def test_rising_and_equal_scores_pass_through_many_halvings(threads):
    """Documents whose scores rise in steps of seven, ids falling: every document is a candidate when it arrives."""
    ids = [f"d{number:03}" for number in reversed(range(300))]
    weights = [[1 + position // 7, 300 - position] for position in range(300)]
    top = PostingsTopK(csr([[1, 0], [0, 2]]), 10, id_order(ids), threads)
    top.add(0, csr(weights))
    for column, factor, ranking in zip((0, 1), (1, 2), top.result(["p", "q"], ids).values(), strict=True):
        scored = [(name, float(factor * weight[column])) for name, weight in zip(ids, weights, strict=True)]
        assert ranking == sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:10]
