"""The files of an evaluation, against scores worked out by hand."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from harness.collections.collection import Collection
from harness.evaluation import trec
from harness.evaluation.measurement import MEASUREMENT, QUERIES, RUN, smaller_batches, write
from harness.evaluation.own_documents import RULE

# q2's relevant document comes second; that of q1, which is also a document, second to q1 itself.
COLLECTION = Collection(
    name="by hand",
    document_ids=("q1", "b", "c"),
    document_texts=("x", "y", "z"),
    query_ids=("q1", "q2"),
    query_texts=("x", "y"),
    qrels={"q1": {"b": 1}, "q2": {"c": 1, "b": 0}},
)
FOUND = {"q1": [("q1", 3.0), ("b", 2.0), ("c", 1.0)], "q2": [("b", 2.0), ("c", 1.0), ("q1", 0.5)]}
SECOND = {"ndcg@10": 1 / math.log2(3), "recall@100": 1.0, "mrr@10": 0.5}


def written(out, collection=COLLECTION, **parameters):
    activity, unknown = {"flops": 1.5}, {"documents": 0.25}
    write(out, FOUND, collection, activity, 2.5, {"label": "own"}, {"k": 2} | parameters, unknown, ["low", "낮음"])
    return json.loads((out / MEASUREMENT).read_text(encoding="utf-8"))


def test_scores_of_each_query_and_their_means(tmp_path):
    measured = written(tmp_path)
    assert measured.pop("scores") == pytest.approx(SECOND)
    assert measured.pop("provenance")["versions"].keys() >= {"python", "torch"}
    assert measured == {
        "statistics": {"flops": 1.5}, "unknown": {"documents": 0.25}, "warnings": ["low", "낮음"], "documents": 3,
        "queries": 2, "seconds": 2.5, "about": {"label": "own", "collection": {"own_documents": 1}},
    }  # fmt: skip
    table = pd.read_parquet(tmp_path / QUERIES)
    assert list(table["query_id"]) == ["q1", "q2"] and list(table.columns[1:]) == list(SECOND)
    for name, value in SECOND.items():
        assert list(table[name]) == pytest.approx([value, value])
    assert trec.read(tmp_path / RUN) == FOUND


def test_own_documents_are_left_out_of_every_file(tmp_path):
    measured = written(tmp_path, **{RULE: True})
    assert measured["scores"] == pytest.approx({name: (1 + value) / 2 for name, value in SECOND.items()})
    assert list(pd.read_parquet(tmp_path / QUERIES)["mrr@10"]) == [1.0, 0.5]
    assert trec.read(tmp_path / RUN) == {"q1": FOUND["q1"][1:], "q2": FOUND["q2"][:2]}
    assert measured["about"]["collection"] == {"own_documents": 1, RULE: True}


def test_gaps_of_the_collection_are_noted(tmp_path):
    gaps = {"empty_documents": 4, "unscored_queries": 1}
    collection = Collection("n", ("a", "b", "c"), ("x",) * 3, ("q1", "q2"), ("x",) * 2, COLLECTION.qrels, gaps=gaps)
    assert written(tmp_path, collection)["about"] == {"label": "own", "collection": gaps}


def test_batches_are_noted_only_where_they_were_smaller():
    assert (smaller_batches(1), smaller_batches(4)) == ({}, {"batches_divided": 4})
