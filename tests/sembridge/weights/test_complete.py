"""Which parameters a file must have, which tensors may be there unread, and how a refusal says what to do."""

from __future__ import annotations

import logging

import pytest
import torch

from sembridge.encoder.loading import load_encoder
from sembridge.pipeline import transfer
from sembridge.weights.check import check_weights
from sembridge.weights.complete import Report, check_complete, unread
from tests.helpers.families_made import family_folder, family_model, russian, source_tokenizer
from tests.helpers.spoiled_models import BROKEN, HEAD, refusals, rewritten, without


@pytest.mark.parametrize("name", BROKEN)
def test_missing_and_misnamed_tensors(bert, tmp_path, name):
    change, settings, words = BROKEN[name]
    folder = rewritten(bert, tmp_path / "model", change, **settings)
    message = refusals(folder)
    assert message.startswith(f"model {str(folder)!r} lacks ") and "which would be initialized at random; " in message
    assert all(word in message for word in words), message
    with pytest.raises(ValueError, match="would be initialized at random"):
        transfer(folder, russian(), "mean")


@pytest.mark.parametrize("name", BROKEN)
def test_the_loading_does_not_rely_on_the_check(bert, tmp_path, name, monkeypatch):
    monkeypatch.setattr("sembridge.weights.check.check_weights", None)
    monkeypatch.setattr("sembridge.encoder.loading.check_files", lambda model: None)
    change, settings, words = BROKEN[name]
    with pytest.raises(ValueError, match="would be initialized at random") as error:
        load_encoder(str(rewritten(bert, tmp_path / "model", change, **settings)))
    assert words[0] in str(error.value)


@pytest.mark.parametrize("family", ["roberta", "distilbert"])
@pytest.mark.parametrize(("part", "words"), [("lm_head.dense", HEAD), ("vocab_", HEAD), ("word_emb", "files again")])
def test_other_families_lack_what_their_names_say(tmp_path, family, part, words):
    whole = family_folder(tmp_path / "whole", family)
    folder = rewritten(whole, tmp_path / "model", without(part))
    if part == {"roberta": "vocab_", "distilbert": "lm_head.dense"}[family]:
        check_weights(str(folder))  # nothing has this name
    else:
        assert words in refusals(folder)


def test_the_bias_that_transformers_4_stored_once(tmp_path):
    untied = family_folder(tmp_path / "untied", "bert", tied=False)
    folder = rewritten(untied, tmp_path / "old", without("decoder.bias"))
    assert refusals(folder).endswith(
        "store 'cls.predictions.bias' as 'cls.predictions.decoder.bias', too: transformers 4 shared the two"
    )
    unused = rewritten(untied, tmp_path / "new", without("cls.predictions.bias"))
    check_weights(str(unused))  # the untied decoder adds its own
    assert load_encoder(str(unused)).stored_dtype == "float32"


def test_other_shapes(bert, tmp_path):
    for settings, words in (
        ({"vocab_size": 7}, "stores bert.embeddings.word_embeddings.weight as [300, 32], but its config.json makes it"),
        ({"intermediate_size": 40}, "stores bert.encoder.layer.0.intermediate.dense.bias as [48], but"),
    ):
        folder = rewritten(bert, tmp_path / next(iter(settings)), lambda tensors: tensors, **settings)
        message = refusals(folder)
        assert words.partition(" as ")[0] in message and message.endswith("or get the model's files again")


def test_tensors_that_nobody_reads_are_named_once(bert, tmp_path, caplog):
    def more(tensors):
        others = ("bert.pooler.dense.bias", "cls.seq_relationship.bias", "bert.embeddings.position_ids", "adapter.up")
        return tensors | {name: torch.zeros(3) for name in others}

    folder = str(rewritten(bert, tmp_path / "more", more))
    with caplog.at_level(logging.WARNING):
        check_weights(folder)
        load_encoder(folder)
        load_encoder(folder)
    said = f"model {folder!r} stores 1 tensor that BertForMaskedLM does not read (adapter.up); check that its config."
    assert [record.getMessage().startswith(said) for record in caplog.records] == [True]
    deeper = str(rewritten(bert, tmp_path / "deep", lambda tensors: tensors, num_hidden_layers=1))
    check_weights(deeper)
    assert "stores 16 tensors that BertForMaskedLM does not read (bert.encoder.layer.1." in caplog.messages[-1]


def test_quantized_weights(bert, tmp_path):
    def small(tensors):
        return tensors | {"bert.embeddings.LayerNorm.bias": torch.zeros(32, dtype=torch.int8)}

    message = refusals(rewritten(bert, tmp_path / "small", small))
    assert "stores bert.embeddings.LayerNorm.bias as I8: quantized weights are not loaded" in message


def test_what_no_gradient_reaches_is_not_read():
    tokenizer = source_tokenizer("bert")
    model = family_model("bert", len(tokenizer), tokenizer.pad_token_id, tied=False)
    names = dict(model.named_parameters()).keys()
    assert unread(type(model), model.config, names, "logits") == {"cls.predictions.bias"}
    assert unread(type(model), model.config, names, "") == set()
    assert unread(type(model), model.config, names, "no such field") == set()
    everything = frozenset(names)
    with pytest.raises(ValueError, match="'m' lacks 43 tensors"):
        check_complete("m", type(model), model.config, Report(everything, frozenset(), ()), {}, "logits")
