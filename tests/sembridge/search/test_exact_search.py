"""Exact search against a brute-force oracle, and the promise that blocks and shards do not change a bit."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sembridge.search import device_search, exact_search, postings, ranking
from sembridge.search.device_search import DeviceTopK
from sembridge.search.exact_search import top_k
from sembridge.search.postings import PostingsTopK
from sembridge.search.ranking import id_order, merge
from sembridge.search.scipy_search import TopK
from tests.helpers.triton_device import DEVICE, NEEDS_TRITON

ON_DEVICE, MARKS = partial(DeviceTopK, device=DEVICE), [NEEDS_TRITON, pytest.mark.gpu]
KINDS = pytest.mark.parametrize("kind", [TopK, PostingsTopK, pytest.param(ON_DEVICE, marks=MARKS, id="DeviceTopK")])
# many long sums, which Triton's interpreter adds up slowly
LONG = pytest.param(ON_DEVICE, marks=[*MARKS, pytest.mark.slow], id="DeviceTopK")
KINDS_AT_LENGTH = pytest.mark.parametrize("kind", [TopK, PostingsTopK, LONG])


def brute_force(queries, documents, document_ids, k):
    """Dense, one pair at a time, each sum in the order of the dimensions, sorted in Python."""
    rankings = []
    for query in queries.astype(np.float64):
        scored = []
        for document, name in zip(documents.astype(np.float64), document_ids, strict=True):
            score = 0.0
            for dimension in np.flatnonzero(query):
                score += float(query[dimension]) * float(document[dimension])
            if score > 0:
                scored.append((name, score))
        rankings.append(sorted(scored, key=lambda item: (-item[1], item[0]))[:k])
    return rankings


def one_pass(kind, queries, documents, document_ids, k, block):
    top = kind(sparse.csr_array(queries), k, id_order(document_ids))
    for start in range(0, len(documents), block):
        top.add(start, sparse.csr_array(documents[start : start + block]))
    return top


def random_matrix(rng, rows, dimensions, levels=None):
    """Half-empty rows of float32; with `levels`, few distinct weights, so that scores tie."""
    values = (
        rng.choice(np.float32(levels), (rows, dimensions))
        if levels
        else rng.standard_normal((rows, dimensions)).astype(np.float32)
    )
    return np.where(rng.random((rows, dimensions)) < 0.4, values, np.float32(0))


def random_ids(rng, n):
    return [f"d{i}" for i in rng.permutation(n)]  # "d10" < "d9": string order is neither numeric nor positional


@KINDS
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 40),
    k=st.integers(1, 12),
    block=st.integers(1, 41),
    ties=st.booleans(),
)
def test_equals_brute_force_to_the_bit(kind, seed, n, k, block, ties):
    rng = np.random.default_rng(seed)
    levels = [-1, 0.5, 1, 2] if ties else None
    queries, documents, ids = random_matrix(rng, 5, 12, levels), random_matrix(rng, n, 12, levels), random_ids(rng, n)
    queries[rng.integers(5)] = 0
    documents[rng.integers(n)] = 0
    run = one_pass(kind, queries, documents, ids, k, block).result(list("abcde"), ids)
    assert list(run) == list("abcde")
    assert list(run.values()) == brute_force(queries, documents, ids, k)


@KINDS
def test_ties_are_broken_by_id_also_where_they_straddle_blocks_and_the_cut(kind):
    ids = ["d9", "d10", "d8", "d1", "d2"]
    documents = np.float32([[1], [1], [1], [1], [2]])
    for block in range(1, 6):
        run = one_pass(kind, np.float32([[1]]), documents, ids, 3, block).result(["q"], ids)
        assert run == {"q": [("d2", 2.0), ("d1", 1.0), ("d10", 1.0)]}


@KINDS
def test_scores_of_zero_or_less_are_not_retrieved(kind):
    documents = np.float32([[1, 1], [1, 0], [0, 1], [0, 0], [-1, 0]])
    run = one_pass(kind, np.float32([[1, -1], [0, 0]]), documents, list("abcde"), 10, 2).result(
        ["q", "empty"], list("abcde")
    )
    assert run == {"q": [("b", 1.0)], "empty": []}


@pytest.fixture(scope="module")
def corpus():
    """Weights spread over many magnitudes, so that any other order of summation would round differently."""
    rng = np.random.default_rng(7)
    queries, documents = (
        random_matrix(rng, rows, 200) * np.float32(10) ** rng.integers(-4, 5, (rows, 200)).astype(np.float32)
        for rows in (30, 257)
    )
    documents[100:140] = documents[:40]  # exact duplicates: ties at arbitrary scores
    return queries, documents, random_ids(rng, len(documents))


def bits(best):
    return best.scores.tobytes(), best.positions.tobytes(), best.ranks.tobytes()


@KINDS_AT_LENGTH
def test_block_size_and_query_chunk_change_no_bit(kind, corpus, monkeypatch):
    queries, documents, ids = corpus
    expected = one_pass(kind, queries, documents, ids, 20, len(documents))
    for block in (1, 2, 7, 64, 256):
        assert bits(one_pass(kind, queries, documents, ids, 20, block).best) == bits(expected.best)
    monkeypatch.setattr(ranking, "_CELLS", 500)  # a few queries at a time
    monkeypatch.setattr(postings, "_BLOCK", 70)
    monkeypatch.setattr(device_search, "SCORES", 500)
    monkeypatch.setattr(device_search, "STRETCH", 32)
    monkeypatch.setattr(device_search, "MOST", 70)
    assert bits(one_pass(kind, queries, documents, ids, 20, 64).best) == bits(expected.best)


def test_summation_order_matters_on_this_corpus(corpus):
    """Guards the test above: were rounding insensitive to the order here, it could not fail."""
    queries, documents, _ = corpus
    exact = queries.astype(np.float64) @ documents.astype(np.float64).T
    backwards = queries[:, ::-1].astype(np.float64) @ documents[:, ::-1].astype(np.float64).T
    assert (exact != backwards).any()


@KINDS
def test_stored_order_of_the_entries_changes_no_bit(kind, corpus):
    queries, documents, ids = corpus
    expected = one_pass(kind, queries, documents, ids, 20, 50)
    top = kind(shuffled(queries), 20, id_order(ids))
    top.add(0, shuffled(documents))
    assert bits(top.best) == bits(expected.best)


def shuffled(dense):
    """The same matrix with each row's entries stored backwards."""
    matrix = sparse.csr_matrix(dense)
    for start, end in zip(matrix.indptr, matrix.indptr[1:], strict=False):
        matrix.indices[start:end] = matrix.indices[start:end][::-1].copy()
        matrix.data[start:end] = matrix.data[start:end][::-1].copy()
    matrix.has_sorted_indices = False
    return matrix


@KINDS_AT_LENGTH
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shards=st.integers(1, 6))
def test_any_sharding_in_any_order_merges_to_the_same_bits(kind, seed, shards):
    rng = np.random.default_rng(seed)
    queries, documents, ids = (
        random_matrix(rng, 6, 10, [0.5, 1, 3]),
        random_matrix(rng, 50, 10, [0.5, 1, 3]),
        random_ids(rng, 50),
    )
    parts = [kind(sparse.csr_array(queries), 8, id_order(ids)) for _ in range(shards)]
    starts = rng.permutation(np.arange(0, 50, 7))
    for start in starts:
        parts[rng.integers(shards)].add(int(start), sparse.csr_array(documents[start : start + 7]))
    merged = merge([part.best for part in parts])
    assert bits(merged) == bits(one_pass(kind, queries, documents, ids, 8, 50).best)
    assert bits(merge([merge([part.best]) for part in reversed(parts)])) == bits(merged)


@KINDS
def test_inputs_are_left_alone(kind):
    queries, block = shuffled(np.float32([[1, 2, 3]])), shuffled(np.float32([[3, 2, 1]]))
    kind(queries, 1, np.arange(1)).add(0, block)
    assert queries.indices.tolist() == [2, 1, 0]
    assert block.indices.tolist() == [2, 1, 0]


@KINDS
def test_an_empty_block_and_more_places_than_documents(kind):
    top = kind(sparse.csr_array(np.float32([[1.0]])), 5, id_order(["a"]))
    top.add(0, sparse.csr_array((0, 1)))
    top.add(0, sparse.csr_array(np.float32([[2.0]])))
    assert top.result(["q"], ["a"]) == {"q": [("a", 2.0)]}


@KINDS
def test_errors(kind):
    queries = sparse.csr_array(np.float32([[1, 0]]))
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        kind(queries, 0, np.arange(2))
    with pytest.raises(ValueError, match="queries: a weight is not finite"):
        kind(sparse.csr_array([[np.nan]]), 1, np.arange(2))
    top = kind(queries, 1, np.arange(2))
    with pytest.raises(ValueError, match="documents have 3 dimensions, queries have 2"):
        top.add(0, sparse.csr_array((1, 3)))
    with pytest.raises(ValueError, match="documents 1 to 2 lie outside the corpus of 2"):
        top.add(1, sparse.csr_array((2, 2)))
    with pytest.raises(ValueError, match="documents from position 0: a weight is not finite"):
        top.add(0, sparse.csr_array([[np.inf, 0]]))
    with pytest.raises(ValueError, match="2 query ids for 1 queries"):
        top.result(["a", "b"], ["c", "d"])
    with pytest.raises(ValueError, match="no parts"):
        merge([])
    with pytest.raises(ValueError, match=r"different shapes.*\(1, 1\), \(1, 2\)"):
        merge([top.best, kind(queries, 2, np.arange(2)).best])


@pytest.mark.parametrize(("levels", "k"), [([1, 2], 5), ([0.5, 1, 3], 100), (None, 40)])
def test_postings_and_products_keep_the_same_documents_to_the_bit(levels, k):
    """Several blocks of postings, candidates halved many times, ties at the cut, and several threads."""
    rng = np.random.default_rng(3)
    queries, documents = random_matrix(rng, 7, 30, levels), np.tile(random_matrix(rng, 3_000, 30, levels), (6, 1))
    ids = random_ids(rng, len(documents))
    expected = one_pass(TopK, queries, documents, ids, k, 4_000)
    for threads, block in ((1, 512), (2, 5_000), (3, len(documents))):
        top = PostingsTopK(sparse.csr_array(queries), k, id_order(ids), threads)
        for start in range(0, len(documents), block):
            top.add(start, sparse.csr_array(documents[start : start + block]))
        assert bits(top.best) == bits(expected.best)


def test_only_a_large_search_is_compiled():
    queries = sparse.csr_array(np.float32([[1.0]]))
    assert isinstance(top_k(queries, 10, np.arange(1_000)), TopK)
    large = DeviceTopK if torch.cuda.is_available() else PostingsTopK
    assert isinstance(top_k(queries, 10, np.arange(exact_search._MANY_PAIRS)), large)
