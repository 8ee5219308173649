"""Sizes of models, collections and texts, from tiny local files and a made catalog."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.catalog.catalog import Catalog
from harness.catalog.entries import Bridge, Encoder, Tokenizer
from harness.collections import beir
from harness.collections.stage import COLLECTION
from harness.estimate.sizes import PASSAGE, QUESTION, SAMPLE, UNLIMITED, Body, Counts, Lengths, Sizes, UnknownError
from harness.pocket.texts import POCKET_TEXT
from harness.store.artifact import Artifact, Hub, Local

ENTRY = {"revision": None, "license": "MIT"}
BODIES = {"layers": "RoBERTa, 2 layers of 8", "large": "XLM-RoBERTa-large", "base": "BERT-base"}
BODIES |= {"distil": "DistilBERT-base", "odd": "a body"}
CATALOG = Catalog(
    encoders={name: Encoder(id=f"a/{name}", body=body, vocabulary=100, **ENTRY) for name, body in BODIES.items()},
    tokenizers={"t": Tokenizer(id="a/tokenizer", language="ko", vocabulary=50, **ENTRY)},
    bridges={
        name: Bridge(id=f"a/{name}", dimensions=size, pooling="cls", **ENTRY)
        for name, size in {"small": 1023, "great": 1024}.items()
    },
)


@pytest.fixture
def sizes() -> Sizes:
    return Sizes(CATALOG)


def hub(name: str) -> Hub:
    return Hub(f"a/{name}", "c0ffee")


def tokenizer_folder(folder: Path, ids: dict[str, int]) -> Path:
    """Write a tokenizer of whole words that cuts off after one token, which counting must not."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(1)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_lengths_of_texts_and_of_the_longest_of_a_batch():
    assert Lengths(128, 512, (3, 1)).longest(2) == 2.5  # of four equally likely pairs three have a 3
    assert Lengths(128, 2, (3, 1)).mean == 1.5
    assert Lengths(128, 2, (3, 1)).longest(1) == 1.5
    assert Lengths(16, 512).longest(4) == pytest.approx(16 * (1 + 1 / 2 + 1 / 3 + 1 / 4))
    assert Lengths(16, 20).longest(4) == 20 and Lengths(16, 10).mean == 10 and Lengths(16, 20).mean == 16


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("layers", Body(2, 8, 32)),
        ("large", Body(24, 1024, 4096)),
        ("base", Body(12, 768, 3072)),
        ("distil", Body(6, 768, 3072)),
        ("small", Body(12, 1023, 4092)),
        ("great", Body(24, 1024, 4096)),
    ],
)
def test_bodies_of_the_catalog(sizes, name, body):
    assert sizes.body(hub(name)) == body


@pytest.mark.parametrize(
    ("config", "body"),
    [
        ({"num_hidden_layers": 3, "hidden_size": 8, "intermediate_size": 20}, Body(3, 8, 20)),
        ({"n_layers": 2, "dim": 4, "hidden_dim": 6}, Body(2, 4, 6)),
        ({"num_hidden_layers": 1, "hidden_size": 8}, Body(1, 8, 32)),
        ({}, Body(0, 0, 0)),
    ],
)
def test_bodies_of_local_models(sizes, tmp_path, config, body):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert sizes.body(Local(tmp_path)) == body
    assert sizes.dimensions(Local(tmp_path)) == body.dimension
    assert body.parameters == body.layers * (4 * body.dimension**2 + 2 * body.dimension * body.inner)


def test_vocabularies(sizes, tmp_path):
    assert sizes.vocabulary(hub("tokenizer")) == 50 and sizes.vocabulary(hub("layers")) == 100
    assert sizes.dimensions(hub("small")) == 1023
    (tmp_path / "config.json").write_text('{"vocab_size": 30}')
    assert sizes.vocabulary(Local(tmp_path)) == 30
    words = tokenizer_folder(tmp_path / "0_StaticEmbedding", {"?": 0, "a": 6})
    assert sizes.vocabulary(Local(words)) == sizes.vocabulary(Local(tmp_path)) == 7  # ids 1 to 5 are not in use


def test_texts_are_counted_where_collection_and_tokenizer_are_local(sizes, tmp_path):
    tokenizer = Local(tokenizer_folder(tmp_path / "tokenizer", {"?": 0, "a": 1}))
    texts = ["a", "a a a", *["a a"] * SAMPLE]
    documents = [(f"d{number}", "a", text) for number, text in enumerate(texts)]
    judged = [("q1", "d0", 1), ("q2", "d1", 1), ("q2", "d2", 1)]
    beir.write(tmp_path / "set", documents, [("q1", "a b c d"), ("q2", "a"), ("q3", "a a")], judged)
    collection = Local(tmp_path / "set")
    assert sizes.counts(collection) == Counts(SAMPLE + 2, 2, 0)
    read = sizes.lengths(collection, "document", tokenizer, None)
    assert read == Lengths(PASSAGE, UNLIMITED, (2, 4, *[3] * (SAMPLE - 2)))  # with the title
    assert sizes.lengths(collection, "query", tokenizer, 3) == Lengths(QUESTION, 3, (4, 1))
    assert sizes.lengths(collection, "query", hub("tokenizer"), 3) == Lengths(QUESTION, 3)
    assert sizes.lengths(hub("set"), "document", tokenizer, None) == Lengths(PASSAGE, UNLIMITED)


def test_counts_of_downloads_are_those_expected(sizes):
    def counts(limit: int | None = None, **expected: int) -> Counts:
        return sizes.counts(Artifact(COLLECTION, {"hub": "a/faq", "expected": expected, "limit": limit}))

    assert counts(documents=1000, queries=10) == Counts(1000, 10, None)
    assert counts(documents=1000, queries=10, train_pairs=40) == Counts(1000, 10, 40)
    # A limited collection keeps its judged documents.
    assert counts(5, documents=1000, queries=10, relevant=20, judgements=30).documents == 35
    assert counts(5, documents=1000, queries=10, relevant=20).documents == 25
    assert counts(5, documents=1000, queries=10).documents == 15
    assert counts(5000, documents=1000, queries=10).documents == 1000


def test_what_is_not_known_is_named(sizes, tmp_path):
    unknown = [
        (sizes.body, Hub("me/other", "c0ffee"), "size of me/other"),
        (sizes.body, hub("odd"), "size of a/odd"),
        (sizes.body, hub("tokenizer"), "size of a/tokenizer"),
        (sizes.dimensions, Local(tmp_path), f"size of {tmp_path}"),
        (sizes.vocabulary, hub("small"), "vocabulary of a/small"),
        (sizes.vocabulary, Artifact(POCKET_TEXT, {}), "vocabulary of what the pocket builds"),
        (sizes.counts, hub("faq"), "counts of a/faq"),
        (sizes.counts, Artifact(COLLECTION, {"hub": "a/faq", "config": "kor"}), "counts of a/faq kor"),
        (sizes.counts, Artifact(COLLECTION, {"ir_datasets": "x/y", "expected": {"queries": 1}}), "counts of x/y"),
    ]
    for method, source, message in unknown:
        with pytest.raises(UnknownError, match=f"^{message}$"):
            method(source)
