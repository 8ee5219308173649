"""Stored vectors: searched by hand, by a search without files, in any number of shards."""

from __future__ import annotations

import json
import math
from itertools import islice

import numpy as np
import pytest
from scipy import sparse

from harness.collections import beir
from harness.evaluation.measures import evaluate
from harness.retrieval import retrieval, vector_files
from harness.retrieval.retrieval import search_collection
from harness.retrieval.vector_files import search_vectors, stored_about, write_vectors
from harness.retrieval.vector_options import AS_ENCODED, VectorOptions
from sembridge.search import exact_search
from sembridge.search.unknown import UnknownTokens

LETTERS = "abcde"
DOCUMENTS = ("aaaa", "ab", "ac", "aab", "abbbbde", "")


def encode(texts, side):
    """Return how often each letter is in each text, in windows of two."""
    stream = iter(texts)
    while window := list(islice(stream, 2)):
        yield sparse.csr_array(np.float32([[text.count(letter) for letter in LETTERS] for text in window]))


@pytest.fixture
def collection(tmp_path, monkeypatch):
    monkeypatch.setattr(retrieval, "WINDOW", 2)
    monkeypatch.setattr(vector_files, "BLOCK", 2)
    documents = [(f"d{i}", "", text or "-") for i, text in enumerate(DOCUMENTS)]
    beir.write(tmp_path / "data", documents, [("p", "aab"), ("q", "c")], [("p", "d1", 1), ("q", "d2", 1)])
    return beir.load_queries(tmp_path / "data")


@pytest.fixture
def stored(tmp_path, collection):
    """Return a function: number of shards -> folders with the vectors of the collection."""

    def stored(shards, **about):
        folders = []
        for r in range(shards):
            folder = tmp_path / f"{r}-of-{shards}"
            folder.mkdir()
            unknown = UnknownTokens([[0, 0 if r else 4], [1, 10]])
            write_vectors(folder, encode, tmp_path / "data", collection, (r, shards), unknown, about)
            folders.append(folder)
        return folders

    return stored


def run_of(folders, collection, **options):
    best, _, _ = search_vectors(folders, collection, 4, VectorOptions(**options))
    return best.result(collection.query_ids, collection.document_ids)


def test_as_encoded_they_give_what_a_search_without_files_gives(tmp_path, collection, stored):
    best, activity, _ = search_vectors(stored(1), collection, 4, AS_ENCODED)
    expected, active = search_collection(encode, tmp_path / "data", collection, 4)
    assert np.array_equal(best.scores, expected.scores) and np.array_equal(best.positions, expected.positions)
    assert activity.result() == active.result()


def test_rarity_ranks_by_what_tells_documents_apart(collection, stored):
    """By hand: a is in 5 of 6 documents, b in 3, c in 1; p has the weights a 2, b 1."""
    folders = stored(1)
    plain, weighed = run_of(folders, collection), run_of(folders, collection, query_idf=True)
    assert plain["p"] == [("d0", 8.0), ("d4", 6.0), ("d3", 5.0), ("d1", 3.0)]
    a, b = np.float32(2 * math.log(6 / 5)), np.float32(math.log(6 / 3))
    scores = {"d0": 4 * a, "d1": a + b, "d2": a, "d3": 2 * a + b, "d4": a + 4 * b}
    expected = sorted(scores, key=lambda document: -scores[document])[:4]
    assert [document for document, _ in weighed["p"]] == expected == ["d4", "d0", "d3", "d1"]
    assert [score for _, score in weighed["p"]] == pytest.approx([scores[document] for document in expected])
    assert weighed["q"] == [("d2", float(np.float32(math.log(6))))]


def test_the_measure_changes_as_worked_out(tmp_path, monkeypatch):
    """By hand: all documents have a. Without its weight the relevant document rises from rank 3 to rank 1."""
    documents = [("d0", "", "aaaa"), ("d1", "", "ab"), ("d2", "", "ac"), ("d3", "", "aab")]
    beir.write(tmp_path / "data", documents, [("p", "aab")], [("p", "d1", 1)])
    collection = beir.load_queries(tmp_path / "data")
    write_vectors(tmp_path, encode, tmp_path / "data", collection, (0, 1), UnknownTokens(), {})
    ndcg = [
        evaluate(run_of([tmp_path], collection, query_idf=on), collection.qrels)["ndcg@10"]["p"] for on in (False, True)
    ]
    assert ndcg == [1 / math.log2(4), 1.0]


def test_a_dimension_of_all_documents_finds_none(tmp_path):
    beir.write(tmp_path / "data", [("d0", "", "a"), ("d1", "", "ab")], [("p", "a")], [("p", "d0", 1)])
    collection = beir.load_queries(tmp_path / "data")
    write_vectors(tmp_path, encode, tmp_path / "data", collection, (0, 1), UnknownTokens(), {})
    assert run_of([tmp_path], collection, query_idf=True) == {"p": []}


OPTIONS = [
    {"query_idf": True},
    {"max_active_document": 1},
    {"mass_document": 0.6, "mass_query": 0.6},
    {"query_idf": True, "max_active_query": 1, "max_active_document": 2, "weight_bits": 8},
]


@pytest.mark.parametrize("options", OPTIONS, ids=[", ".join(options) for options in OPTIONS])
def test_shards_do_not_change_a_bit(collection, stored, options):
    results = [search_vectors(stored(shards), collection, 4, VectorOptions(**options)) for shards in (1, 2, 3, 5)]
    (first, active, _), *others = results
    for best, activity, _ in others:
        for name in ("scores", "positions", "ranks"):
            assert np.array_equal(getattr(best, name), getattr(first, name))
        assert activity.result() == active.result()


@pytest.mark.parametrize("options", OPTIONS, ids=[", ".join(options) for options in OPTIONS])
def test_the_search_for_many_pairs_gives_the_same_bits(collection, stored, options, monkeypatch):
    """A large search runs compiled, or on the GPU where there is one."""
    folders = stored(2)
    small, _, _ = search_vectors(folders, collection, 4, VectorOptions(**options))
    monkeypatch.setattr(exact_search, "_MANY_PAIRS", 0)
    large, _, _ = search_vectors(folders, collection, 4, VectorOptions(**options))
    for name in ("scores", "positions", "ranks"):
        assert np.array_equal(getattr(small, name), getattr(large, name))


def test_rarity_is_counted_in_the_pruned_documents(collection, stored):
    """By hand: with one dimension left of each, a is in 4 of 6 documents (of equal ones it has the smaller id)."""
    run = run_of(stored(1), collection, query_idf=True, max_active_document=1)
    a, b = (float(np.float32(value)) for value in (2 * math.log(6 / 4), math.log(6 / 1)))
    assert run["p"] == [("d4", 4 * b), ("d0", 4 * a), ("d3", 2 * a), ("d1", a)]
    assert run["q"] == []


def test_a_query_is_pruned_after_it_is_weighed(collection, stored):
    """By hand: of a (2 ln 6/5 = 0.36) and b (ln 2 = 0.69) the heavier is a before and b after weighing."""
    folders = stored(1)
    assert run_of(folders, collection, max_active_query=1)["p"][0][0] == "d0"
    weighed = run_of(folders, collection, query_idf=True, max_active_query=1)
    assert [document for document, _ in weighed["p"]] == ["d4", "d1", "d3"]


def test_levels_reach_to_the_largest_weight_of_the_whole_collection(collection, stored):
    """By hand: the largest weight is 4, so 1 is level 64 of 255 wherever it stands."""
    run = run_of(stored(3), collection, weight_bits=8)
    assert run["q"] == [("d2", float(np.float32(64 * 4 / 255)))]


def test_activity_is_that_of_what_was_searched(collection, stored):
    options = VectorOptions(max_active_document=1, max_active_query=1)
    _, activity, _ = search_vectors(stored(1), collection, 4, options)
    assert activity.result()["doc_active"] == 5 / 6 and activity.result()["query_active"] == 1


def test_tokens_are_added_up_and_the_largest_number_is_told(collection, stored):
    folders = stored(3)
    _, _, unknown = search_vectors(folders, collection, 4, AS_ENCODED)
    assert unknown.counts.tolist() == [[0, 4], [3, 30]]
    for number, folder in enumerate(folders):
        about = json.loads((folder / vector_files.ABOUT).read_text(encoding="utf-8"))
        (folder / vector_files.ABOUT).write_text(json.dumps(about | {"batches_divided": 1 + number % 2}))
    assert stored_about(folders) == {"batches_divided": 2}


def test_lacking_documents_are_refused(collection, stored):
    with pytest.raises(ValueError, match="4 vectors for 6 documents; encode them again"):
        search_vectors(stored(3)[:2], collection, 4, AS_ENCODED)


def test_weights_that_are_not_finite_are_refused(tmp_path, collection):
    def broken(texts, side):
        return (block * np.float32("nan") for block in encode(texts, side))

    with pytest.raises(ValueError, match="weights that are not finite"):
        write_vectors(tmp_path, broken, tmp_path / "data", collection, (0, 1), UnknownTokens(), {})
