"""Own documents: by hand, and in every kind of row what an unruled search of everything gives without them."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest

from harness.collections import beir
from harness.evaluation import shards, stage, trec
from harness.evaluation.measurement import MEASUREMENT, RUN
from harness.evaluation.own_documents import RULE, ranked, searched
from harness.references import bm25, dense, sparse_models
from harness.store.artifact import Location
from harness.training.curve import scores_on
from sembridge.encoder.loading import load_encoder

SETTINGS = {"max_length": 32, "precision": "float32"}


def test_by_hand():
    run = {"a": [("a", 3.0), ("b", 2.0), ("c", 1.0)], "q": [("a", 2.0), ("b", 1.0), ("c", 0.5)]}
    assert (searched({"k": 2}), searched({"k": 2, RULE: True})) == (2, 3)
    assert ranked(run, {"k": 2}) == run
    assert ranked(run, {"k": 2, RULE: True}) == {"a": [("b", 2.0), ("c", 1.0)], "q": [("a", 2.0), ("b", 1.0)]}


def test_scores_by_hand(tmp_path):
    """Each query is a document of the corpus, and its counterargument the next best: second, or first without it."""
    documents = [
        ("a", "", "sea salt wind"),
        ("b", "", "sea salt"),
        ("c", "", "hill road"),
        ("d", "", "hill road stone"),
    ]
    beir.write(
        tmp_path / "in", documents, [("a", "sea salt wind"), ("d", "hill road stone")], [("a", "b", 1), ("d", "c", 1)]
    )
    assert len(beir.load(tmp_path / "in").own_documents) == 2
    for name, rule, expected in (("kept", {}, 1 / math.log2(3)), ("left out", {RULE: True}, 1.0)):
        (tmp_path / name).mkdir()
        inputs = {"collection": Location(str(tmp_path / "in"))}
        bm25.build_bm25(tmp_path / name, {"k": 100, "language": "en"} | rule, inputs)
        measured = json.loads((tmp_path / name / MEASUREMENT).read_text())
        assert measured["scores"]["ndcg@10"] == pytest.approx(expected)
        assert measured["about"]["collection"] == {"own_documents": 2} | rule


@pytest.fixture(scope="module")
def arguments(own_data, tmp_path_factory) -> Path:
    """The English collection with queries that have the ids, and the first words, of documents."""
    folder, whole = tmp_path_factory.mktemp("arguments"), beir.load(own_data / "collections" / "en")
    documents = [(d, "", text) for d, text in zip(whole.document_ids, whole.document_texts, strict=True)]
    queries = [(d, " ".join(text.split()[:2])) for d, _, text in documents[:20]]
    beir.write(folder, documents, queries, [(d, f"d{int(d[1:]) + 1:03d}", 1) for d, _ in queries])
    return folder


def build(kind: str, out: Path, own_data: Path, collection: Path, **parameters) -> Path:
    """Build the evaluation of one kind of row."""
    inputs = {"collection": Location(str(collection))}
    source = Location(str(own_data / "source"))
    out.mkdir(parents=True)
    if kind == "bm25":
        bm25.build_bm25(out, {"language": "en"} | parameters, inputs)
    elif kind == "dense":
        prompts = {"query_prompt": None, "document_prompt": None}
        dense.build(out, SETTINGS | prompts | parameters, inputs | {"bridge": Location(str(own_data / "bridge"))})
    elif kind == "reference":
        options = SETTINGS | {"kind": "sparse-encoder", "remote_code": False}
        sparse_models.build(out, options | parameters, inputs | {"encoder": source})
    elif kind == "base":
        stage.build(out, SETTINGS | parameters, inputs | {"encoder": source})
    else:
        parts = {}
        for share in range(3):
            part = out.with_name(f"{out.name}-{share}")
            part.mkdir()
            shards.build(part, SETTINGS | parameters | {"share": share, "shares": 3}, inputs | {"encoder": source})
            parts[f"share-{share}"] = Location(str(part))
        stage.build(out, parameters if RULE in parameters else {}, inputs | parts)
    return out


@pytest.mark.parametrize("kind", ["bm25", "dense", "reference", "base", "sharded"])
def test_every_row_keeps_k_others(kind, own_data, arguments, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.retrieval.retrieval.WINDOW", 50)  # several windows, so that shards differ
    monkeypatch.setattr("sembridge.search.encode.WINDOW", 50)
    everything = trec.read(build(kind, tmp_path / "all", own_data, arguments, k=200) / RUN)
    out = build(kind, tmp_path / "ruled", own_data, arguments, k=100, **{RULE: True})
    run = trec.read(out / RUN)
    for query, ranking in everything.items():
        assert [document for document, _ in run[query]] == [d for d, _ in ranking if d != query][:100]
    assert any(query in [document for document, _ in ranking[:100]] for query, ranking in everything.items())
    assert json.loads((out / MEASUREMENT).read_text())["about"]["collection"] == {"own_documents": 20, RULE: True}
    unruled = build(kind, tmp_path / "unruled", own_data, arguments, k=100)
    assert gzip.decompress((unruled / RUN).read_bytes()) != gzip.decompress((out / RUN).read_bytes())


def test_points_of_a_curve_follow_the_rule(own_data, arguments, tmp_path):
    encoder = load_encoder(str(own_data / "source"))
    scores = {}
    for rule in ({}, {RULE: True}):
        out = build("base", tmp_path / str(len(rule)), own_data, arguments, k=100, **rule)
        scores[len(rule)] = json.loads((out / MEASUREMENT).read_text())["scores"]
        assert scores_on(arguments, SETTINGS | {"k": 100} | rule)(encoder)["scores"] == scores[len(rule)]
    assert scores[0] != scores[1]
