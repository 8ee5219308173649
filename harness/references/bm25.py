"""Stage: BM25, the lexical yardstick, which shows what shared words alone achieve on a collection.

Lucene's formula with k1 = 0.9 and b = 0.4, the defaults of pyserini ("Lucene accurate" in Kamphuis et al. 2020, "Which
BM25 do you mean?"), with tf' = tf / (tf + k1 * (1 - b + b * |d| / avg|d|)):

    score(q, d) = sum over query words w of  ln(1 + (N - df + .5) / (df + .5)) * tf'

A word that occurs twice in the query counts twice. Small differences from pyserini's scores come from: no stemming, no
stop words, exact document lengths (Lucene stores them in one byte).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.collections.collection import Collection
from harness.evaluation.measurement import write
from harness.evaluation.own_documents import searched
from harness.files import headway
from harness.store.artifact import Location
from harness.store.stage import Stage
from sembridge.extras import require
from sembridge.search.ranking import Run, id_order
from sembridge.words import terms

K1, B = 0.9, 0.4


class WordIndex:
    """The words of documents, to be asked again and again.

    Scores are float64. bm25s computes the formula's parts once per word and document, and `get_scores` adds them up in
    the order of the query's words over all documents, so scores are exact and repeatable; its `retrieve`, which breaks
    ties arbitrarily, is not used.
    """

    def __init__(self, texts: Iterable[str], language: str, advance: Callable[[], object] = lambda: None) -> None:
        """Read the texts; `advance` is called after each. Raises MissingExtraError without bm25s."""
        require("grid", "the row bm25")
        import bm25s  # compiles on import, and only this row of the table needs it

        self._language = language
        self._vocabulary: dict[str, int] = {}
        documents = []
        for text in texts:
            words = terms(text, language)
            documents.append([self._vocabulary.setdefault(word, len(self._vocabulary)) for word in words])
            advance()
        if not self._vocabulary:  # only punctuation: bm25s would divide by an average length of 0
            return
        self._index = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float64", backend="numpy")
        # Ids instead of words: bm25s numbers words in the order of a set, which differs between processes.
        self._index.index((documents, self._vocabulary), create_empty_token=False, show_progress=False)

    def best(self, query: str, k: int, order: np.ndarray) -> list[tuple[int, float]]:
        """Return (position, score) of the k best documents, without those of score 0.

        order  [N] as `id_order` returns it: breaks ties
        """
        word_ids = [self._vocabulary[word] for word in terms(query, self._language) if word in self._vocabulary]
        if not word_ids:  # get_scores refuses an empty query
            return []
        scores = self._index.get_scores(word_ids)
        best = np.flatnonzero(scores > 0)
        if len(best) > k:
            best = best[scores[best] >= np.partition(scores[best], len(best) - k)[len(best) - k]]
        best = best[np.lexsort((order[best], -scores[best]))][:k]
        return list(zip(best.tolist(), scores[best].tolist(), strict=True))


def search(collection: Collection, language: str, k: int) -> Run:
    """Return the k best documents of every query by (score descending, id ascending), without those of score 0."""
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    with headway.counting("documents", len(collection.document_texts)):
        index = WordIndex(collection.document_texts, language, headway.advance)
    order, ids = id_order(collection.document_ids), collection.document_ids
    return {
        query: [(ids[position], score) for position, score in index.best(text, k, order)]
        for query, text in zip(collection.query_ids, collection.query_texts, strict=True)
    }


def build_bm25(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Search a collection and write the run and its scores.

    parameters: k, language, ignore_identical_ids. inputs: collection.
    """
    from harness.collections import beir

    start = time.perf_counter()
    collection = beir.load(inputs["collection"].path)
    run = search(collection, parameters["language"], searched(parameters))
    write(out, run, collection, {}, time.perf_counter() - start, {"label": "bm25"}, parameters, {}, [])


BM25 = Stage("bm25", version=3, seconds=2, build=build_bm25, shared=False)
