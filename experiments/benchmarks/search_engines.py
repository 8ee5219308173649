"""Exact search against engines that score every document: Seismic's exact mode and PISA's exhaustive algorithm.

The engines index the documents before the clock runs, and ours builds its postings while it runs, so theirs are times
of queries alone. Weights are integers, because PISA adds up integers only: then all results have to be equal.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from experiments.benchmarks.measure import Row, compare
from experiments.benchmarks.search import DOCUMENT_TERMS, QUERY_TERMS, searching, vectors

HELP = "exact search against pyseismic's exact mode and PISA's exhaustive one, at equal results"
K = 100
SCALE = 100  # weights of some hundreds: scores stay below 2^24, so they are exact in float32, too


def rows(quick: bool) -> list[Row]:
    import torch

    documents_count, queries_count, rounds = (2_000, 50, 1) if quick else (50_000, 500, 3)
    rng = np.random.default_rng(0)
    documents = whole(vectors(documents_count, DOCUMENT_TERMS, rng))
    queries = whole(vectors(queries_count, QUERY_TERMS, rng))
    ours = searching(queries, documents, K, rng.permutation(documents_count))
    expected = ours()
    job = f"exact search, {documents_count:,} documents, {queries_count} queries, k {K}, weights in whole numbers"
    note, results, threads = "theirs without indexing, ours with it", [], torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        engines = {
            "Seismic, exact": seismic(queries, documents, threads),
            "PISA, exhaustive (ranked_or)": pisa(queries, documents, threads, folder),
        }
        for name, theirs in engines.items():
            if not np.array_equal(theirs(), expected):
                raise RuntimeError(f"{name} found other scores; a benchmark of wrong results would mean nothing")
            results.append(compare(job, name, ours, theirs, rounds=rounds, note=note))
    return results


def whole(matrix: Any) -> Any:
    """Return a sparse matrix with its weights rounded up to whole numbers of 1 / SCALE."""
    matrix = matrix.copy()
    matrix.data = np.ceil(matrix.data * SCALE).astype(np.float32)
    return matrix


def seismic(queries: Any, documents: Any, threads: int) -> Callable[[], np.ndarray]:
    """Return a search of all queries that gives the scores [n, K], best first."""
    from seismic import SeismicDataset, get_seismic_string

    dataset = SeismicDataset()
    columns, offsets = (array.astype(np.int64) for array in (documents.indices, documents.indptr))
    dataset.add_documents_by_id([str(i) for i in range(documents.shape[0])], columns, documents.data, offsets)
    names = np.array([str(i) for i in range(queries.shape[0])], dtype=get_seismic_string())
    parts = [slice(*queries.indptr[i : i + 2]) for i in range(queries.shape[0])]
    tokens = [queries.indices[part].astype(str).astype(get_seismic_string()) for part in parts]
    weights = [queries.data[part] for part in parts]

    def search() -> np.ndarray:
        scores = np.empty((len(names), K))
        for hits in dataset.batch_search(names, tokens, weights, k=K, num_threads=threads):  # in the order of its ends
            scores[int(hits[0][0])] = [score for _, score, _ in hits]
        return scores

    return search


def pisa(queries: Any, documents: Any, threads: int, folder: str) -> Callable[[], np.ndarray]:
    """Return a search of all queries that gives the scores [n, K], best first. folder: for the index."""
    import pandas
    from pyterrier_pisa import PisaIndex

    lines = ({"docno": str(i), "toks": tokens} for i, tokens in enumerate(_weights(documents)))
    PisaIndex(folder, stemmer="none", overwrite=True).toks_indexer("toks", scale=1.0).index(lines)
    options = {"num_results": K, "threads": threads, "query_algorithm": "ranked_or", "toks_scale": 1.0}
    retriever = PisaIndex(folder, stemmer="none").quantized(**options)
    asked = pandas.DataFrame({"qid": [str(i) for i in range(queries.shape[0])], "query_toks": list(_weights(queries))})

    def search() -> np.ndarray:
        scores = np.empty((queries.shape[0], K))
        for name, hits in retriever(asked).groupby("qid"):
            scores[int(str(name))] = -np.sort(-hits.score.to_numpy(np.float64))
        return scores

    return search


def _weights(matrix: Any) -> Iterator[dict[str, float]]:
    """Yield each row as weights by token."""
    for i in range(matrix.shape[0]):
        part = slice(*matrix.indptr[i : i + 2])
        yield dict(zip(matrix.indices[part].astype(str).tolist(), matrix.data[part].tolist(), strict=True))
