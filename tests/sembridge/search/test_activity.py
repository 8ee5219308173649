"""Active dimensions and FLOPS, by hand and by counting every pair."""

import numpy as np
import pytest
from scipy import sparse

from sembridge.search.activity import Activity, activity, merge


def test_by_hand():
    queries = sparse.csr_array(np.float32([[1, 0, 0, 2], [0, 0, 0, 3]]))
    documents = sparse.csr_array(np.float32([[1, 1, 0, 0], [0, 0, 5, 1], [0, 0, 0, 0], [9, 0, 0, 9]]))
    # p_q = 1/2, 0, 0, 1;  p_d = 2/4, 1/4, 1/4, 2/4
    assert activity(queries, documents) == {"query_active": 1.5, "doc_active": 1.5, "flops": 0.75}


def test_flops_is_the_mean_number_of_shared_dimensions():
    rng = np.random.default_rng(0)
    queries, documents = rng.random((9, 40)) < 0.2, rng.random((31, 40)) < 0.3
    shared = [(q & d).sum() for q in queries for d in documents]
    assert activity(sparse.csr_array(queries * 0.5), sparse.csr_array(documents * -0.5))["flops"] == pytest.approx(
        np.mean(shared), rel=1e-15
    )


def test_blocks_and_shards_change_nothing():
    rng = np.random.default_rng(1)
    queries = sparse.random_array((7, 25), density=0.3, format="csr", rng=rng)
    documents = sparse.random_array((50, 25), density=0.2, format="csr", rng=rng)
    parts = [Activity(queries) for _ in range(3)]
    for number, start in enumerate(range(0, 50, 6)):
        parts[number % 3].add(documents[start : start + 6])
    assert merge(parts).result() == activity(queries, documents)
    assert parts[0].documents == 18  # merging leaves the parts alone


def test_stored_zeros_are_not_active_and_split_entries_count_once():
    matrix = sparse.csr_array((np.float32([0, 1, 2, 3]), np.array([0, 1, 2, 2]), np.array([0, 2, 4])), shape=(2, 3))
    assert activity(matrix, matrix) == {"query_active": 1.0, "doc_active": 1.0, "flops": 0.5}
    assert matrix.nnz == 4  # the input keeps its form


def test_errors():
    one = sparse.csr_array(np.float32([[1.0]]))
    with pytest.raises(ValueError, match="no activity to report from 1 queries and 0 documents"):
        Activity(one).result()
    with pytest.raises(ValueError, match="documents have 2 dimensions, queries have 1"):
        Activity(one).add(sparse.csr_array((1, 2)))
    with pytest.raises(ValueError, match="the parts saw different queries"):
        merge([Activity(one), Activity(sparse.csr_array(np.float32([[0.0]])))])
    with pytest.raises(ValueError, match="no parts"):
        merge([])
