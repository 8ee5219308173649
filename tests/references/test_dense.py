"""The bridge as a dense retriever: sentence-transformers' search and a float64 oracle agree; only dense models load."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding, Transformer
from sentence_transformers.util import semantic_search

from harness.collections import beir
from harness.evaluation import trec
from harness.evaluation.measurement import MEASUREMENT, QUERIES, RUN
from harness.references import dense
from harness.retrieval.dense_search import DenseTopK, unit_vectors
from harness.store.artifact import Location
from sembridge.search.encode_options import EncodeOptions
from sembridge.search.ranking import id_order, merge
from tests.helpers.batches_seen import batches_seen
from tests.helpers.encoders_made import made_encoder, made_encoder_folder
from tests.helpers.spoiled_models import as_type, rewritten, without
from tests.helpers.tokenizers_made import english, made_tokenizer

PARAMETERS = {"k": 100, "max_length": 32, "precision": "float32", "query_prompt": None, "document_prompt": None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """bridge (a transformer), static (without one), sparse, masked-lm; en: 600 documents (over a window)."""
    folder = tmp_path_factory.mktemp("inputs")
    bare = made_encoder_folder(folder / "masked-lm")
    transformer = Transformer(str(bare))
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")]
    SentenceTransformer(modules=modules).save_pretrained(str(folder / "bridge"), create_model_card=False)
    tokenizer = made_tokenizer("wordpiece", "english").backend_tokenizer
    vectors = np.random.default_rng(0).standard_normal((tokenizer.get_vocab_size(), 24)).astype(np.float32)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=vectors)]).save_pretrained(
        str(folder / "static")
    )
    made_encoder(folder / "splade").save_pretrained(str(folder / "sparse"), create_model_card=False)
    lines = english()
    texts = [f"{lines[i % len(lines)]} {lines[i * 7 % len(lines)]}"[: 20 + i % 90] for i in range(600)]
    queries = [(f"q{i}", " ".join(lines[i].split()[:4])) for i in range(20)]
    beir.write(
        folder / "en",
        [(f"d{i}", "", text) for i, text in enumerate(texts)],
        queries,
        [(f"q{i}", f"d{i}", 1) for i in range(20)],
    )
    return folder


def build(out, folder, bridge="bridge", **parameters):
    out.mkdir(parents=True)
    dense.build(
        out,
        PARAMETERS | parameters,
        {"bridge": Location(str(folder / bridge)), "collection": Location(str(folder / "en"))},
    )
    return out


def written(out):
    return (out / RUN).read_bytes()


@pytest.mark.parametrize("bridge", ["bridge", "static"])
def test_the_run_is_that_of_semantic_search(folder, tmp_path, bridge):
    collection, model = beir.load(folder / "en"), SentenceTransformer(str(folder / bridge))
    vectors = [
        model.encode(list(texts), convert_to_tensor=True)
        for texts in (collection.query_texts, collection.document_texts)
    ]
    run = trec.read(build(tmp_path / "out", folder, bridge, max_length=None) / RUN)
    assert list(run) == list(collection.query_ids)
    for hits, ranking in zip(semantic_search(*vectors, top_k=100), run.values(), strict=True):
        assert len(ranking) == 100
        np.testing.assert_allclose([score for _, score in ranking], [hit["score"] for hit in hits], atol=2e-6)
        clear = hits[-1]["score"] + 1e-5  # below it the last places may be shared
        assert {f"d{hit['corpus_id']}" for hit in hits if hit["score"] > clear} == {
            document for document, score in ranking if score > clear
        }


def test_what_is_written(folder, tmp_path):
    out = build(tmp_path / "out", folder)
    measurement = json.loads((out / MEASUREMENT).read_text(encoding="utf-8"))
    assert measurement["statistics"] == {}, "active dimensions of a dense vector say nothing"
    assert measurement["about"] == {"label": "dense"} and (measurement["documents"], measurement["queries"]) == (
        600,
        20,
    )
    means = pd.read_parquet(out / QUERIES)["ndcg@10"].mean()
    assert measurement["scores"]["ndcg@10"] == pytest.approx(means, abs=1e-12) and means > 0
    assert written(build(tmp_path / "again", folder)) == written(out)


def test_prompts_are_those_given_or_the_model_s_own(folder, tmp_path):
    model = SentenceTransformer(str(folder / "bridge"), prompts={"query": "the cat ", "passage": "a house "})
    model.save_pretrained(str(tmp_path / "own"), create_model_card=False)
    given = {"query_prompt": "the cat ", "document_prompt": "a house "}
    plain = build(tmp_path / "plain", folder)
    own, configured = build(tmp_path / "a", folder, tmp_path / "own"), build(tmp_path / "b", folder, **given)
    none = build(tmp_path / "c", folder, tmp_path / "own", query_prompt="", document_prompt="")
    assert written(own) == written(configured) != written(plain) == written(none)
    assert (
        len(
            {written(build(tmp_path / name, folder, **{name: value})) for name, value in given.items()}
            | {written(own), written(plain)}
        )
        == 4
    )


@pytest.mark.parametrize("bridge", ["bridge", "static"])
def test_length_and_precision_are_those_of_the_parameters(folder, tmp_path, bridge):
    whole = written(build(tmp_path / "whole", folder, bridge, max_length=None))
    assert written(build(tmp_path / "long", folder, bridge, max_length=10_000)) == whole, "no more than the model reads"
    assert written(build(tmp_path / "short", folder, bridge, max_length=5)) != whole
    if bridge == "bridge":
        assert written(build(tmp_path / "low", folder, bridge, max_length=None, precision="bfloat16")) != whole


def test_texts_are_a_stream_encoded_in_windows_of_fixed_place(folder):
    from sembridge.bridge import load_bridge

    model, texts, taken = load_bridge(str(folder / "bridge")), beir.load(folder / "en").document_texts, []
    blocks = dense.encode(
        model, (taken.append(text) or text for text in texts), "document", None, EncodeOptions(precision="float32")
    )
    first = next(blocks)
    assert len(taken) == len(first) == dense.WINDOW
    rest = list(blocks)
    assert [len(block) for block in rest] == [600 - dense.WINDOW]
    (alone,) = dense.encode(model, texts[: dense.WINDOW], "document", None, EncodeOptions(precision="float32"))
    assert alone.tobytes() == first.tobytes()


def test_for_lack_of_memory_fewer_texts_are_read_at_a_time(folder, tmp_path):
    inputs = {"bridge": Location(str(folder / "bridge")), "collection": Location(str(folder / "en"))}
    measurements = []
    for batch_divisor in (1, 4):
        (tmp_path / str(batch_divisor)).mkdir()
        with batches_seen() as seen:
            dense.build(tmp_path / str(batch_divisor), PARAMETERS, inputs, batch_divisor=batch_divisor)
        assert max(texts for texts, _ in seen) == 32 // batch_divisor
        measurements.append(json.loads((tmp_path / str(batch_divisor) / MEASUREMENT).read_text(encoding="utf-8")))
    assert measurements[1]["about"] == {"label": "dense", "batches_divided": 4}
    assert measurements[1]["scores"] == pytest.approx(measurements[0]["scores"], abs=1e-3)


@pytest.fixture(scope="module")
def corpus():
    """Vectors of many lengths and exact duplicates; scores of all signs."""
    rng = np.random.default_rng(3)
    queries, documents = (
        rng.standard_normal((rows, 300)) * 10.0 ** rng.integers(-3, 4, (rows, 1)) for rows in (30, 257)
    )
    documents[100:140] = documents[:40]
    documents[200] = queries[1] = 0
    return queries.astype(np.float32), documents.astype(np.float32), [f"d{i}" for i in rng.permutation(257)]


def one_pass(corpus, k, block):
    queries, documents, ids = corpus
    top = DenseTopK(queries, k, id_order(ids))
    for start in range(0, len(documents), block):
        top.add(start, documents[start : start + block])
    return top


def bits(best):
    return best.scores.tobytes(), best.positions.tobytes(), best.ranks.tobytes()


def test_the_search_is_that_of_an_oracle_in_float64(corpus):
    queries, documents, ids = corpus
    run = one_pass(corpus, 200, 64).result([f"q{i}" for i in range(30)], ids)
    names = dict(zip(ids, range(257), strict=True))
    for query, ranking in zip(queries.astype(np.float64), run.values(), strict=True):
        lengths = np.linalg.norm(documents.astype(np.float64), axis=1) * np.linalg.norm(query)
        cosines = np.divide(documents.astype(np.float64) @ query, lengths, out=np.zeros(257), where=lengths > 0)
        columns = [names[document] for document, _ in ranking]
        assert len(set(columns)) == 200, "documents on the far side are retrieved as well"
        np.testing.assert_allclose([score for _, score in ranking], cosines[columns], atol=3e-8)
        np.testing.assert_allclose(cosines[columns], np.sort(cosines)[::-1][:200], atol=3e-8)
        assert ranking == sorted(ranking, key=lambda item: (-item[1], item[0])), "ties by id"
    assert min(score for _, score in run["q0"]) < 0
    assert [document for document, _ in run["q1"]] == sorted(ids)[:200], "a query without direction is as near to all"


def test_windows_chunks_of_queries_and_shards_change_no_bit(corpus, monkeypatch):
    queries, documents, ids = corpus
    expected = bits(one_pass(corpus, 20, 257).best)
    for block in (1, 2, 7, 64, 256):
        assert bits(one_pass(corpus, 20, block).best) == expected
    shards = [DenseTopK(queries, 20, id_order(ids)) for _ in range(2)]
    for i, start in enumerate(range(0, 257, 50)):
        shards[i % 2].add(start, documents[start : start + 50])
    assert bits(merge([shard.best for shard in shards])) == expected
    monkeypatch.setattr("sembridge.search.ranking._CELLS", 500)
    assert bits(one_pass(corpus, 20, 64).best) == expected


def test_sums_are_exact_in_any_order(corpus):
    """Python's integers hold the same products without rounding."""
    queries, documents = (unit_vectors(vectors, "") for vectors in corpus[:2])
    fixed = [[[int(x * 2**26) for x in row] for row in vectors[:5]] for vectors in (queries, documents)]
    exact = [[sum(a * b for a, b in zip(q, d, strict=True)) / 2**52 for d in fixed[1]] for q in fixed[0]]
    np.testing.assert_array_equal(queries[:5] @ documents[:5].T, exact)
    np.testing.assert_array_equal(queries[:5, ::-1] @ documents[:5, ::-1].T, exact)


def test_what_does_not_fit_is_refused():
    top = DenseTopK(np.ones((1, 2)), 1, np.arange(2))
    with pytest.raises(ValueError, match="documents have 3 dimensions, queries have 2"):
        top.add(0, np.ones((1, 3)))
    with pytest.raises(ValueError, match="documents 1 to 2 lie outside the corpus of 2"):
        top.add(1, np.ones((2, 2)))
    with pytest.raises(ValueError, match="documents from position 0: a vector is not finite"):
        top.add(0, np.array([[1, np.nan]]))


def test_only_a_dense_model_is_taken(folder, tmp_path):
    with pytest.raises(
        ValueError, match=r"sparse' is not a dense encoder but a SparseEncoder; give a SentenceTransformer"
    ):
        build(tmp_path / "sparse", folder, "sparse")
    with pytest.raises(ValueError, match=r"masked-lm' is not a dense encoder: it has no modules\.json"):
        build(tmp_path / "masked-lm", folder, "masked-lm")
    silent = tmp_path / "silent"  # one that does not say what it is
    silent.mkdir()
    (silent / "modules.json").write_bytes((folder / "sparse" / "modules.json").read_bytes())
    with pytest.raises(ValueError, match="is not a dense encoder but a SpladePooling"):
        dense.check_dense(str(silent))
    (silent / "modules.json").write_bytes((folder / "bridge" / "modules.json").read_bytes())
    dense.check_dense(str(silent))


def test_models_on_the_hub_are_checked_as_folders_are(folder, hub):
    def added(name):
        files = {
            str(path.relative_to(folder / name)): path.read_bytes()
            for path in (folder / name).rglob("*")
            if path.is_file()
        }
        return f"some/{name}", hub.add(f"some/{name}", files, kind="models")

    dense.check_dense(*added("bridge"))
    with pytest.raises(ValueError, match="'some/sparse' is not a dense encoder but a SparseEncoder"):
        dense.check_dense(*added("sparse"))
    with pytest.raises(ValueError, match=r"'some/masked-lm' is not a dense encoder: it has no modules\.json"):
        dense.check_dense(*added("masked-lm"))
    assert not [path for path in hub.transfers() if path.endswith(".safetensors")], "before its weights are fetched"


def test_the_model_s_own_limit_is_never_raised(folder):
    limited = [SentenceTransformer(str(folder / "bridge")), SentenceTransformer(str(folder / "static"))]
    limited[1].tokenizer.enable_truncation(8)
    own = limited[0].max_seq_length
    for max_length, expected in ((None, (own, 8)), (10_000, (own, 8)), (5, (5, 5))):
        for model in limited:
            dense._limit(model, max_length)
        assert (limited[0].max_seq_length, limited[1].tokenizer.truncation["max_length"]) == expected


def test_a_kind_that_is_only_said_is_believed(folder, tmp_path):
    (tmp_path / "modules.json").write_bytes((folder / "bridge" / "modules.json").read_bytes())
    (tmp_path / "config_sentence_transformers.json").write_text('{"model_type": "MultiVectorEncoder"}')
    with pytest.raises(ValueError, match="is not a dense encoder but a MultiVectorEncoder"):
        dense.check_dense(str(tmp_path))


def test_queries_and_documents_take_their_own_routes(folder):
    def static(seed):
        rows = np.random.default_rng(seed).standard_normal((tokenizer.get_vocab_size(), 8)).astype(np.float32)
        return StaticEmbedding(tokenizer, embedding_weights=rows)

    tokenizer = made_tokenizer("wordpiece", "english").backend_tokenizer
    model = SentenceTransformer(modules=[Router.for_query_document([static(1)], [static(2)])])
    for side, seed in (("query", 1), ("document", 2)):
        (vectors,) = dense.encode(model, ["the cat"], side, None, EncodeOptions(precision="float32"))
        np.testing.assert_array_equal(vectors, SentenceTransformer(modules=[static(seed)]).encode(["the cat"]))


def test_weights_that_are_missing_are_refused(folder, tmp_path):
    lacking = rewritten(folder / "bridge", tmp_path / "lacking", without("attention.output"))
    with pytest.raises(ValueError, match=r"lacks 4 tensors that BertModel reads .* initialized at random"):
        build(tmp_path / "run", folder, lacking)
    assert not list((tmp_path / "run").iterdir())


def test_half_precision_is_read_as_its_float32_copy(folder, tmp_path):
    half = rewritten(folder / "bridge", tmp_path / "half", as_type(torch.bfloat16))
    copy = rewritten(half, tmp_path / "copy", as_type(torch.float32))
    runs = [written(build(tmp_path / f"{model.name} run", folder, model)) for model in (half, copy)]
    assert runs[0] and runs[0] == runs[1]
