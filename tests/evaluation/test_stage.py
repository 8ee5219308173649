"""The stage: what it writes agrees with itself, with sentence-transformers' vectors and with ir_measures' scores."""

from __future__ import annotations

import gzip
import json

import ir_measures
import numpy as np
import pandas as pd
import pytest
import torch
from ir_measures import RR, R, nDCG
from safetensors.torch import load_file, save_file

from harness.collections import beir
from harness.evaluation import stage, trec
from harness.evaluation.measurement import MEASUREMENT, QUERIES, RUN
from harness.initialization import initialization
from harness.store.artifact import Location
from sembridge.encoder.loading import load_encoder
from tests.helpers.encoders_made import made_encoder, made_encoder_folder
from tests.helpers.tokenizers_made import english, made_tokenizer, russian

ORACLES = {"ndcg@10": nDCG @ 10, "recall@100": R @ 100, "mrr@10": RR @ 10}
PARAMETERS = {"k": 100, "max_length": 32, "precision": "float32", "bias": "transfer", "special_ids": "target"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """encoder; en, ru: 150 documents and 25 test queries (words of their best document) with graded judgements."""
    folder = tmp_path_factory.mktemp("inputs")
    made_encoder_folder(folder / "encoder", bias=-1.0)
    write(folder / "en", english())
    write(folder / "ru", russian())
    return folder


def write(folder, lines):
    rng = np.random.default_rng(1)
    documents = [(f"d{i}", f"title {i}" if i % 3 == 0 else "", line) for i, line in enumerate(lines[:150])]
    queries, judged = [], []
    for q in range(25):
        relevant = rng.choice(150, 4, replace=False)
        queries.append((f"q{q}", " ".join(lines[relevant[0]].split()[:5])))
        judged += [(f"q{q}", f"d{d}", int(gain)) for d, gain in zip(relevant, (2, 1, 1, 0), strict=True)]
    beir.write(folder, documents, [*queries, ("unjudged", "cat")], judged)


def location(path):
    return Location(str(path))


def build(out, inputs, **parameters):
    out.mkdir(parents=True)
    stage.build(out, PARAMETERS | parameters, inputs)
    return out


@pytest.fixture(scope="module")
def built(folder, tmp_path_factory):
    return build(
        tmp_path_factory.mktemp("built") / "out",
        {"encoder": location(folder / "encoder"), "collection": location(folder / "en")},
    )


def measurement(folder):
    return json.loads((folder / MEASUREMENT).read_text(encoding="utf-8"))


def vectors(encoder, texts):
    return encoder.encode(list(texts), convert_to_sparse_tensor=False).numpy().astype(np.float64)


def test_the_run_is_the_exact_search_with_sentence_transformers_vectors(folder, built):
    collection, encoder = beir.load(folder / "en"), load_encoder(str(folder / "encoder"))
    scores = vectors(encoder, collection.query_texts) @ vectors(encoder, collection.document_texts).T
    run = trec.read(built / RUN)
    assert list(run) == list(collection.query_ids) and len(run) == 25
    for row, (_, ranking) in zip(scores, run.items(), strict=True):
        assert len(ranking) == 100 and len(dict(ranking)) == 100
        oracle = row[[collection.document_ids.index(document) for document, _ in ranking]]
        np.testing.assert_allclose([score for _, score in ranking], oracle, rtol=1e-4)
        np.testing.assert_allclose(oracle, np.sort(row)[::-1][:100], rtol=1e-4)


def test_the_scores_are_those_of_ir_measures_on_the_written_run(folder, built):
    qrels = beir.load(folder / "en").qrels
    run = {query: dict(ranking) for query, ranking in trec.read(built / RUN).items()}
    per_query = pd.read_parquet(built / QUERIES).set_index("query_id")
    assert list(per_query.index) == list(qrels) and set(per_query.columns) == set(ORACLES)
    for name, oracle in ORACLES.items():
        expected = {metric.query_id: metric.value for metric in ir_measures.iter_calc([oracle], qrels, run)}
        assert per_query[name].to_dict() == pytest.approx(expected, abs=1e-9)
        assert measurement(built)["scores"][name] == pytest.approx(
            ir_measures.calc_aggregate([oracle], qrels, run)[oracle], abs=1e-9
        )
        assert 0.02 < measurement(built)["scores"][name] < 1


def test_statistics_and_sizes(folder, built):
    collection, encoder = beir.load(folder / "en"), load_encoder(str(folder / "encoder"))
    queries, documents = (vectors(encoder, texts) > 0 for texts in (collection.query_texts, collection.document_texts))
    record = measurement(built)
    assert (record["documents"], record["queries"]) == (150, 25)
    expected = {
        "query_active": queries.sum(1).mean(),
        "doc_active": documents.sum(1).mean(),
        "flops": float(queries.mean(0) @ documents.mean(0)),
    }
    assert record["statistics"] == pytest.approx(expected, rel=1e-3)
    assert record["seconds"] > 0 and record["provenance"]["versions"]["torch"] == torch.__version__
    assert record["about"] == {}


def test_the_same_inputs_give_the_same_files(folder, built, tmp_path):
    again = build(tmp_path / "again", {"encoder": location(folder / "encoder"), "collection": location(folder / "en")})
    assert sorted(path.name for path in again.iterdir()) == sorted([RUN, QUERIES, MEASUREMENT])
    for name in (RUN, QUERIES):
        assert (again / name).read_bytes() == (built / name).read_bytes()
    assert measurement(again) | {"seconds": 0} == measurement(built) | {"seconds": 0}


def test_smaller_batches_are_recorded(folder, built, tmp_path):
    inputs = {"encoder": location(folder / "encoder"), "collection": location(folder / "en")}
    (tmp_path / "small").mkdir()
    stage.build(tmp_path / "small", PARAMETERS, inputs, batch_divisor=64)
    assert measurement(tmp_path / "small")["about"] == {"batches_divided": 64}
    assert measurement(tmp_path / "small")["scores"] == pytest.approx(measurement(built)["scores"], abs=1e-3)


def test_precision_is_that_of_the_parameters(folder, built, tmp_path):
    inputs = {"encoder": location(folder / "encoder"), "collection": location(folder / "en")}
    low = build(tmp_path / "low", inputs, precision="bfloat16")
    assert (low / RUN).read_bytes() != (built / RUN).read_bytes()
    assert measurement(low)["scores"]["recall@100"] == pytest.approx(
        measurement(built)["scores"]["recall@100"], abs=0.1
    )


def test_a_trained_encoder_is_read_as_it_is_and_tells_about_its_training(folder, built, tmp_path):
    trained = made_encoder_folder(tmp_path / "trained", bias=-1.0)
    (trained / "about.json").write_text(
        json.dumps({"label": "mean", "statistics": {"copied": 3}, "training": {"steps": 4}})
    )
    out = build(tmp_path / "out", {"trained": location(trained), "collection": location(folder / "en")})
    assert (out / RUN).read_bytes() == (built / RUN).read_bytes()
    assert measurement(out)["about"] == {"label": "mean", "statistics": {"copied": 3}, "training": {"steps": 4}}


def test_a_transplanted_encoder_searches_in_its_new_vocabulary(folder, tmp_path):
    made_tokenizer("wordpiece", "russian").save_pretrained(tmp_path / "tokenizer")
    (tmp_path / "initialization").mkdir()
    inputs = {"encoder": location(folder / "encoder"), "tokenizer": location(tmp_path / "tokenizer")}
    parameters = {
        "initializer": "univariate",
        "settings": {},
        "profile": "fixed",
        "overlap": "fuzzy",
        "donors": None,
        "seed": 1,
    }
    initialization.build(tmp_path / "initialization", parameters, inputs)
    inputs |= {"collection": location(folder / "ru")}
    base = build(tmp_path / "base", inputs)  # without an initialization it is the source encoder itself
    out = build(tmp_path / "out", inputs | {"initialization": location(tmp_path / "initialization")})
    assert measurement(base)["about"] == {}
    about = measurement(out)["about"]
    assert about["label"] == "univariate" and about["statistics"]["sampled"] > 100 and "origin" not in about
    assert measurement(out)["scores"]["recall@100"] > 0
    assert (out / RUN).read_bytes() != (base / RUN).read_bytes()


def test_prompts_of_the_encoder_are_put_before_queries_and_documents(folder, tmp_path):
    encoder = load_encoder(str(folder / "encoder"))
    encoder.prompts = {"query": "question the ", "document": "answer a "}
    encoder.save_pretrained(str(tmp_path / "prompted"), create_model_card=False)
    out = build(tmp_path / "out", {"encoder": location(tmp_path / "prompted"), "collection": location(folder / "en")})

    collection = beir.load(folder / "en")
    documents = zip(collection.document_ids, ("answer a " + text for text in collection.document_texts), strict=True)
    queries = list(zip(collection.query_ids, ("question the " + text for text in collection.query_texts), strict=True))
    judged = [(query, document, gain) for query, gains in collection.qrels.items() for document, gain in gains.items()]
    beir.write(tmp_path / "written", [(i, "", text) for i, text in documents], queries, judged)
    written = build(
        tmp_path / "expected", {"encoder": location(folder / "encoder"), "collection": location(tmp_path / "written")}
    )
    assert gzip.decompress((out / RUN).read_bytes()) == gzip.decompress((written / RUN).read_bytes())
    assert measurement(out)["scores"] == measurement(written)["scores"]


def test_broken_weights_are_an_error_and_not_a_score(folder, tmp_path):
    made_encoder(tmp_path / "broken")
    path = tmp_path / "broken" / "model.safetensors"
    state = load_file(path)
    state["cls.predictions.bias"][5] = float("nan")
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(ValueError, match="not finite"):
        build(tmp_path / "out", {"encoder": location(tmp_path / "broken"), "collection": location(folder / "en")})
