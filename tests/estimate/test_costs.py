"""What a grid costs: formulas against values worked out by hand, and amounts in seconds."""

from __future__ import annotations

import pytest

from harness.catalog.catalog import Catalog
from harness.catalog.entries import Bridge, Encoder, Tokenizer
from harness.collections.stage import COLLECTION
from harness.estimate.costs import Rates, Work, amounts, forward, work
from harness.estimate.sizes import BASE, Sizes, UnknownError
from harness.evaluation.stage import EVALUATION
from harness.evaluation.vectors import VECTORS
from harness.initialization.auxiliary_vectors import AUXILIARY_VECTORS
from harness.initialization.bridge_vectors import BRIDGE_VECTORS
from harness.initialization.initialization import INITIALIZATION
from harness.initialization.subword_vectors import SUBWORD_VECTORS
from harness.initialization.word_vectors import WORD_COUNTS, WORD_VECTORS
from harness.pocket.texts import POCKET_TEXT
from harness.references.bm25 import BM25
from harness.references.dense import DENSE
from harness.references.sparse_models import REFERENCE
from harness.references.vectors import REFERENCE_VECTORS
from harness.store.artifact import Artifact, Hub, Member
from harness.training.stage import TRAINED_ENCODER

ENTRY = {"revision": None, "license": "MIT"}
CATALOG = Catalog(
    encoders={"e": Encoder(id="a/encoder", body="RoBERTa, 2 layers of 8", vocabulary=100, **ENTRY)},
    tokenizers={"t": Tokenizer(id="a/tokenizer", language="ko", vocabulary=50, **ENTRY)},
    bridges={"b": Bridge(id="a/bridge", dimensions=4, pooling="cls", **ENTRY)},
)
# Two layers of four 8 x 8 matrices and two of 8 x 32; a bridge of 4 dimensions counts as twelve layers of four 4 x 4
# and two of 4 x 16.
BODY, BRIDGE_BODY = 2 * (4 * 64 + 2 * 256), 12 * (4 * 16 + 2 * 64)
ENCODER, TOKENIZER, BRIDGE = (Hub(f"a/{name}", "c0ffee") for name in ("encoder", "tokenizer", "bridge"))
EXPECTED = {"documents": 1000, "queries": 10, "train_pairs": 40}
FAQ = Artifact(COLLECTION, {"hub": "a/faq", "expected": EXPECTED})
READ = {"k": 100, "max_length": 512, "precision": "float32"}
RATES = Rates("CPU", 1, {"float32": 1e6, "bfloat16": 1e7}, 0.5, 0.25, 1e3, 1e4, 100.0, "float32")


@pytest.fixture
def sizes():
    return Sizes(CATALOG)


def test_bert_base_has_85_million_weights_in_its_body():
    assert BASE.parameters == 84_934_656  # 12 x (4 x 768^2 + 2 x 768 x 3072), of the model's 110 million
    assert forward(BASE.parameters, 768, 30_522) == 216_751_104


def test_an_evaluation_is_its_tokens_through_body_and_head(sizes):
    base = work(Artifact(EVALUATION, READ, {"encoder": ENCODER, "collection": FAQ}), sizes)
    assert (
        base.encode == 2 * (BODY + 8 * 100) * (1000 * 128 + 10 * 16)
        and base.pairs == 10_000
        and base.precision == "float32"
    )
    transplanted = Artifact(
        EVALUATION, READ | {"max_length": 100}, {"encoder": ENCODER, "tokenizer": TOKENIZER, "collection": FAQ}
    )
    assert work(transplanted, sizes).encode == 2 * (BODY + 8 * 50) * (1000 * 100 + 10 * 16)


@pytest.mark.parametrize(
    ("max_length", "tokens"), [(512, 24 + 192), (150, 24 + 150)]
)  # the longest of 2 is 1 + 1/2 times the mean of 16 and 128
def test_training_is_three_times_forward_of_padded_texts(sizes, max_length, tokens):
    training = {"max_pairs": None, "epochs": 2, "batch_size": 2, "max_length": max_length, "precision": "bfloat16"}
    inputs = {"encoder": ENCODER, "tokenizer": TOKENIZER, "pairs": FAQ}
    trained = Artifact(TRAINED_ENCODER, {"training": training}, inputs)
    found = work(trained, sizes)
    assert found == Work(train=3 * 2 * (BODY + 8 * 50) * 40 * 2 * tokens, precision="bfloat16")
    few = Artifact(TRAINED_ENCODER, {"training": training | {"max_pairs": 10}}, inputs)
    assert work(few, sizes).train == pytest.approx(found.train / 4)
    evaluated = work(Artifact(EVALUATION, READ, {"trained": trained, "collection": FAQ}), sizes)
    assert evaluated.encode == 2 * (BODY + 8 * 50) * 128_160
    curve = Artifact(
        TRAINED_ENCODER, {"training": training, "points": 3, "evaluation": READ}, inputs | {"collection": FAQ}
    )
    assert work(curve, sizes) == Work(
        encode=4 * evaluated.encode, train=found.train, pairs=4 * 10_000, precision="bfloat16"
    )


@pytest.mark.parametrize(("alpha", "compared"), [(4, 4), (1, 4 + 8)])
def test_an_initialization_compares_all_tokens_with_all(sizes, alpha, compared):
    vectors = Artifact(BRIDGE_VECTORS, {}, {"bridge": BRIDGE, "tokenizer": TOKENIZER})
    inputs = {"encoder": ENCODER, "tokenizer": TOKENIZER, "bridge_source": vectors, "bridge_target": vectors}
    sembridge = Artifact(INITIALIZATION, {"initializer": "sembridge", "settings": {"alpha": alpha}}, inputs)
    assert work(sembridge, sizes) == Work(mix=2 * 50 * 100 * compared)
    assert work(vectors, sizes) == Work(encode=2 * BRIDGE_BODY * 4 * 50)
    mean = Artifact(
        INITIALIZATION, {"initializer": "mean", "settings": {}}, {"encoder": ENCODER, "tokenizer": TOKENIZER}
    )
    assert work(mean, sizes) == Work()


def test_text_that_is_learned_from(sizes):
    text = Member(FAQ, "corpus.jsonl")
    assert work(Artifact(AUXILIARY_VECTORS, {}, {"tokenizer": TOKENIZER, "text": text}), sizes) == Work(
        words=3 * 128_000
    )
    auxiliary = Artifact(AUXILIARY_VECTORS, {"epochs": 1}, {"tokenizer": TOKENIZER, "text": text})
    assert work(auxiliary, sizes) == Work(words=128_000)
    read = {"encoder": ENCODER, "tokenizer": TOKENIZER}
    focus = Artifact(INITIALIZATION, {"initializer": "focus", "settings": {}}, {**read, "auxiliary": auxiliary})
    assert work(focus, sizes) == Work(mix=2 * 50 * 100 * 100)
    short = Artifact(AUXILIARY_VECTORS, {"dimension": 8}, auxiliary.inputs)
    focus = Artifact(INITIALIZATION, {"initializer": "focus", "settings": {}}, {**read, "auxiliary": short})
    assert work(focus, sizes) == Work(mix=2 * 50 * 100 * 8)
    words = Artifact(SUBWORD_VECTORS, {}, {"source": ENCODER, "target": TOKENIZER, "bridge": BRIDGE, "text": text})
    assert work(words, sizes) == Work(
        encode=2 * BRIDGE_BODY * 4 * (100 + 100_000)
    )  # no more than the 100,000 most frequent words
    ofa = Artifact(INITIALIZATION, {"initializer": "ofa", "settings": {}}, {**read, "words": words})
    assert work(ofa, sizes) == Work(mix=2 * 50 * 100 * 4)
    for most, expected in ((100_000, 100_000), (500_000, 128_000)):
        counted = Artifact(WORD_COUNTS, {"language": "ko", "most": most}, {"text": text})
        vectors = Artifact(WORD_VECTORS, {}, {"bridge": BRIDGE, "words": counted})
        assert work(counted, sizes) is None and work(vectors, sizes) == Work(encode=2 * BRIDGE_BODY * 4 * expected)


def test_reference_rows(sizes):
    assert work(Artifact(BM25, {}, {"collection": FAQ}), sizes) == Work(pairs=10_000)
    dense = work(Artifact(DENSE, READ, {"bridge": BRIDGE, "collection": FAQ}), sizes)
    assert dense == Work(encode=2 * BRIDGE_BODY * 128_160, mix=2 * 10_000 * 4, pairs=10_000)
    sparse = Artifact(REFERENCE, READ | {"kind": "sparse-encoder"}, {"encoder": ENCODER, "collection": FAQ})
    assert work(sparse, sizes).encode == 2 * (BODY + 8 * 100) * 128_160
    assert work(Artifact(REFERENCE, READ | {"kind": "bge-m3"}, sparse.inputs), sizes).encode == 2 * BODY * 128_160


def test_stored_vectors_are_encoded_once_and_searched_by_each_evaluation(sizes):
    inputs = {"encoder": ENCODER, "collection": FAQ}
    whole = work(Artifact(EVALUATION, READ, inputs), sizes)
    encoding = {"max_length": 512, "precision": "float32"}
    half = Artifact(VECTORS, encoding | {"share": 0, "shares": 2}, inputs)
    assert work(half, sizes) == Work(encode=whole.encode / 2)
    searched = {"k": 100, "query_idf": True}, {"collection": FAQ, "vectors-0000": half}
    assert work(Artifact(EVALUATION, *searched), sizes) == Work(pairs=10_000)
    ready = Artifact(REFERENCE_VECTORS, encoding | {"kind": "sparse-encoder"}, inputs)
    assert work(ready, sizes) == Work(encode=whole.encode)
    searched = {"k": 100, "kind": "sparse-encoder", "query_idf": True}, {"collection": FAQ, "vectors-0000": ready}
    assert work(Artifact(REFERENCE, *searched), sizes) == Work(pairs=10_000)


def test_seconds_are_work_by_rates():
    done = Work(encode=1e6, train=1e6, mix=2e3, pairs=3e4, words=400)
    assert done.seconds(RATES) == pytest.approx(1e6 / 0.5e6 + 1e6 / 0.25e6 + 2 + 3 + 4)
    assert Work(encode=1e7, precision="bfloat16").seconds(RATES) == pytest.approx(2)
    assert Work(encode=1e6, precision="auto").seconds(RATES) == pytest.approx(2)
    with pytest.raises(UnknownError, match="float16: add --calibrate"):
        Work(encode=1, precision="float16").seconds(RATES)
    assert amounts(done) == "2.0 MFLOP, 3.0e+04 scores, 4.0e+02 words" and amounts(Work(train=1.2e19)) == "12.0 EFLOP"


def test_the_pocket_has_no_estimate(sizes):
    pocket = Member(Artifact(POCKET_TEXT, {}), "ko")
    assert work(Artifact(BM25, {}, {"collection": pocket}), sizes) is None
