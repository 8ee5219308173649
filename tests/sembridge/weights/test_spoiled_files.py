"""Files that a loader takes although a part is missing, empty or of no type of weights: refused, in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from sembridge.encoder.loading import load_encoder
from sembridge.weights.check import check_weights
from sembridge.weights.checked_load import checked_load
from tests.helpers.families_made import family_folder
from tests.helpers.spoiled_models import rewritten

LAYER = "bert.encoder.layer.1.output.dense.weight"


@pytest.fixture(scope="module")
def bert(tmp_path_factory) -> str:
    return family_folder(tmp_path_factory.mktemp("bert"), "bert")


@pytest.fixture(scope="module")
def saved(tmp_path_factory, bert) -> Path:
    """Return the same encoder as SparseEncoder.save_pretrained writes it."""
    folder = tmp_path_factory.mktemp("saved")
    load_encoder(bert).save_pretrained(str(folder), create_model_card=False)
    return folder


def refusal(folder: Path, *, early: bool = True) -> str:
    with pytest.raises(ValueError) as late:
        load_encoder(str(folder))
    if early:
        with pytest.raises(ValueError) as first:
            check_weights(str(folder))
        assert str(first.value) == str(late.value)
    assert "\n" not in str(late.value) and len(str(late.value)) < 700
    return str(late.value)


@pytest.mark.parametrize(
    ("dtype", "name"), [(torch.int64, "I64"), (torch.int32, "I32"), (torch.bool, "BOOL"), (torch.complex64, "C64")]
)
def test_types_that_would_be_cast(bert, tmp_path, dtype, name):
    folder = rewritten(bert, tmp_path / "model", lambda tensors: tensors | {LAYER: tensors[LAYER].to(dtype)})
    assert f"stores {LAYER} as {name}, which is no type of weights; get" in refusal(folder)


def test_whole_numbers_that_are_no_weights(bert, tmp_path):
    positions = {"bert.embeddings.position_ids": torch.arange(24)[None]}
    load_encoder(str(rewritten(bert, tmp_path / "model", lambda tensors: tensors | positions)))


@pytest.mark.parametrize("name", [LAYER, "bert.embeddings.word_embeddings.weight", "bert.embeddings.LayerNorm.weight"])
def test_nothing_but_zeros(bert, tmp_path, name):
    folder = rewritten(bert, tmp_path / "model", lambda tensors: tensors | {name: torch.zeros_like(tensors[name])})
    assert f"has nothing but zeros in 1 of its tensors ({name}), as a file has whose" in refusal(folder, early=False)


def test_zeros_that_published_models_have(bert, tmp_path):
    names = ("bert.embeddings.token_type_embeddings.weight", "bert.encoder.layer.0.output.dense.bias")
    zeros = {name: torch.zeros_like(load_file(f"{bert}/model.safetensors")[name]) for name in names}
    load_encoder(str(rewritten(bert, tmp_path / "model", lambda tensors: tensors | zeros)))


def test_a_pooler_of_zeros_that_nobody_reads(tmp_path):
    BertModel(
        BertConfig(vocab_size=60, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    ).save_pretrained(tmp_path / "plain")
    tensors = load_file(tmp_path / "plain" / "model.safetensors")
    zeros = {name: torch.zeros_like(tensor) for name, tensor in tensors.items() if "pooler" in name}
    folder = rewritten(tmp_path / "plain", tmp_path / "model", lambda own: own | zeros)
    checked_load(str(folder), lambda: BertModel.from_pretrained(folder), "last_hidden_state")


def test_a_file_with_more_bytes_than_it_names(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "model")
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"123")
    size = (folder / "model.safetensors").stat().st_size
    assert f"is damaged: {size:,} bytes, but its header names {size - 3:,}; get the file again" in refusal(folder)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "is quantized (bitsandbytes, says quantization_c"),
        ({"hidden_act": "nope"}, "cannot be loaded (KeyError: 'nope'); check its config.json"),
        (
            {"pad_token_id": 100_000},
            "cannot be loaded (AssertionError: Padding_idx must be within num_embeddings); che",
        ),
    ],
)
def test_configurations_that_no_model_has(bert, tmp_path, settings, words):
    assert words in refusal(rewritten(bert, tmp_path / "model", lambda tensors: tensors, **settings))


def test_a_configuration_of_wrong_types(bert, tmp_path):
    folder = rewritten(bert, tmp_path / "model", lambda tensors: tensors, num_hidden_layers="two")
    with pytest.raises(
        ValueError, match=r"config\.json is not a configuration of its model_type \(.*get the file again"
    ):
        check_weights(str(folder))
    assert "cannot be loaded (StrictDataclassFieldValidationError: " in refusal(folder, early=False)


def test_an_adapter(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "model")
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert "is an adapter (adapter_config.json), which is not loaded; merge it into its model first" in refusal(folder)


def test_settings_of_modules_that_are_missing(saved, tmp_path):
    for name, words in (
        (
            "1_SpladePooling/config.json",
            "has no config.json, which says how SpladePooling pools; get the model's files",
        ),
        ("config_sentence_transformers.json", "has modules.json, but no config_sentence_transformers.json, which says"),
    ):
        folder = shutil.copytree(saved, tmp_path / name.replace("/", "-"))
        (folder / name).unlink()
        assert words in refusal(folder, early=name.startswith("1_"))
    folder = shutil.copytree(saved, tmp_path / "headless")
    (folder / "sentence_bert_config.json").unlink()
    with pytest.raises(
        ValueError, match=r'is read without its masked-LM head, .* "transformer_task": "fill-mask"; get'
    ):
        check_weights(str(folder))
    assert "its transformer is a BertModel, which has no masked-LM head" in refusal(folder, early=False)


def test_an_untied_bias_that_is_missing_beside_its_decoder(tmp_path):
    whole = family_folder(tmp_path / "whole", "distilbert", tied=False)

    def lacks(tensors):
        return {name: tensor for name, tensor in tensors.items() if name != "vocab_projector.bias"}

    message = refusal(rewritten(whole, tmp_path / "model", lacks))
    assert "lacks 1 tensor that DistilBertForMaskedLM reads (vocab_projector.bias)" in message
    assert message.endswith("save the model with its whole masked-LM head (save_pretrained of AutoModelForMaskedLM)")


def test_offsets_outside_of_a_file(tmp_path):
    from sembridge.weights.stored import header

    save_file({"a": torch.ones(3)}, tmp_path / "model.safetensors")
    content = (tmp_path / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8 : 8 + length])
    entries["a"]["data_offsets"] = [8, -4]
    changed = json.dumps(entries).encode()
    (tmp_path / "model.safetensors").write_bytes(len(changed).to_bytes(8, "little") + changed + content[8 + length :])
    with pytest.raises(ValueError, match="is not a safetensors file, or is damaged"):
        header(tmp_path / "model.safetensors")
