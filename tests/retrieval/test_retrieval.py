"""A collection searched through a made encoder: whole windows per shard, documents in their places, by hand."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from scipy import sparse

from harness.collections import beir
from harness.files import headway
from harness.retrieval import retrieval
from harness.retrieval.retrieval import search_collection
from sembridge.search.ranking import merge


def encode(texts, side):
    """Return [a's, b's] of each text, in windows of two."""
    stream = iter(texts)
    while window := list(islice(stream, 2)):
        yield sparse.csr_array(np.float32([[text.count("a"), text.count("b")] for text in window]))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(retrieval, "WINDOW", 2)
    documents = [(f"d{i}", "", text) for i, text in enumerate(("a", "aab", "bbb", "c", "aaa"))]
    beir.write(tmp_path, documents, [("p", "a"), ("q", "ab")], [("p", "d0", 1), ("q", "d2", 1)])
    return tmp_path


def test_the_best_documents_and_the_activity(folder):
    collection = beir.load_queries(folder)
    best, activity = search_collection(encode, folder, collection, 3)
    # Scores of p: 1 2 0 0 3; of q: 1 3 3 0 3, where ids break the tie.
    assert best.result(collection.query_ids, collection.document_ids) == {
        "p": [("d4", 3.0), ("d1", 2.0), ("d0", 1.0)],
        "q": [("d1", 3.0), ("d2", 3.0), ("d4", 3.0)],
    }
    # Active: p 1, q 2; documents 1 2 1 0 1. FLOPS: a is in all queries and 3/5 documents, b in 1/2 and 2/5.
    assert activity.result() == pytest.approx({"query_active": 1.5, "doc_active": 1.0, "flops": 0.6 + 0.2})


def test_shards_are_whole_windows_and_merge_to_the_same(folder):
    collection = beir.load_queries(folder)
    whole, _ = search_collection(encode, folder, collection, 3)
    for shards, sizes in ((2, [2, 3]), (3, [2, 2, 1]), (5, [0, 2, 0, 2, 1])):
        parts = [search_collection(encode, folder, collection, 3, (r, shards)) for r in range(shards)]
        assert [activity.documents for _, activity in parts] == sizes
        merged = merge([best for best, _ in parts])
        assert (merged.scores == whole.scores).all() and (merged.positions == whole.positions).all()


def test_weights_that_are_not_finite_are_refused(folder):
    def broken(texts, side):
        for block in encode(texts, side):
            yield block * np.float32("nan") if side == "document" else block

    with pytest.raises(ValueError, match="weights that are not finite; its rows or its training are broken"):
        search_collection(broken, folder, beir.load_queries(folder), 3)


def test_a_search_tells_how_many_texts_are_encoded(tmp_path, monkeypatch):
    """Two queries and three documents; an encoder that does not count by itself is counted by its blocks."""
    monkeypatch.setattr(headway, "SECONDS", 0.0)
    beir.write(tmp_path / "set", [(f"d{i}", "", "a") for i in range(3)], [("q1", "a"), ("q2", "a")], [("q1", "d0", 1)])
    seen = []

    def encode(texts, side):
        for _ in texts:
            yield sparse.csr_array(np.ones((1, 2), dtype=np.float32))
            (piece,) = headway.read(tmp_path / "running").values()
            seen.append((side, *piece.counts[0][:3]))

    with headway.reporting(tmp_path / "running" / "key.json"):
        search_collection(encode, tmp_path / "set", beir.load_queries(tmp_path / "set"), 10)
    total = 4  # the query q2 is not judged
    assert seen[-3:] == [("document", "texts", done, total) for done in (2, 3, 4)]
