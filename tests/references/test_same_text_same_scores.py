"""A copy of a collection in another Unicode form gives the same bits in rows of every kind."""

from __future__ import annotations

import gzip
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from harness.collections import beir
from harness.collections.text import lines
from harness.evaluation import shards, stage
from harness.evaluation.measurement import MEASUREMENT, QUERIES, RUN
from harness.initialization import auxiliary_vectors, query_weights
from harness.pocket.tokenizers import wordpiece
from harness.references import bm25, dense, sparse_models
from harness.store.artifact import Location
from harness.training import stage as training
from harness.training.settings import TrainingSettings
from tests.helpers.reference_models_made import made_bge_m3_folder

WORDS = "사과 강물 촛불 산길 창문 정원 등대 항구 과수원 구리 초원 ज़मीन क़लम ड़मरू café"
SEARCH = {"k": 10, "max_length": 32, "precision": "float32"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """nfc, nfd: a collection; .txt: its text; encoder, bridge, bge-m3: models whose tokenizers know NFC alone."""
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("forms")
    words = unicodedata.normalize("NFC", WORDS).split()
    texts = [f"{a} {b} {i}" for i, a in enumerate(words) for b in words[::2]]
    for form in ("NFC", "NFD"):
        spelled = [unicodedata.normalize(form, text) for text in texts]
        documents = [(f"d{i}", text.split()[0] if i % 3 else "", text) for i, text in enumerate(spelled)]
        queries = [(f"q{i}", " ".join(text.split()[:2])) for i, text in enumerate(spelled)]
        judged = [(f"q{i}", f"d{i}", 1) for i in range(len(texts))]
        beir.write(folder / form.lower(), documents, queries, judged[:30], judged[30:62])
        (folder / f"{form.lower()}.txt").write_text("\n".join(spelled) + "\n", encoding="utf-8")
    assert (folder / "nfc.txt").read_bytes() != (folder / "nfd.txt").read_bytes()
    tokenizer = wordpiece(texts, 150, lowercase=False)
    tokenizer.save_pretrained(folder / "encoder")
    body = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), **body)).save_pretrained(folder / "encoder")
    rows = np.random.default_rng(0).standard_normal((len(tokenizer), 16)).astype(np.float32)
    static = StaticEmbedding(tokenizer.backend_tokenizer, embedding_weights=rows)
    SentenceTransformer(modules=[static]).save_pretrained(str(folder / "bridge"), create_model_card=False)
    made_bge_m3_folder(folder / "bge-m3")
    return folder


def at(path: Path) -> Location:
    return Location(str(path))


def evaluated(out, folder, form):
    stage.build(out, SEARCH, {"encoder": at(folder / "encoder"), "collection": at(folder / form)})


def in_shards(out, folder, form):
    inputs = {"encoder": at(folder / "encoder"), "collection": at(folder / form)}
    parts = {}
    for share in range(2):
        part = out.parent / f"{out.name}-{share}"
        part.mkdir()
        shards.build(part, SEARCH | {"share": share, "shares": 2}, inputs)
        parts[f"share-{share}"] = at(part)
    stage.build(out, {}, {"collection": inputs["collection"], **parts})


def retrieved_densely(out, folder, form):
    prompts = {"query_prompt": None, "document_prompt": None}
    dense.build(out, SEARCH | prompts, {"bridge": at(folder / "bridge"), "collection": at(folder / form)})


def searched_by_words(out, folder, form):
    bm25.build_bm25(out, {"k": 10, "language": "ko"}, {"collection": at(folder / form)})


def referenced(kind, model):
    def build(out, folder, form):
        parameters = SEARCH | {"kind": kind, "remote_code": False}
        sparse_models.build(out, parameters, {"encoder": at(folder / model), "collection": at(folder / form)})

    return build


@pytest.mark.parametrize(
    "row",
    [
        evaluated,
        in_shards,
        retrieved_densely,
        searched_by_words,
        referenced("sparse-encoder", "encoder"),
        referenced("bge-m3", "bge-m3"),
    ],
    ids=["encoder", "shards", "dense", "bm25", "reference", "bge-m3"],
)
def test_rows(row, folder, tmp_path):
    runs, measurements = [], []
    for form in ("nfc", "nfd"):
        out = tmp_path / form
        out.mkdir()
        row(out, folder, form)
        runs.append((gzip.decompress((out / RUN).read_bytes()), (out / QUERIES).read_bytes()))
        measured = json.loads((out / MEASUREMENT).read_text(encoding="utf-8"))
        measurements.append({name: measured[name] for name in ("scores", "statistics", "unknown", "warnings")})
    assert runs[0] == runs[1] and measurements[0] == measurements[1]
    assert measurements[0]["scores"]["ndcg@10"] > 0
    if row in (evaluated, in_shards, retrieved_densely):
        assert measurements[0]["unknown"] == {"documents": 0.0, "queries": 0.0}
    if row is searched_by_words:
        assert measurements[0]["unknown"] == {}


def test_what_is_learned_from_text(folder, tmp_path):
    tokenizer = at(folder / "encoder")
    learned = []
    for form in ("nfc", "nfd"):
        assert list(lines(folder / f"{form}.txt")) == list(lines(folder / "nfc.txt"))
        assert list(lines(folder / form / "corpus.jsonl")) == list(lines(folder / "nfc" / "corpus.jsonl"))
        inputs = {"tokenizer": tokenizer, "text": at(folder / f"{form}.txt")}
        weights, vectors = tmp_path / f"{form}-weights", tmp_path / f"{form}-vectors"
        for out, build, parameters in ((weights, query_weights.build, {}), (vectors, auxiliary_vectors.build, {})):
            out.mkdir()
            build(out, parameters, inputs)
        learned.append(((weights / query_weights.FILE).read_bytes(), (vectors / auxiliary_vectors.FILE).read_bytes()))
    assert learned[0] == learned[1]


def test_training(folder, tmp_path):
    settings = TrainingSettings(batch_size=8, max_length=16, learning_rate=1e-3, max_pairs=24)
    parameters = {"training": settings.model_dump(), "workers": 1, "bias": "transfer", "special_ids": "target"}
    tensors, figures = [], []
    for form in ("nfc", "nfd"):
        out, scratch = tmp_path / form, tmp_path / f"{form}-scratch"
        out.mkdir(), scratch.mkdir()
        inputs = {"encoder": at(folder / "encoder"), "pairs": at(folder / form)}
        training.build(out, parameters | {"seed": 3}, inputs, scratch)
        with safe_open(out / "model.safetensors", "numpy") as file:
            tensors.append({name: file.get_tensor(name).tobytes() for name in file.keys()})  # noqa: SIM118
        about = json.loads((out / "about.json").read_text(encoding="utf-8"))["training"]
        figures.append({name: value for name, value in about.items() if name != "training_seconds"})
    assert tensors[0] == tensors[1] and figures[0] == figures[1]
    assert figures[0]["unknown_pairs"] == 0.0 and figures[0]["pairs_used"] == 24
