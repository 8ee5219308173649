"""The order of a ranking, its places, its chunks and its merges, on scores small enough to rank by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from sembridge.search import ranking
from sembridge.search.ranking import Best, Ranking, check_block, check_k, finite_csr, id_order, merge


class Scored(Ranking):
    """A ranking of documents whose scores are given."""

    def add(self, first_position: int, scores: list[list[float]]) -> None:
        block = np.array(scores)
        for start, end in self._chunks(first_position, block.shape[1]):
            self._keep(start, block[start:end], first_position)


def test_ids_are_ordered_by_code_point():
    assert id_order(["d9", "d10", "a", "a\0"]).tolist() == [3, 2, 0, 1]
    # UTF-16 would put the second, a pair of surrogates, before the first.
    assert id_order(["\uffff", "\U00010000"]).tolist() == [0, 1]
    assert id_order([]).tolist() == []


def test_the_best_are_kept_in_any_order_of_blocks():
    ids = ["c", "b", "a", "d"]
    for blocks in (
        [(0, slice(0, 4))],
        [(2, slice(2, 4)), (0, slice(0, 2))],
        [(i, slice(i, i + 1)) for i in (3, 1, 0, 2)],
    ):
        top = Scored(2, 2, id_order(ids), 0.0)
        for first, columns in blocks:
            top.add(first, [row[columns] for row in ([2.0, 1.0, 1.0, 0.5], [0.0, 0.0, 3.0, -1.0])])
        assert top.result(["p", "q"], ids) == {"p": [("c", 2.0), ("a", 1.0)], "q": [("a", 3.0)]}
        assert top.best.positions.tolist() == [[0, 2], [2, -1]] and top.best.ranks.tolist() == [[2, 0], [0, -1]]
        assert top.best.scores.tolist() == [[2.0, 1.0], [3.0, 0.0]]


def test_only_scores_above_the_floor_are_retrieved():
    scores, ids = [[-0.5, -1.0, 0.0]], ["a", "b", "c"]
    for floor, expected in ((-np.inf, ["c", "a", "b"]), (-1.0, ["c", "a"]), (-0.5, ["c"]), (0.0, [])):
        top = Scored(1, 3, id_order(ids), floor)
        top.add(0, scores)
        assert [name for name, _ in top.result(["q"], ids)["q"]] == expected


def test_queries_are_scored_in_chunks_of_bounded_size(monkeypatch):
    monkeypatch.setattr(ranking, "_CELLS", 8)
    top = Ranking(5, 1, np.arange(20), 0.0)
    assert list(top._chunks(0, 4)) == [(0, 2), (2, 4), (4, 5)]
    assert list(top._chunks(0, 20)) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]  # never fewer than one query
    assert list(top._chunks(20, 0)) == [(0, 5)]


def test_shards_merge_by_score_then_by_id():
    first = Best(np.array([[3.0, 1.0]]), np.array([[0, 1]]), np.array([[7, 5]]))
    second = Best(np.array([[1.0, 0.0]]), np.array([[9, -1]]), np.array([[4, -1]]))
    for parts in ([first, second], [second, first], [Best.empty(1, 2), second, first]):
        merged = merge(parts)
        assert merged.scores.tolist() == [[3.0, 1.0]]
        assert merged.positions.tolist() == [[0, 9]] and merged.ranks.tolist() == [[7, 4]]
    assert merge([Best.empty(2, 3)]).positions.tolist() == [[-1] * 3] * 2


def test_wrong_sizes_are_refused():
    check_k(1)
    with pytest.raises(ValueError, match=r"^k must be at least 1, got -2$"):
        Ranking(1, -2, np.arange(3), 0.0)
    with pytest.raises(ValueError, match=r"^1 query ids for 2 queries$"):
        Best.empty(2, 1).result(["q"], [])
    check_block((2, 4), 4, 1, 3)
    with pytest.raises(
        ValueError, match=r"^documents have 5 dimensions, queries have 4: encode both with the same model$"
    ):
        check_block((2, 5), 4, 0, 3)
    for first, last in ((2, 3), (-1, 0)):
        with pytest.raises(ValueError, match=f"^documents {first} to {last} lie outside the corpus of 3$"):
            check_block((2, 4), 4, first, 3)


def test_weights_must_be_finite():
    weights = finite_csr(sparse.coo_array(np.float32([[0, 2], [1, 0]])), "queries")
    assert weights.format == "csr" and weights.dtype == np.float64 and weights.toarray().tolist() == [[0, 2], [1, 0]]
    for number in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match=r"^queries: a weight is not finite; the encoder diverged$"):
            finite_csr(sparse.csr_array([[1.0, number]]), "queries")
