"""Embed vocabularies with small bridges of each kind, built here: static embeddings and a tiny transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding, Transformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from sembridge.bridge import embed_vocabulary, load_bridge
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.products_seen import products_seen
from tests.helpers.transfers_made import plain_vocabulary

SIZE = 6


def static(backend: Tokenizer, rows: np.ndarray | None = None) -> Any:
    if rows is None:
        rows = np.random.default_rng(0).standard_normal((backend.get_vocab_size(), SIZE))
    return SentenceTransformer(modules=[StaticEmbedding(backend, embedding_weights=rows.astype(np.float32))])


def wordpiece(*tokens: str) -> Tokenizer:
    backend = Tokenizer(
        models.WordPiece({token: i for i, token in enumerate(("[PAD]", "[UNK]", *tokens))}, unk_token="[UNK]")
    )
    backend.normalizer, backend.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    return backend


def metaspace(*tokens: str) -> Tokenizer:
    """As XLM-RoBERTa cuts, the tokenizer of bge-m3 and of the e5 family: every text begins with a space mark."""
    backend = Tokenizer(models.Unigram([(token, -1.0) for token in ("<unk>", "▁", *tokens)], unk_id=0))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    return backend


@pytest.fixture(scope="module")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A two-dimensional BERT whose tokenizer, once it has padded a batch, goes on padding."""
    folder = tmp_path_factory.mktemp("bridge")
    backend = wordpiece("[CLS]", "[SEP]", "play", "##ing", "cat", "query", ":")
    PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=9,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    module = Transformer(str(folder))
    return SentenceTransformer(modules=[module, Pooling(8)], device="cpu")


def test_vectors_are_those_of_the_bridge():
    model = static(wordpiece("play", "cat"))
    answer = embed_vocabulary(model, plain_vocabulary(["Cat", "play", "play cat"]))
    assert answer.vectors.dtype == np.float32 and answer.vectors.shape == (3, SIZE) and answer.known.all()
    assert np.array_equal(answer.vectors, model.encode(["Cat", "play", "play cat"]))


@pytest.mark.parametrize("make", [wordpiece, metaspace])
def test_unknown_pieces_only(make):
    known = {
        "play": True,
        "안": False,
        "안녕": False,
        "안 녕": False,
        "play 안": True,
        "안 play": True,
        "cat": True,
        "🙂": False,
    }
    mark = "▁" if make is metaspace else ""
    model = static(make(f"{mark}play", f"{mark}cat"))
    answer = embed_vocabulary(model, plain_vocabulary(list(known)))
    assert dict(zip(known, answer.known.tolist(), strict=True)) == known
    assert not answer.vectors[~answer.known].any() and answer.vectors[answer.known].any(axis=1).all()


def test_unknown_pieces_of_a_transformer(transformer):
    known = {"play": True, "안": False, "playing": True, "안녕 안녕": False, "cat 안": True}
    vocabulary = plain_vocabulary(list(known))
    assert dict(zip(known, embed_vocabulary(transformer, vocabulary).known.tolist(), strict=True)) == known
    again = embed_vocabulary(transformer, vocabulary)
    assert dict(zip(known, again.known.tolist(), strict=True)) == known, (
        "a bridge that has embedded once pads its batches; padding is no knowledge"
    )


def test_a_bridge_without_unknown_token_knows_everything():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({character: i for i, character in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel()
    assert embed_vocabulary(static(backend), plain_vocabulary(["play", "안", "🙂"])).known.all()


def test_vectors_that_say_nothing_are_not_known():
    rows = np.random.default_rng(0).standard_normal((6, SIZE))
    rows[3], rows[4, 2], rows[5, 0] = 0, np.nan, np.inf
    answer = embed_vocabulary(
        static(wordpiece("play", "zero", "nan", "inf"), rows), plain_vocabulary(["play", "zero", "nan", "inf"])
    )
    assert (
        answer.known.tolist() == [True, False, False, False]
        and np.isfinite(answer.vectors).all()
        and not answer.vectors[1:].any()
    )


@pytest.mark.parametrize("tokens", [["안", "녕"], ["\x00a", "\x00b"]], ids=["all unknown", "no texts"])
def test_a_vocabulary_the_bridge_knows_nothing_of(tokens):
    answer = embed_vocabulary(static(wordpiece("play")), plain_vocabulary(tokens))
    assert answer.vectors.shape == (2, SIZE) and answer.vectors.dtype == np.float32
    assert not answer.known.any() and not answer.vectors.any()


def test_prompt_is_applied(transformer):
    vocabulary = plain_vocabulary(["cat", "play"])
    for model in (transformer, static(wordpiece("query", ":", "cat", "play"))):
        plain, prompted = embed_vocabulary(model, vocabulary), embed_vocabulary(model, vocabulary, prompt="query: ")
        np.testing.assert_allclose(prompted.vectors, model.encode(["query: cat", "query: play"]), rtol=1e-5)
        assert not np.allclose(plain.vectors, prompted.vectors)


def test_the_bridge_takes_the_faster_products(transformer, monkeypatch):
    vocabulary = plain_vocabulary(["cat", "play"])
    expected = embed_vocabulary(transformer, vocabulary)
    monkeypatch.setattr("sembridge.encoder.matmul.FEWEST_ROWS", 1)
    products = products_seen(monkeypatch)
    np.testing.assert_allclose(embed_vocabulary(transformer, vocabulary).vectors, expected.vectors, rtol=1e-5)
    assert products


def test_prompt_makes_no_unknown_token_known():
    model = static(wordpiece("query", ":", "cat"))
    assert embed_vocabulary(model, plain_vocabulary(["cat", "안"]), prompt="query: ").known.tolist() == [True, False]


def test_batch_size_does_not_matter(transformer):
    vocabulary = plain_vocabulary(["cat", "play", "playing", "cat play playing cat", "안"])
    singly, all_at_once = (embed_vocabulary(transformer, vocabulary, batch_size=size) for size in (1, 64))
    np.testing.assert_allclose(singly.vectors, all_at_once.vectors, atol=1e-6)
    assert singly.known.tolist() == all_at_once.known.tolist()


def test_a_bridge_is_read_from_a_folder(tmp_path):
    model = static(wordpiece("play", "cat"))
    model.save_pretrained(str(tmp_path), create_model_card=False)
    vocabulary = plain_vocabulary(["play", "cat", "안"])
    loaded = embed_vocabulary(load_bridge(str(tmp_path), device="cpu"), vocabulary)
    assert loaded.vectors.tobytes() == embed_vocabulary(
        model, vocabulary
    ).vectors.tobytes() and loaded.known.tolist() == [True, True, False]


def with_profile(vocabulary: Vocabulary, profile: str, texts: tuple[str | None, ...]) -> Vocabulary:
    return Vocabulary(vocabulary.kind, vocabulary.tokens, texts, vocabulary.word_initial, vocabulary.roles, profile)


def test_tokens_without_text_are_embedded_as_they_are_stored(transformer):
    """They may donate; the vectors of the others keep their bits, although batches of a transformer change them."""
    tokens = ["cat", "play cat", "[unused1]", "playing cat", "\x00", "[CLS]"]
    mixed = plain_vocabulary(tokens, [None, None, "special", None, None, "cls"])
    plain = embed_vocabulary(transformer, plain_vocabulary(["cat", "play cat", "playing cat"]))
    answer = embed_vocabulary(transformer, mixed)
    assert answer.vectors[mixed.has_text].tobytes() == plain.vectors.tobytes()
    assert answer.known.tolist() == [True, True, False, True, False, True], "this bridge knows nothing of unused1"
    np.testing.assert_allclose(answer.vectors[5], transformer.encode("[CLS]"), rtol=1e-5)


def test_holes_are_never_embedded():
    holed = Vocabulary("wordpiece", (None, "play"), (None, "play"), np.ones(2, dtype=bool), (None, None))
    for profile in ("fixed", "compat"):
        answer = embed_vocabulary(static(wordpiece("play", "none")), with_profile(holed, profile, holed.texts))
        assert answer.known.tolist() == [False, True] and not answer.vectors[0].any()


def test_compat_knows_what_the_bridge_does_not():
    """Row 13: letters the bridge has never seen are one and the same vector."""
    vocabulary = plain_vocabulary(["play", "안", "녕"])
    model = static(wordpiece("play"))
    assert embed_vocabulary(model, vocabulary).known.tolist() == [True, False, False]
    answer = embed_vocabulary(model, with_profile(vocabulary, "compat", vocabulary.texts))
    assert answer.known.all() and answer.vectors[1].any() and np.array_equal(answer.vectors[1], answer.vectors[2])


def test_compat_has_no_use_for_vectors_without_direction():
    rows = np.random.default_rng(0).standard_normal((5, SIZE))
    rows[3], rows[4, 2] = 0, np.nan
    vocabulary = plain_vocabulary(["play", "zero", "nan"])
    answer = embed_vocabulary(
        static(wordpiece("play", "zero", "nan"), rows), with_profile(vocabulary, "compat", vocabulary.texts)
    )
    assert answer.known.tolist() == [True, False, False] and not answer.vectors[1:].any()


E5 = {"query": "query: ", "passage": "passage: "}


def test_without_a_prompt_the_bridges_own_precedes_every_text_and_once_alone(transformer):
    vocabulary = plain_vocabulary(["cat", "play"])
    expected = {text: embed_vocabulary(transformer, vocabulary, prompt=text).vectors for text in ("", "query: ")}
    assert not np.allclose(expected[""], expected["query: "])
    own = SentenceTransformer(modules=list(transformer), prompts=E5, default_prompt_name="query")
    np.testing.assert_array_equal(embed_vocabulary(own, vocabulary).vectors, expected["query: "])
    np.testing.assert_array_equal(embed_vocabulary(own, vocabulary, prompt="").vectors, expected[""])
