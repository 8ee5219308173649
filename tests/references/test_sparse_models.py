"""Reference rows: SPLADE as in the grid, other SparseEncoders, BGE-M3 and MILCO; no dense models."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer, SparseEncoder
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder

from harness.collections import beir
from harness.evaluation import stage, trec
from harness.evaluation.measurement import MEASUREMENT, RUN
from harness.references import milco, sparse_models
from harness.store.artifact import Location
from sembridge.search.encode_options import EncodeOptions
from tests.helpers.batches_seen import batches_seen
from tests.helpers.encoders_made import made_bridge_folder, made_encoder, made_encoder_folder
from tests.helpers.families_made import family_folder
from tests.helpers.reference_models_made import MILCO, made_bge_m3_folder, made_milco_folder
from tests.helpers.spoiled_models import as_type, rewritten, without
from tests.helpers.tokenizers_made import english

PARAMETERS = {"kind": "sparse-encoder", "remote_code": False, "k": 100, "max_length": 32, "precision": "float32"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """saved and plain (one SPLADE, as SparseEncoder and as masked LM), csr (not SPLADE), dense; en: 600 documents."""
    folder = tmp_path_factory.mktemp("references")
    made_encoder(folder / "plain").save_pretrained(str(folder / "saved"), create_model_card=False)
    made_bge_m3_folder(folder / "bge-m3")
    made_bridge_folder(folder / "static", english())
    transformer = Transformer(str(folder / "bge-m3"))
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")]
    SentenceTransformer(modules=modules).save_pretrained(str(folder / "dense"), create_model_card=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        csr = [*modules, SparseAutoEncoder(transformer.get_embedding_dimension(), 64, k=16)]
    SparseEncoder(modules=csr).save_pretrained(str(folder / "csr"), create_model_card=False)
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


def build(out, folder, model, **parameters):
    out.mkdir(parents=True)
    sparse_models.build(
        out,
        PARAMETERS | parameters,
        {"encoder": Location(str(folder / model)), "collection": Location(str(folder / "en"))},
    )
    return out


def scores(queries, documents):
    return np.asarray(queries, dtype=np.float64) @ np.asarray(documents, dtype=np.float64).T


def assert_run(out, expected):
    """The run holds, for every query, the documents of the 100 largest scores [Q, N] above 0."""
    run = trec.read(out / RUN)
    assert len(run) == len(expected) == 20
    for row, ranking in zip(expected, run.values(), strict=True):
        assert len(ranking) == min(100, (row > 0).sum()) > 0
        columns = [int(document[1:]) for document, _ in ranking]
        np.testing.assert_allclose([score for _, score in ranking], row[columns], rtol=1e-5)
        np.testing.assert_allclose(row[columns], np.sort(row)[::-1][: len(columns)], rtol=1e-5)


@pytest.mark.parametrize("model", ["saved", "csr"])
def test_the_run_is_that_of_the_library_s_vectors(folder, tmp_path, model):
    collection, encoder = beir.load(folder / "en"), SparseEncoder(str(folder / model))
    encoder.max_seq_length = 32
    vectors = [
        encoder.encode(list(texts)).to_dense().numpy() for texts in (collection.query_texts, collection.document_texts)
    ]
    out = build(tmp_path / "out", folder, model)
    assert_run(out, scores(*vectors))
    about = json.loads((out / MEASUREMENT).read_text(encoding="utf-8"))
    assert about["about"] == {"label": "sparse-encoder"} and about["statistics"]["doc_active"] == pytest.approx(
        (vectors[1] != 0).sum(axis=1).mean()
    )


def test_a_splade_is_read_as_the_grid_reads_it(folder, tmp_path):
    """The row `base` of the same model, to the last bit, however it is stored."""
    (tmp_path / "base").mkdir()
    given = {"encoder": Location(str(folder / "saved")), "collection": Location(str(folder / "en"))}
    stage.build(tmp_path / "base", {"k": 100, "max_length": 32, "precision": "float32"}, given)
    expected = (tmp_path / "base" / RUN).read_bytes()
    for model in ("saved", "plain"):
        assert (build(tmp_path / model, folder, model) / RUN).read_bytes() == expected


def test_a_roberta_reads_no_more_than_it_has_positions_for(tmp_path):
    family_folder(tmp_path / "roberta", "roberta")
    encode = sparse_models.load("sparse-encoder", Location(str(tmp_path / "roberta")), False, EncodeOptions())
    long, longer = (" ".join(english()[:count]) for count in (100, 200))
    (vectors,) = encode([long, longer], "document")
    assert vectors.nnz and (vectors[[0]] != vectors[[1]]).nnz == 0, "both are cut at the same place"


def test_the_row_of_bge_m3(folder, tmp_path):
    from harness.references import bge_m3

    collection, model = beir.load(folder / "en"), bge_m3.load(str(folder / "bge-m3"), max_length=32)
    one_by_one = [
        [bge_m3.encode(model, [text], "query", precision="float32", batch_size=1).toarray()[0] for text in texts]
        for texts in (collection.query_texts, collection.document_texts)
    ]
    out = build(tmp_path / "out", folder, "bge-m3", kind="bge-m3")
    assert_run(out, scores(*one_by_one))
    assert (build(tmp_path / "again", folder, "bge-m3", kind="bge-m3") / RUN).read_bytes() == (out / RUN).read_bytes()


@pytest.mark.parametrize(
    ("kind", "model"), [("sparse-encoder", "saved"), ("sparse-encoder", "csr"), ("bge-m3", "bge-m3")]
)
def test_for_lack_of_memory_less_is_read_at_a_time(folder, tmp_path, kind, model):
    inputs, measurements = {"encoder": Location(str(folder / model)), "collection": Location(str(folder / "en"))}, []
    largest = {}
    for batch_divisor in (1, 16):
        (tmp_path / str(batch_divisor)).mkdir()
        with batches_seen() as seen:
            sparse_models.build(
                tmp_path / str(batch_divisor), PARAMETERS | {"kind": kind}, inputs, batch_divisor=batch_divisor
            )
        largest[batch_divisor] = [max(sizes) for sizes in zip(*seen, strict=True)]
        measurements.append(json.loads((tmp_path / str(batch_divisor) / MEASUREMENT).read_text(encoding="utf-8")))
    if model == "saved":  # read as all SPLADE encoders are, whose batches are counted in tokens
        assert largest[16][1] <= 8192 / 16 < 1024 < largest[1][1]
    else:
        assert (largest[1][0], largest[16][0]) == (32, 2)
    assert measurements[1]["about"] == {"label": kind, "batches_divided": 16} and measurements[0]["about"] == {
        "label": kind
    }
    assert measurements[1]["scores"] == pytest.approx(measurements[0]["scores"], abs=1e-3)


def test_texts_are_a_stream_encoded_in_windows_of_fixed_place(folder):
    encode = sparse_models.load("bge-m3", Location(str(folder / "bge-m3")), False, EncodeOptions.of(PARAMETERS))
    texts, taken = beir.load(folder / "en").document_texts, []
    blocks = encode((taken.append(text) or text for text in texts), "document")
    first = next(blocks)
    assert len(taken) == first.shape[0] == sparse_models.WINDOW
    assert [block.shape[0] for block in blocks] == [600 - sparse_models.WINDOW]
    (alone,) = encode(texts[: sparse_models.WINDOW], "document")
    assert alone.data.tobytes() == first.data.tobytes() and (alone.indices == first.indices).all()


def test_the_row_of_milco(folder, tmp_path, runs):
    collection = beir.load(folder / "en")
    embed = milco.load(str(made_milco_folder(tmp_path / "milco")), remote_code=True, batch_size=4)
    one_by_one = [
        [embed([text], side).to_dense()[0].numpy() for text in texts]
        for texts, side in ((collection.query_texts, "query"), (collection.document_texts, "document"))
    ]
    out = build(
        tmp_path / "out", folder, tmp_path / "milco", kind="milco", remote_code=True, precision=None, max_length=None
    )
    assert_run(out, scores(*one_by_one))


def test_milco_is_asked_for_smaller_batches(folder, tmp_path, runs):
    recorder = (
        "words = text.lower().split()[:max_length]\n"
        '            Path(os.environ["MILCO_RUNS"]).write_text(str(batch_size))'
    )
    code = MILCO.replace("words = text.lower().split()[:max_length]", recorder)
    at = Location(str(made_milco_folder(tmp_path / "milco", code=code)))
    for batch_divisor, batch_size in ((1, "32"), (4, "8")):
        next(sparse_models.load("milco", at, True, EncodeOptions.of(PARAMETERS, batch_divisor))(["the cat"], "query"))
        assert runs.read_text() == batch_size


CUSTOM = """
import os
from pathlib import Path

from sentence_transformers.sparse_encoder.modules import SpladePooling

Path(os.environ["MILCO_RUNS"]).write_text("imported")


class Doubled(SpladePooling):
    def forward(self, features):
        features = super().forward(features)
        features["sentence_embedding"] = 2 * features["sentence_embedding"]
        return features
"""


def test_a_sparse_encoder_with_a_module_of_its_own(folder, tmp_path, runs):
    shutil.copytree(folder / "saved", tmp_path / "own")
    modules = json.loads((tmp_path / "own" / "modules.json").read_text())
    modules[1]["type"] = "doubled.Doubled"
    (tmp_path / "own" / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "own" / "doubled.py").write_text(CUSTOM)
    with pytest.raises(
        ValueError,
        match=r"own' runs code of its own \(doubled\.Doubled\); if you have read it and trust it, set remote_code",
    ):
        build(tmp_path / "refused", folder, tmp_path / "own")
    assert not runs.exists()
    plain, doubled = (trec.read(build(tmp_path / name, folder, model, remote_code=code) / RUN)
                      for name, model, code in (("a", "saved", False), ("b", tmp_path / "own", True)))  # fmt: skip
    assert runs.exists()
    for one, two in zip(plain.values(), doubled.values(), strict=True):
        np.testing.assert_allclose([score for _, score in two], [4 * score for _, score in one], rtol=1e-5)


def test_code_of_a_further_repository_is_refused(folder, tmp_path):
    shutil.copytree(folder / "saved", tmp_path / "own")
    modules = json.loads((tmp_path / "own" / "modules.json").read_text())
    modules[1]["type"] = "someone/else--doubled.Doubled"
    (tmp_path / "own" / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(
        ValueError, match=r"runs code of another repository \(someone/else--.*\), which no revision fixes"
    ):
        sparse_models.check("sparse-encoder", str(tmp_path / "own"), remote_code=True)


def test_only_what_is_of_the_kind_is_taken(folder, tmp_path):
    def refused(kind, model, **options):
        with pytest.raises(ValueError, match=r"^\S") as error:
            sparse_models.check(kind, str(model), **options)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "is not a sparse encoder but a SentenceTransformer; give a SparseEncoder, or make it a bridge" in refused(
        "sparse-encoder", folder / "dense"
    )
    assert "is not a sparse encoder but a SentenceTransformer" in refused("sparse-encoder", folder / "static")
    silent = tmp_path / "silent"  # one that does not say what it is
    shutil.copytree(folder / "dense", silent)
    (silent / "config_sentence_transformers.json").unlink()
    assert "is not a sparse encoder but a model of Transformer, Pooling" in refused("sparse-encoder", silent)
    assert "no modules.json, no ...ForMaskedLM (architectures: XLMRobertaModel)" in refused(
        "sparse-encoder", folder / "bge-m3"
    )
    assert "is not of kind bge-m3: it has no sparse_linear.pt" in refused("bge-m3", folder / "plain")
    pickled = made_encoder_folder(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    assert "pickled' has no .safetensors file; convert its weights, pickled weights are not loaded" in refused(
        "sparse-encoder", pickled
    )
    coded = made_encoder_folder(tmp_path / "coded")
    config = json.loads((coded / "config.json").read_text()) | {
        "model_type": "newer-bert",
        "auto_map": {"AutoModelForMaskedLM": "newer.Bert"},
    }
    (coded / "config.json").write_text(json.dumps(config))
    assert "coded' runs code of its own (newer.Bert)" in refused("sparse-encoder", coded)
    (coded / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))  # transformers has that one itself
    sparse_models.check("sparse-encoder", str(coded))


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="gave 1 vectors for 1 texts, or weights that are not finite"):
        list(
            sparse_models._windows(
                lambda texts, side: sparse_models.as_csr(torch.tensor([[float("nan")]])), ["a"], "query"
            )
        )
    with pytest.raises(ValueError, match="gave 1 vectors for 2 texts"):
        list(sparse_models._windows(lambda texts, side: sparse_models.as_csr(torch.ones(1, 2)), ["a", "b"], "query"))


def test_weights_that_are_missing_are_refused(folder, tmp_path):
    lacking = rewritten(folder / "plain", tmp_path / "lacking", without("cls."))
    with pytest.raises(ValueError, match=r"lacks 6 tensors that BertForMaskedLM reads .* initialized at random"):
        sparse_models.check("sparse-encoder", str(lacking))
    with pytest.raises(ValueError, match=r"lacks 6 tensors that BertForMaskedLM reads .* initialized at random"):
        build(tmp_path / "run", folder, lacking)


def test_half_precision_is_read_as_its_float32_copy(folder, tmp_path):
    half = rewritten(folder / "plain", tmp_path / "half", as_type(torch.bfloat16))
    copy = rewritten(half, tmp_path / "copy", as_type(torch.float32))
    runs = [(build(tmp_path / f"{model.name} run", folder, model) / RUN).read_bytes() for model in (half, copy)]
    assert runs[0] and runs[0] == runs[1]
