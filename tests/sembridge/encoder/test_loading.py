"""What is loaded as a sparse encoder or a tokenizer, and what is refused, with the reason in the message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Normalize
from tokenizers import Tokenizer, models
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from sembridge.encoder.loading import check_folder, load_encoder, load_tokenizer
from sembridge.encoder.modules import SIDES, splade_modules
from tests.helpers.families_made import (
    FAMILIES,
    POSITIONS,
    family_folder,
    family_model,
    represented,
    source_tokenizer,
    texts,
)
from tests.helpers.tokenizers_made import made_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return family_folder(tmp_path_factory.mktemp("bert"), "bert")


def described(folder: Path, config: Any) -> str:
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize("name", ["naver/splade-v3", "bert-base-uncased", "not/here"])
def test_hub_ids_pass_the_folder_check(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_folder(name)


@pytest.mark.parametrize("path", ["./none", "../none", "~/none", "/none/at/all"])
def test_missing_folder(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="does not exist; check the path") as error:
        load_encoder(path)
    assert repr(path) in str(error.value)


def test_folder_without_config(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(
        ValueError,
        match=r"has no config\.json; a masked-LM folder has config\.json, model\.safetensors and a tokenizer",
    ):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ({"architectures": ["BertModel"]}, "BertModel"),
        ({"architectures": ["A", "B"]}, "A, B"),
        ({}, "none"),
        ({"architectures": None}, "none"),
    ],
)
def test_no_masked_lm(config, shown, tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ValueError, match=rf"is not a masked LM \(architectures: {shown}\); choose a SPLADE encoder"):
        load_encoder(described(tmp_path, config))


def test_dense_encoder_is_refused_and_not_turned_into_an_untrained_autoencoder(tmp_path):
    BertModel(
        BertConfig(vocab_size=200, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    ).save_pretrained(tmp_path)
    made_tokenizer("wordpiece", "english").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="not a masked LM"):
        load_encoder(str(tmp_path))


def test_pickled_weights_are_not_loaded(tmp_path):
    tokenizer = source_tokenizer("bert")
    model = family_model("bert", len(tokenizer), tokenizer.pad_token_id)
    model.config.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    described(tmp_path, {**config, "architectures": ["BertForMaskedLM"]})
    tokenizer.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match=r"has no \.safetensors file; convert its weights, pickled weights are not loaded"
    ):
        load_encoder(str(tmp_path))


def test_other_modules_than_a_masked_lm_and_splade_pooling(folder, tmp_path):
    SparseEncoder(modules=[*load_encoder(folder), Normalize()]).save_pretrained(str(tmp_path), create_model_card=False)
    with pytest.raises(
        ValueError, match="is not a SPLADE encoder: the modules are Transformer, SpladePooling, Normalize; expected"
    ):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize("family", FAMILIES)
def test_plain_folder_and_saved_encoder_are_the_same(family, tmp_path):
    encoder = load_encoder(family_folder(tmp_path / "plain", family))
    assert not encoder.training and not splade_modules(encoder).model.training
    activation = "log1p_relu" if family == "inference-free" else "relu"
    assert (
        splade_modules(encoder).pooling.pooling_strategy == "max"
        and splade_modules(encoder).pooling.activation_function == activation
    )
    encoder.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    again = load_encoder(str(tmp_path / "saved"))
    for side in SIDES:
        assert (
            represented(again, texts()[:10], side=side).tobytes()
            == represented(encoder, texts()[:10], side=side).tobytes()
        )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tokenizer_without_a_limit_cannot_overrun_the_positions(family, tmp_path):
    """RoBERTa has two rows more than positions; sentence-transformers takes them for positions."""
    encoder = load_encoder(family_folder(tmp_path, family))
    assert (
        source_tokenizer(family).model_max_length > 10**9
        and splade_modules(encoder).transformer.max_seq_length == POSITIONS
    )
    assert torch.isfinite(torch.from_numpy(represented(encoder, ["cat " * 300]))).all()


def test_a_shorter_limit_stays(tmp_path):
    family_folder(tmp_path, "roberta")
    tokenizer = source_tokenizer("roberta")
    tokenizer.model_max_length = 11
    tokenizer.save_pretrained(tmp_path)
    assert load_encoder(str(tmp_path)).max_seq_length == 11


def test_tokenizer_with_a_pad_token(tmp_path):
    made_tokenizer("unigram", "russian").save_pretrained(tmp_path)
    tokenizer = load_tokenizer(str(tmp_path))
    assert (
        tokenizer.pad_token == "<pad>"
        and tokenizer("кот")["input_ids"] == made_tokenizer("unigram", "russian")("кот")["input_ids"]
    )


def test_tokenizer_without_a_pad_token(tmp_path):
    PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"a": 0, "u": 1}, unk_token="u")), unk_token="u"
    ).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"has no pad token; set pad_token in its tokenizer_config\.json") as error:
        load_tokenizer(str(tmp_path))
    assert repr(str(tmp_path)) in str(error.value)
