"""Weights of query tokens: computed by the pocket, and by sentence-transformers."""

from __future__ import annotations

import torch
from sentence_transformers import SparseEncoder

from harness.pocket.inference_free import weigh
from sembridge.encoder.idf import idf
from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.encoder.modules import splade_modules


def test_the_tokens_of_a_query_give_its_weights():
    weights = torch.tensor([0.0, 1.0, 2.0, 4.0])
    texts = {"input_ids": torch.tensor([[1, 3, 3], [2, 1, 0]]), "attention_mask": torch.tensor([[1, 1, 1], [1, 0, 0]])}
    assert weigh(weights, texts).tolist() == [[0.0, 1.0, 0.0, 4.0], [0.0, 0.0, 2.0, 0.0]]


def test_the_stored_weights_are_those_of_the_text(encoders, pocket_text):
    lines = (pocket_text / "text" / "en.txt").read_text(encoding="utf-8").splitlines()
    encoder = splade_modules(load_encoder(str(encoders["inference-free"])))
    weights = encoder.query.weight
    assert torch.equal(weights, torch.from_numpy(idf(lines, encoder.tokenizer, len(encoder.tokenizer))))
    assert not weights.requires_grad and weights.min() == 0.0
    assert {*torch.nonzero(weights == 0).flatten().tolist()} == {*encoder.tokenizer.all_special_ids}
    frequent, rare = weights[encoder.tokenizer.convert_tokens_to_ids(["the", "slum"])]
    assert 0 < frequent < 0.5 < 3 < rare


def test_sentence_transformers_gives_queries_the_weights_we_trained_with(encoders):
    texts = ["Three words confuse me: the slum, the slum", "journey"]
    loaded = SparseEncoder(str(encoders["inference-free"]), device="cpu")
    tokenizer = load_tokenizer(str(encoders["inference-free"]))
    ours = weigh(splade_modules(loaded).query.weight, dict(tokenizer(texts, padding=True, return_tensors="pt")))
    assert torch.equal(loaded.encode_query(texts).to_dense(), ours)
