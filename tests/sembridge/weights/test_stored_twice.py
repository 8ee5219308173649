"""Two tensors for one parameter: different ones are refused or named, equal ones pass; what is used is what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from sembridge.weights.check import check_weights
from sembridge.weights.stored import header, same_values
from tests.helpers.families_made import family_folder
from tests.helpers.spoiled_models import rewritten, sharded

EMBEDDING = {
    "bert": "bert.embeddings.word_embeddings.weight",
    "roberta": "roberta.embeddings.word_embeddings.weight",
    "distilbert": "distilbert.embeddings.word_embeddings.weight",
}
DECODER = {
    "bert": "cls.predictions.decoder.weight",
    "roberta": "lm_head.decoder.weight",
    "distilbert": "vocab_projector.weight",
}


@pytest.fixture(scope="module")
def bert(tmp_path_factory) -> str:
    return family_folder(tmp_path_factory.mktemp("bert"), "bert")


def refusal(folder: Path) -> str:
    with pytest.raises(ValueError) as early:
        check_weights(str(folder))
    with pytest.raises(ValueError) as late:
        load_encoder(str(folder))
    assert str(early.value) == str(late.value) and "\n" not in str(early.value)
    return str(early.value)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("bert.embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.gamma"),
        ("bert.embeddings.LayerNorm.bias", "bert.embeddings.LayerNorm.beta"),
        ("bert.encoder.layer.0.output.dense.weight", "encoder.layer.0.output.dense.weight"),
        ("bert.embeddings.word_embeddings.weight", "bert.bert.embeddings.word_embeddings.weight"),
    ],
)
def test_a_second_name(bert, tmp_path, name, other):
    folder = rewritten(bert, tmp_path / "other", lambda tensors: tensors | {other: tensors[name] + 1})
    message = refusal(folder)
    first, second = sorted((name, other))
    assert f"stores {first} and {second} for one parameter of BertForMaskedLM, with different values" in message
    check_weights(str(rewritten(bert, tmp_path / "same", lambda tensors: tensors | {other: tensors[name].clone()})))


@pytest.mark.parametrize("family", DECODER)
def test_a_decoder_beside_a_flag_that_ties_it(family, tmp_path, caplog):
    whole = family_folder(tmp_path / "whole", family, tied=False)
    folder = rewritten(whole, tmp_path / "model", lambda tensors: tensors, tie_word_embeddings=True)
    stored = load_file(folder / "model.safetensors")
    check_weights(str(folder))
    (line,) = [message for message in caplog.messages if DECODER[family] in message]
    assert f"stores {DECODER[family]} and {EMBEDDING[family]} with different values, although its config.json" in line
    assert f"; {DECODER[family]} is used in the decoder" in line and "\n" not in line
    model = splade_modules(load_encoder(str(folder))).model
    assert torch.equal(model.get_output_embeddings().weight, stored[DECODER[family]])
    assert torch.equal(model.get_input_embeddings().weight, stored[EMBEDDING[family]])


def test_an_equal_decoder_beside_a_flag_that_ties_it(bert, tmp_path, caplog):
    def stored(tensors):
        return tensors | {DECODER["bert"]: tensors[EMBEDDING["bert"]].clone()}

    folder = str(rewritten(bert, tmp_path / "model", stored))
    check_weights(folder)
    assert not caplog.messages
    model = splade_modules(load_encoder(folder)).model
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_a_second_bias(bert, tmp_path, caplog):
    name, other = "cls.predictions.decoder.bias", "cls.predictions.bias"
    folder = str(rewritten(bert, tmp_path / "model", lambda tensors: tensors | {name: tensors[other] + 3}))
    check_weights(folder)
    assert f"stores {name} and {other} with different values" in caplog.messages[-1]
    bias = splade_modules(load_encoder(folder)).model.get_output_embeddings().bias
    assert torch.equal(bias, load_file(f"{folder}/model.safetensors")[name])


def test_a_tensor_in_two_shards(bert, tmp_path):
    folder = sharded(bert, tmp_path / "model")
    first, second = sorted(folder.glob("*.safetensors"))
    tensor, values = sorted(load_file(first).items())[0]
    others = load_file(second)
    save_file(others | {tensor: values}, second, metadata={"format": "pt"})
    check_weights(str(folder))
    save_file(others | {tensor: values + 1}, second, metadata={"format": "pt"})
    index = folder / "model.safetensors.index.json"
    assert refusal(folder) == f"{index} names files that hold {tensor} twice; get the model's files again"
    assert tensor in json.loads(index.read_text())["weight_map"]


def test_values_are_compared_byte_by_byte(tmp_path):
    large = torch.arange(700_000, dtype=torch.float32)  # several blocks
    last = large.clone()
    last[-1] += 1
    save_file({"a": large, "b": large.clone(), "c": last, "d": large.half()}, tmp_path / "model.safetensors")
    a, b, c, d = (header(tmp_path / "model.safetensors")[name] for name in "abcd")
    assert same_values(a, b) and not same_values(a, c) and not same_values(a, d)
