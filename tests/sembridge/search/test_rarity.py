"""Weights by rarity, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse

from sembridge.search.rarity import by_rarity, rarity


def test_rare_dimensions_weigh_more_and_one_in_all_documents_nothing():
    assert rarity(np.array([8, 4, 1, 0]), 8).tolist() == [0.0, math.log(2), math.log(8), 0.0]


def test_a_frequency_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="document frequencies from 1 to 9 for 8 documents"):
        rarity(np.array([1, 9]), 8)


def test_query_weights_are_multiplied_and_rounded_once():
    queries = sparse.csr_array(np.float32([[0.7, 0.0, 0.3, 2.0], [0.0, 1.5, 0.0, 0.0]]))
    weighted = by_rarity(queries, np.array([8, 4, 1, 0]), 8)
    expected = np.float32([[0, 0, float(np.float32(0.3)) * math.log(8), 0], [0, 1.5 * math.log(2), 0, 0]])
    assert weighted.dtype == np.float32
    assert weighted.toarray().tobytes() == expected.tobytes()
    assert weighted.nnz == 2, "a weight of zero is no entry"
