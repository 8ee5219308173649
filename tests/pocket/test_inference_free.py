"""Weights of query tokens: the formula by hand, the pocket's own weights, and sentence-transformers giving a query the same."""

from __future__ import annotations

import math

import pytest
import torch
from sentence_transformers import SparseEncoder

from harness.pocket.inference_free import token_weights, weigh
from harness.pocket.tokenizers import wordpiece
from sembridge.encoder import load_encoder, load_tokenizer
from sembridge.parts import parts


def test_weights_by_hand():
    """Three of four texts have "a" (one of them twice), one has "b", none has "c"; special tokens are in every text."""
    tokenizer = wordpiece(["a b c"], 60, lowercase=True)
    weights = token_weights(tokenizer, ["a a", "a b", "a", ""])
    of = dict(zip(tokenizer.convert_ids_to_tokens(range(len(tokenizer))), weights.tolist(), strict=True))
    assert of["a"] == pytest.approx(math.log(1.5 / 3.5 + 1))
    assert of["b"] == pytest.approx(math.log(3.5 / 1.5 + 1))
    assert of["c"] == pytest.approx(math.log(4.5 / 0.5 + 1))
    assert [of[token] for token in tokenizer.all_special_tokens] == [0.0] * 5
    assert weights.dtype == torch.float32


def test_a_query_is_what_its_tokens_weigh():
    weights = torch.tensor([0.0, 1.0, 2.0, 4.0])
    texts = {"input_ids": torch.tensor([[1, 3, 3], [2, 1, 0]]), "attention_mask": torch.tensor([[1, 1, 1], [1, 0, 0]])}
    assert weigh(weights, texts).tolist() == [[0.0, 1.0, 0.0, 4.0], [0.0, 0.0, 2.0, 0.0]]


def test_the_stored_weights_are_those_of_the_text(encoders, pocket_text):
    lines = (pocket_text / "text" / "en.txt").read_text(encoding="utf-8").splitlines()
    found = parts(load_encoder(str(encoders["inference-free"])))
    assert torch.equal(found.query.weight, token_weights(found.tokenizer, lines))
    assert not found.query.weight.requires_grad and found.query.weight.min() == 0.0
    assert {*torch.nonzero(found.query.weight == 0).flatten().tolist()} == {*found.tokenizer.all_special_ids}
    of = found.query.weight[found.tokenizer.convert_tokens_to_ids(["the", "slum"])]
    assert 0 < of[0] < 0.5 < 3 < of[1]


def test_sentence_transformers_gives_queries_the_weights_we_trained_with(encoders):
    texts = ["Three words confuse me: the slum, the slum", "journey"]
    loaded = SparseEncoder(str(encoders["inference-free"]), device="cpu")
    tokenizer = load_tokenizer(str(encoders["inference-free"]))
    ours = weigh(parts(loaded).query.weight, dict(tokenizer(texts, padding=True, return_tensors="pt")))
    assert torch.equal(loaded.encode_query(texts).to_dense(), ours)
