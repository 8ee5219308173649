"""Exact search over generated sparse vectors of a SPLADE collection's shape: ours, streaming, against common tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from experiments.benchmarks.measure import Row, compare

HELP = "exact search, float64 scores, ties broken by id, against scipy, sentence-transformers and sparse_dot_topn"
VOCABULARY, DOCUMENT_TERMS, QUERY_TERMS = 30_522, 191, 47
WINDOW = 512  # documents, as the encoder yields them
SHARE = 20  # sentence-transformers searches one in so many queries


def rows(quick: bool) -> list[Row]:
    documents_count, queries_count = (40_000, 100) if quick else (200_000, 1_000)
    rng = np.random.default_rng(0)
    documents = vectors(documents_count, DOCUMENT_TERMS, rng)
    queries = vectors(queries_count, QUERY_TERMS, rng)
    order = rng.permutation(documents_count)
    results, size = [], f"{documents_count:,} documents, {queries_count} queries"
    for k, goal in ((100, 9.0), (1000, 6.0)):
        job, rounds = f"exact search, {size}, k {k}", 1 if quick else 3
        ours, theirs = searching(queries, documents, k, order), product_and_partition(queries, documents, k)
        check_equal(ours(), theirs())
        results.append(compare(job, "scipy product + argpartition", ours, theirs, rounds=rounds, goal=goal))
        if (other := sparse_dot_topn(queries, documents, k)) is not None:
            results.append(compare(job, "sparse_dot_topn", ours, other, rounds=rounds, note="adds up in float32"))
    job, few = f"exact search, {size}, k 100", queries[: max(1, queries_count // SHARE)]
    note = f"timed on {few.shape[0]} of {queries_count} queries and multiplied; float32"
    theirs, scale = semantic_search(few, documents, 100), queries_count / few.shape[0]
    ours, against = searching(queries, documents, 100, order), "sentence-transformers semantic_search"
    results.append(compare(job, against, ours, theirs, rounds=1, goal=1000, scale=scale, note=note))
    return results


def vectors(count: int, terms: int, rng: np.random.Generator) -> sparse.csr_array:
    """Return [count, V] float32, about `terms` dimensions per row; the n-th has a frequency like 1 / (50 + n)."""
    frequencies = np.cumsum(1 / (np.arange(VOCABULARY) + 50.0))
    dimensions = np.searchsorted(frequencies / frequencies[-1], rng.random((count, terms + terms // 20)))
    rows = np.repeat(np.arange(count), dimensions.shape[1])
    weights = (rng.random(dimensions.size) * 2).astype(np.float32)
    columns = np.minimum(dimensions.ravel(), VOCABULARY - 1)
    matrix = sparse.csr_array((weights, (rows, columns)), shape=(count, VOCABULARY))
    matrix.sum_duplicates()
    return matrix


def searching(queries: Any, documents: Any, k: int, order: np.ndarray) -> Callable[[], np.ndarray]:
    from sembridge.search.exact_search import top_k

    windows = [(start, documents[start : start + WINDOW]) for start in range(0, documents.shape[0], WINDOW)]

    def search() -> np.ndarray:
        top = top_k(queries, k, order)
        for start, window in windows:
            top.add(start, window)
        return top.best.scores

    return search


def product_and_partition(queries: Any, documents: Any, k: int) -> Callable[[], np.ndarray]:
    def search() -> np.ndarray:
        # Our search includes indexing, so this one does too.
        wide, columns, best = queries.astype(np.float64), documents.T.tocsr().astype(np.float64), []
        for start in range(0, wide.shape[0], 50):
            scores = (wide[start : start + 50] @ columns).toarray()
            top = np.argpartition(scores, -k, axis=1)[:, -k:]
            best.append(-np.sort(-np.take_along_axis(scores, top, axis=1), axis=1))
        return np.concatenate(best)

    return search


def sparse_dot_topn(queries: Any, documents: Any, k: int) -> Callable[[], Any] | None:
    """Return the search of sparse_dot_topn if it is installed."""
    try:
        from sparse_dot_topn import sp_matmul_topn
    except ImportError:
        return None
    import torch

    left, right = sparse.csr_matrix(queries), sparse.csr_matrix(documents)
    return lambda: sp_matmul_topn(left, right.T.tocsr(), top_n=k, sort=True, n_threads=torch.get_num_threads())


def semantic_search(queries: Any, documents: Any, k: int) -> Callable[[], Any]:
    import torch
    from sentence_transformers.util import dot_score
    from sentence_transformers.util import semantic_search as search

    def tensor(matrix: Any) -> torch.Tensor:
        entries = matrix.tocoo()
        return torch.sparse_coo_tensor(np.stack(entries.coords), entries.data, matrix.shape).coalesce()

    left, right = tensor(queries), tensor(documents)
    return lambda: search(left, right, top_k=k, score_function=dot_score)


def check_equal(ours: np.ndarray, theirs: np.ndarray) -> None:
    if not np.array_equal(ours, theirs[:, : ours.shape[1]]):
        reason = "ours and scipy's product found different scores"
        raise RuntimeError(f"{reason}; a benchmark of wrong results would mean nothing")
