"""BM25 against the formula written out, and the words it counts."""

import math
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from harness.collections.collection import Collection
from harness.references import bm25


def collection(documents, queries):
    return Collection("test", tuple(documents), tuple(documents.values()), tuple(queries), tuple(queries.values()), {})


def formula(documents, queries, k):
    """Robertson's sum with Lucene's idf, one word and one document at a time."""
    split = {name: text.split() for name, text in documents.items()}
    average = sum(len(text) for text in split.values()) / len(split)
    run = {}
    for query, text in queries.items():
        scored = []
        for name, document in split.items():
            counts, score = Counter(document), 0.0
            for word in text.split():
                frequency = sum(word in other for other in split.values())
                if counts[word]:
                    idf = math.log(1 + (len(split) - frequency + 0.5) / (frequency + 0.5))
                    score += idf * (counts[word] / (counts[word] + 0.9 * (1 - 0.4 + 0.4 * len(document) / average)))
            if score > 0:
                scored.append((name, score))
        run[query] = sorted(scored, key=lambda item: (-item[1], item[0]))[:k]
    return run


@pytest.mark.parametrize("k", [3, 1000])
def test_equals_the_formula(k):
    rng = np.random.default_rng(3)
    names = rng.permutation(80)

    def text(most: int) -> str:
        return " ".join(f"w{w}" for w in rng.zipf(1.5, rng.integers(1, most)) % 40)

    documents = {f"d{n}": text(30) for n in names} | {"twin-b": "w1 w2 w3", "twin-a": "w1 w2 w3", "none": "zzz"}
    queries = {f"q{i}": text(8) for i in range(30)} | {"twice": "w3 w3 w2", "unknown": "xyz", "both": "xyz w2"}
    expected, run = formula(documents, queries, k), bm25.search(collection(documents, queries), "en", k)
    assert list(run) == list(queries)
    assert run["unknown"] == []
    for query, ranking in expected.items():
        assert [name for name, _ in run[query]] == [name for name, _ in ranking]
        assert [score for _, score in run[query]] == pytest.approx([score for _, score in ranking], rel=1e-12)


def test_ties_go_to_the_smaller_id_also_at_the_cut():
    run = bm25.search(collection({"d9": "a b", "d10": "a b", "d1": "a b", "d2": "c c"}, {"q": "a"}), "en", 2)
    assert [name for name, _ in run["q"]] == ["d1", "d10"]


def test_documents_without_a_word_and_queries_without_a_word():
    assert bm25.search(collection({"a": "?!", "b": "x"}, {"q": "x", "p": "..."}), "en", 5).keys() == {"q", "p"}
    assert bm25.search(collection({"a": "?!", "b": "x"}, {"q": "x", "p": "..."}), "en", 5)["p"] == []
    assert bm25.search(collection({"a": "?!"}, {"q": "x"}), "en", 5) == {"q": []}
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        bm25.search(collection({"a": "x"}, {"q": "x"}), "en", 0)


def test_repeatable_across_processes_and_silent():
    """Python's string hashing differs from process to process; bm25s would number words by it."""
    program = (
        "from harness.collections.collection import Collection; from harness.references import bm25\n"
        "texts = tuple(' '.join(f'w{(i * j) % 23}' for j in range(1, 30)) for i in range(50))\n"
        "ids = tuple(str(i) for i in range(50))\n"
        "run = bm25.search(Collection('c', ids, texts, ids, texts, {}), 'en', 10)"
    )
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    there = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint(run)"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": other},
    )
    exec(program, here := {})
    assert there.stdout == f"{here['run']}\n"
    assert there.stderr == ""
