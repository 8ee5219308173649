"""Embedding of short texts: what `SentenceTransformer.encode` gives, each distinct reading once and without pads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3Model,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from sembridge.encoder.embed import embed

WORDS = ("query", ":", "play", "##ing", "##er", "cat", "##s", "window", "a", "the", "un", "##known")
NAMES = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", *WORDS)
TEXTS = ["playing", "the cats", "a", "Playing", "unknown window player", "cat", "the", "PLAYING", "cats the a cat"]
DISTINCT = 7  # the three forms of "playing" read alike
SHAPE: dict[str, Any] = {
    "vocab_size": len(NAMES),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "initializer_range": 0.5,
    "pad_token_id": 1,
}


def wordpiece() -> Tokenizer:
    backend = Tokenizer(models.WordPiece({name: i for i, name in enumerate(NAMES)}, unk_token="[UNK]"))
    backend.normalizer, backend.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    marks = [("[CLS]", 0), ("[SEP]", 2)]
    backend.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
    return backend


def bert() -> Any:
    return BertModel(BertConfig(**SHAPE))


def roberta() -> Any:
    return XLMRobertaModel(XLMRobertaConfig(**SHAPE, max_position_embeddings=40))


def decoder() -> Any:
    return Qwen3Model(Qwen3Config(**SHAPE, num_key_value_heads=2, head_dim=4, max_position_embeddings=40))


@pytest.fixture(autouse=True)
def no_list_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sembridge.encoder.embed.FEWEST_TEXTS", 1)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that returns the folder of a model and its tokenizer; each is written once."""

    @cache
    def folder_of(make: Callable[[], Any], side: str) -> Path:
        folder = tmp_path_factory.mktemp(make.__name__)
        save(folder, make, side)
        return folder

    return folder_of


def save(folder: Path, make: Callable[[], Any], side: str) -> None:
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=wordpiece(), padding_side=side, model_max_length=30, **special)
    torch.manual_seed(0)
    make().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def bridge(saved: Callable[..., Path], make: Callable[[], Any], *others: Any, side: str = "right") -> Any:
    return SentenceTransformer(modules=[Transformer(str(saved(make, side))), *others], device="cpu")


def batches_of(model: Any) -> list[tuple[int, ...]]:
    """Return a list that grows by the shape of each batch that the model is given, all of it real tokens."""
    shapes: list[tuple[int, ...]] = []

    def look(module: Any, arguments: Any) -> None:
        features = arguments[0]
        assert bool(features["attention_mask"].all())
        shapes.append(tuple(features["input_ids"].shape))

    model[0].register_forward_pre_hook(look)
    return shapes


@pytest.mark.parametrize("make", [bert, roberta, decoder])
@pytest.mark.parametrize("mode", ["mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens"])
def test_vectors_are_those_of_encode(saved, make, mode):
    side = "left" if make is decoder else "right"
    model = bridge(saved, make, Pooling(16, pooling_mode=mode), side=side)
    for prompt in ("", "query: "):
        # One text at a time: no text is padded.
        expected = model.encode(TEXTS, prompt=prompt, batch_size=1, show_progress_bar=False)
        np.testing.assert_allclose(embed(model, TEXTS, prompt=prompt), expected, rtol=0, atol=2e-6)


def test_vectors_are_those_of_all_modules_and_of_pooling_without_the_prompt(saved):
    pooling = Pooling(16, pooling_mode="mean", include_prompt=False)
    model = bridge(saved, bert, pooling, Dense(16, 5), Normalize())
    expected = model.encode(TEXTS, prompt="query: ", show_progress_bar=False)
    vectors = embed(model, TEXTS, prompt="query: ")
    assert vectors.dtype == np.float32 and vectors.shape == (len(TEXTS), 5)
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert np.abs(vectors - embed(model, TEXTS)).max() > 0.01  # the prompt is read


def test_each_reading_is_computed_once_without_pads_and_long_ones_first(saved):
    model = bridge(saved, bert, Pooling(16))
    shapes, counts = batches_of(model), []
    vectors = embed(model, TEXTS, advance=counts.append)
    # [CLS] and [SEP] surround: un ##known window play ##er; cat ##s the a cat; the cat ##s; play ##ing; a, cat, the.
    assert shapes == [(2, 7), (1, 5), (1, 4), (3, 3)]
    assert sum(rows for rows, _ in shapes) == DISTINCT
    assert counts == [2, 1, 3, 3]
    np.testing.assert_array_equal(vectors[0], vectors[3])
    np.testing.assert_array_equal(vectors[0], vectors[7])


def test_a_batch_has_at_most_so_many_texts_and_tokens(saved, monkeypatch):
    model = bridge(saved, bert, Pooling(16))
    shapes, expected = batches_of(model), embed(model, TEXTS)
    shapes.clear()
    np.testing.assert_allclose(embed(model, TEXTS, batch_size=2), expected, rtol=0, atol=1e-6)
    assert shapes == [(2, 7), (1, 5), (1, 4), (2, 3), (1, 3)]
    shapes.clear()
    monkeypatch.setattr("sembridge.encoder.embed.MOST_TOKENS_CPU", 6)
    np.testing.assert_allclose(embed(model, TEXTS), expected, rtol=0, atol=1e-6)
    assert shapes == [(1, 7), (1, 7), (1, 5), (1, 4), (2, 3), (1, 3)]


def test_texts_that_are_tokenized_apart_are_put_together_again(saved, monkeypatch):
    model = bridge(saved, bert, Pooling(16))
    expected = embed(model, TEXTS)
    monkeypatch.setattr("sembridge.encoder.embed.READ_TOGETHER", 2)
    shapes = batches_of(model)
    np.testing.assert_array_equal(embed(model, TEXTS), expected)
    assert sum(rows for rows, _ in shapes) == DISTINCT


def test_long_texts_are_cut_where_encode_cuts_them(saved):
    model = bridge(saved, bert, Pooling(16))
    model.max_seq_length = 6
    texts = ["cat " * 20, "the cat", "cat " * 21 + "the"]
    np.testing.assert_allclose(embed(model, texts), model.encode(texts, batch_size=1), rtol=0, atol=1e-6)


class Doubled(torch.nn.Module):
    """A module that sees which texts share a batch: each vector has their number."""

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        vectors = features["sentence_embedding"]
        return {**features, "sentence_embedding": vectors * 0 + len(vectors)}


def test_models_with_other_modules_are_given_the_texts_by_encode(saved):
    counts: list[int] = []
    model = bridge(saved, bert, Pooling(16), Doubled())
    vectors = embed(model, TEXTS, batch_size=len(TEXTS), advance=counts.append)
    assert (vectors == len(TEXTS)).all() and counts == [len(TEXTS)] and not model[-1]._forward_hooks


def test_static_embeddings_keep_their_bits():
    rows = np.random.default_rng(0).standard_normal((len(NAMES), 6)).astype(np.float32)
    model = SentenceTransformer(modules=[StaticEmbedding(wordpiece(), embedding_weights=rows)], device="cpu")
    np.testing.assert_array_equal(embed(model, TEXTS, batch_size=4), model.encode(TEXTS, batch_size=4))


def test_a_model_that_cuts_its_vectors_is_given_the_texts_by_encode(saved):
    model = bridge(saved, bert, Pooling(16))
    model.truncate_dim = 4
    np.testing.assert_array_equal(embed(model, TEXTS), model.encode(TEXTS, batch_size=1024))


def test_a_short_list_is_given_to_encode(saved, monkeypatch):
    monkeypatch.setattr("sembridge.encoder.embed.FEWEST_TEXTS", len(TEXTS) + 1)
    model = bridge(saved, bert, Pooling(16))
    shapes: list[tuple[int, ...]] = []
    model[0].register_forward_pre_hook(lambda module, given: shapes.append(tuple(given[0]["input_ids"].shape)))
    embed(model, TEXTS)
    assert shapes == [(len(TEXTS), 7)]
    assert embed(model, []).size == 0
