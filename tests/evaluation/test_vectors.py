"""Evaluations of stored vectors: through the store, against dense arithmetic, with any number of shares."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from harness.collections import beir
from harness.evaluation import trec
from harness.evaluation.encoder_run import encoder_of
from harness.evaluation.measurement import MEASUREMENT, QUERIES, RUN
from harness.plan.load_preset import load_preset
from harness.plan.plan import plan
from harness.retrieval import retrieval, vector_files
from harness.store.store import Store
from sembridge.search import encode
from sembridge.search.encode import encode_all
from tests.helpers.paths import PRESETS


@pytest.fixture
def store(tmp_path, monkeypatch):
    for module in (encode, retrieval):
        monkeypatch.setattr(module, "WINDOW", 4)  # several windows in a small corpus
    monkeypatch.setattr(vector_files, "BLOCK", 8)
    store = Store(tmp_path / "store")
    store.create()
    return store


@pytest.fixture
def cells_of(own_data):
    def make(*options, **choices):
        choices = {"languages": ["ru"], "initializers": ["mean"], "regimes": ["zero-shot"]} | choices
        return plan(load_preset("own-data", PRESETS, [f"data={own_data}", *options], choices))

    return make


def written(store, cell):
    store.make(cell.artifact)
    folder = store.path(cell.artifact)
    measured = json.loads((folder / MEASUREMENT).read_text(encoding="utf-8"))
    results = {name: measured[name] for name in ("scores", "statistics", "documents", "queries", "about", "unknown")}
    return results, (folder / RUN).read_bytes(), pd.read_parquet(folder / QUERIES).to_csv()


def test_rarity_by_dense_arithmetic(store, cells_of):
    plain, weighed = cells_of("evaluation.query_idf=[false, true]", "evaluation.precision=float32")
    results, _, _ = written(store, weighed)
    assert results["about"]["vectors"] == {"query_idf": True} and "statistics" in results["about"]
    assert "vectors" not in written(store, plain)[0]["about"]

    inputs = {name: store.locate(source) for name, source in plain.artifact.inputs.items()}
    encoder, collection = encoder_of(plain.artifact.parameters, inputs), beir.load(inputs["collection"].path)
    documents = encode_all(encoder, collection.document_texts, "document").toarray().astype(np.float64)
    queries = encode_all(encoder, collection.query_texts, "query").toarray().astype(np.float64)
    counts = (documents != 0).sum(axis=0)
    rarity = np.array([math.log(len(documents) / count) if count else 0.0 for count in counts])
    scores = (queries * rarity).astype(np.float32).astype(np.float64) @ documents.T
    run = trec.read(store.path(weighed.artifact) / RUN)
    for query, row in zip(collection.query_ids, scores, strict=True):
        best = sorted(range(len(row)), key=lambda place: (-row[place], collection.document_ids[place]))[:100]
        expected = [row[place] for place in best if row[place] > 0]
        assert [score for _, score in run.get(query, [])] == pytest.approx(expected, rel=1e-6)
    assert results["statistics"]["doc_active"] == (documents != 0).sum() / len(documents)
    assert results["statistics"]["query_active"] == (queries * rarity != 0).sum() / len(queries)


@pytest.mark.slow
def test_shares_do_not_change_a_bit(store, cells_of):
    option = "evaluation.query_idf=true"
    pruned = ("evaluation.max_active_document=4", "evaluation.mass_query=0.8", "evaluation.weight_bits=8")
    results = [
        written(store, cells_of(option, *pruned, f"evaluation.shares={shares}")[0])  # a hundred: most are empty
        for shares in (1, 3, 100)
    ]
    assert results[0] == results[1] == results[2]
    assert results[0][0]["statistics"]["doc_active"] <= 4 and results[0][0]["documents"] > 12


def test_a_reference_is_evaluated_like_the_others(store, cells_of, own_data):
    named = f"references={{own: {own_data}/source}}"
    options = (named, "evaluation.query_idf=true")
    (base,), (own,) = (cells_of(*options, initializers=[name]) for name in ("base", "own"))
    assert own.artifact.stage.name == "reference"
    ours, theirs = written(store, own), written(store, base)
    assert ours[1:] == theirs[1:], "the same encoder, as a reference and as the row base"
    assert ours[0]["about"]["label"] == "sparse-encoder" and ours[0]["about"]["vectors"] == {"query_idf": True}


def test_smaller_batches_are_recorded(store, cells_of):
    (cell,) = cells_of("evaluation.query_idf=true")
    store.make(cell.artifact.inputs["vectors-0000"], 4)
    assert written(store, cell)[0]["about"]["batches_divided"] == 4
