"""The texts that an encoder of the pocket trains on, and the words it has to predict."""

from __future__ import annotations

from itertools import chain
from types import SimpleNamespace

import pytest
import torch

from harness.pocket import encoder_training
from harness.pocket.encoder_training import _masked_words, _texts


def test_the_seed_decides_the_batches(monkeypatch):
    monkeypatch.setattr(encoder_training, "STEPS", 2)
    first, again, other = (list(_texts(seed)) for seed in (1, 1, 2))
    assert first == again != other and first[0] != first[1]
    assert [len(batch) for batch in first] == [2 * 6 * 4] * 2, "six families of cases and of events, of four each"
    assert all(question and passage for question, passage in chain(*first))


def test_only_masked_words_that_are_not_special_are_predicted(monkeypatch):
    """A model that is right with 3/4 of the probability about token 5: the loss is known by hand."""
    monkeypatch.setattr(encoder_training, "MASKED", 1.0)
    ids = torch.tensor([[1, 5, 5, 2, 0]])
    read = {}

    def model(input_ids, attention_mask):
        read["ids"] = input_ids.tolist()
        probabilities = torch.full((1, 5, 6), 0.05)
        probabilities[:, :, 5] = 0.75
        return SimpleNamespace(logits=probabilities.log())

    tokenizer = SimpleNamespace(all_special_ids=[0, 1, 2, 3], mask_token_id=3)
    texts = {"input_ids": ids, "attention_mask": (ids > 0).long()}
    loss = _masked_words(model, tokenizer, texts, torch.Generator().manual_seed(0))
    assert read["ids"] == [[1, 3, 3, 2, 0]]
    assert loss.item() == pytest.approx(0.28768207)  # -ln(3/4)
