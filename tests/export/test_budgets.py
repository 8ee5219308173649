"""What a budget costs, by vectors made so that the answer is known."""

from __future__ import annotations

import math

import pytest

from harness.export.budgets import Budget, BudgetSearch, Cost
from harness.export.documents import Block
from harness.export.weights import csr

RELEVANT = {"q": {"b": 1}}


def costs(documents: dict, query: list, budget: Budget, qrels=RELEVANT, drop=frozenset()) -> list[Cost]:
    """The costs for documents of {id: {dimension: weight}} and one query, in two blocks."""
    rows = {name: (list(vector), list(vector.values())) for name, vector in documents.items()}
    ids = list(rows)
    queries = Block(["q"], csr([([dimension for dimension, _ in query], [weight for _, weight in query])], 8))
    search = BudgetSearch(ids, queries, budget, drop)
    blocks = [Block(part, csr([rows[name] for name in part], 8)) for part in (ids[:1], ids[1:])]
    assert list(search.watch(blocks)) == blocks
    return search.costs(qrels)


DOCUMENTS = {"a": {0: 2.0}, "b": {1: 5.0, 2: 4.0, 0: 3.0}, "c": {3: 1.0}}


def test_a_document_that_loses_the_dimension_of_the_query_is_lost():
    """b matches by its third-heaviest dimension: alone with a budget of 3, and of 1 x 3."""
    found = costs(DOCUMENTS, [(0, 1.0)], Budget(1, None))
    # all: b, a; with 1 or 2 dimensions: a alone, so nDCG is 0 and half of the first ten stay
    assert found[0] == Cost(Budget(1, None), 0.5, 1.0, 0.0) and found[0].loss == 1.0
    assert {cost.budget.document: cost.loss for cost in found} == {1: 1.0, 2: 1.0, 3: 0.0, 4: 0.0, 6: 0.0, 8: 0.0}


def test_a_query_is_cut_too():
    # all: b scores 3 + 5 * 0.5 = 5.5 and a 2 * 1 = 2; cut to its heaviest dimension, 3, the query finds c alone
    found = costs(DOCUMENTS, [(0, 1.0), (1, 0.5), (3, 1.5)], Budget(None, 1))
    assert (found[0].full, found[0].cut, found[0].overlap) == (1.0, 0.0, pytest.approx(1 / 3))
    assert found[1].budget == Budget(None, 2) and found[1].cut == 1.0 and found[1].loss == 0.0


def test_a_loss_is_a_share():
    assert Cost(Budget(1, None), 0.9, 0.5, 0.4).loss == pytest.approx(0.2)
    assert Cost(Budget(1, None), 0.9).loss == pytest.approx(0.1)
    assert Cost(Budget(1, None), 0.9, 0.0, 0.0).loss == 0.0
    assert Cost(Budget(1, None), 0.9, 0.4, 0.5).loss == pytest.approx(-0.25)


def test_a_rank_that_is_lost():
    """b falls from the first rank to the second."""
    found = costs({"a": {0: 2.0}, "b": {0: 1.5, 1: 1.0}}, [(0, 1.0), (1, 1.0)], Budget(1, None))
    assert (found[0].overlap, found[0].cut) == (1.0, pytest.approx(1 / math.log2(3)))


def test_without_judgements_only_lists_are_compared():
    found = costs(DOCUMENTS, [(0, 1.0)], Budget(1, None), qrels=None)
    assert (found[0].full, found[0].cut, found[0].loss) == (None, None, 0.5)


def test_dimensions_that_are_dropped_are_no_part_of_the_budget():
    """Without dimension 1, b keeps dimension 0 with a budget of 2; what is compared with has no dimension 1 either."""
    found = costs(DOCUMENTS, [(0, 1.0), (1, 1.0)], Budget(2, None), drop=frozenset({1}))
    assert found[0].loss == 0.0 and found[0].overlap == 1.0
    assert costs(DOCUMENTS, [(0, 1.0)], Budget(2, None))[0].loss == 1.0


def test_multiples_of_both_sides():
    budget = Budget(64, 5)
    assert (budget.times(1.5), budget.times(8)) == (Budget(96, 8), Budget(512, 40))
    assert Budget(None, 3).times(2) == Budget(None, 6)


def test_a_search_that_has_not_seen_all_documents_says_so():
    search = BudgetSearch(["a", "b"], Block(["q"], csr([([0], [1.0])], 2)), Budget(1, None))
    list(search.watch([Block(["a"], csr([([0], [1.0])], 2))]))
    with pytest.raises(ValueError, match="1 documents were read back, 2 were written"):
        search.costs()
