"""Rarity of dimensions: worked out by hand, and what queries become by it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse

from sembridge.search.rarity import inverse_document_frequency, weigh


def test_a_dimension_of_all_documents_weighs_nothing_and_rare_ones_most():
    rarity = inverse_document_frequency(np.array([8, 4, 1, 0]), 8)
    assert rarity.tolist() == [0.0, math.log(2), math.log(8), 0.0]


def test_counts_that_no_documents_can_have_are_refused():
    with pytest.raises(ValueError, match="dimension 1 is active in 9 of 8 documents"):
        inverse_document_frequency(np.array([1, 9]), 8)
    with pytest.raises(ValueError, match="dimension 0 is active in -1 of 8 documents"):
        inverse_document_frequency(np.array([-1]), 8)


def test_without_documents_nothing_is_rare():
    assert inverse_document_frequency(np.array([0, 0]), 0).tolist() == [0.0, 0.0]


def test_queries_are_multiplied_dimension_by_dimension_and_lose_their_zeros():
    queries = sparse.csr_array(np.float32([[1, 0, 2], [0, 3, 0], [4, 0, 0]]))
    weighed = weigh(queries, np.array([0.0, 0.5, 1.5]))
    assert weighed.toarray().tolist() == [[0, 0, 3], [0, 1.5, 0], [0, 0, 0]]
    assert weighed.dtype == np.float32 and weighed.nnz == 2
    assert queries.toarray().tolist() == [[1, 0, 2], [0, 3, 0], [4, 0, 0]], "the queries were changed in place"


def test_as_many_factors_as_dimensions():
    with pytest.raises(ValueError, match="2 factors for vectors of 3 dimensions"):
        weigh(sparse.csr_array((1, 3), dtype=np.float32), np.ones(2))
