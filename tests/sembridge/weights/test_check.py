"""Models whose files lack weights are refused before and while they are loaded; whole ones of every family pass."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import BertConfig, BertModel, PreTrainedModel

from sembridge.bridge import load_bridge
from sembridge.encoder.loading import load_encoder
from sembridge.weights.check import BODY, check_weights
from tests.helpers.encoders_made import made_bridge_folder
from tests.helpers.families_made import FAMILIES, family_folder, source_tokenizer, texts
from tests.helpers.spoiled_models import HEAD, bare, refusals, rewritten, sharded, without
from tests.helpers.tokenizers_made import english


@pytest.fixture(scope="module")
def body(tmp_path_factory) -> Path:
    """Mean of the states of a BERT whose pooler nobody uses, through a Dense module."""
    folder = tmp_path_factory.mktemp("body")
    tokenizer = source_tokenizer("bert")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    with torch.random.fork_rng(devices=[]):
        BertModel(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder / "plain")
        tokenizer.save_pretrained(folder / "plain")
        modules = [Transformer(str(folder / "plain")), Pooling(16, pooling_mode="mean"), Dense(16, 8)]
    SentenceTransformer(modules=modules).save_pretrained(str(folder / "whole"), create_model_card=False)
    return folder / "whole"


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_whole_models_of_every_family_pass(tmp_path, family, tied, caplog):
    folder = family_folder(tmp_path / "model", family, tied=tied)
    before = torch.get_rng_state()
    check_weights(folder)
    assert torch.equal(before, torch.get_rng_state())
    encoder = load_encoder(folder)
    assert encoder.stored_dtype == "float32" and not caplog.records
    check_weights(family_folder(tmp_path / "again", family, tied=tied))
    encoder.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    check_weights(str(tmp_path / "saved"))


def test_names_that_transformers_maps(bert, tmp_path):
    def legacy(tensors):
        gamma = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): tensor for name, tensor in tensors.items()}
        return {name.replace("LayerNorm.bias", "LayerNorm.beta"): tensor for name, tensor in gamma.items()}

    def unprefixed(tensors):
        return {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}

    expected = load_encoder(bert)[0].model.state_dict()
    for name, change in {"legacy": legacy, "unprefixed": unprefixed}.items():
        folder = str(rewritten(bert, tmp_path / name, change))
        check_weights(folder)
        state = load_encoder(folder)[0].model.state_dict()
        assert state.keys() == expected.keys() and all(torch.equal(state[key], expected[key]) for key in expected)


def test_a_tied_decoder_may_be_stored_in_place_of_the_embedding(bert, tmp_path):
    def moved(tensors):
        embedding = tensors.pop("bert.embeddings.word_embeddings.weight")
        return tensors | {"cls.predictions.decoder.weight": embedding}

    folder = str(rewritten(bert, tmp_path / "moved", moved))
    check_weights(folder)
    state, expected = (load_encoder(name)[0].model.state_dict() for name in (folder, bert))
    assert all(torch.equal(state[key], expected[key]) for key in expected)


def test_sharded_models(bert, tmp_path):
    folder = sharded(bert, tmp_path / "whole")
    check_weights(str(folder))
    state, expected = (load_encoder(str(name))[0].model.state_dict() for name in (folder, bert))
    assert all(torch.equal(state[key], expected[key]) for key in expected)
    lacking = rewritten(bert, tmp_path / "lacking", without("cls.predictions.transform"))
    assert "lacks 4 tensors" in refusals(sharded(lacking, tmp_path / "sharded"))
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert "index.json names model-00002-of-00002.safetensors, which is not in the folder" in refusals(folder)


def test_an_inference_free_encoder(tmp_path):
    whole = Path(family_folder(tmp_path / "whole", "inference-free"))
    shutil.copytree(whole, tmp_path / "document")
    parts = {part.name: part for part in (tmp_path / "document").iterdir() if (part / "model.safetensors").is_file()}
    masked_lm = next(part for name, part in parts.items() if "Transformer" in name)
    rewritten(masked_lm, tmp_path / "part", without("vocab_transform"))
    shutil.copy(tmp_path / "part" / "model.safetensors", masked_lm)
    message = refusals(tmp_path / "document")
    assert f"model {str(masked_lm)!r} lacks 2 tensors that DistilBertForMaskedLM reads" in message and HEAD in message
    shutil.copytree(whole, tmp_path / "query")
    query = next((tmp_path / "query").glob("query*"))
    save_file({"weights": torch.ones(300)}, query / "model.safetensors")
    message = refusals(tmp_path / "query")
    assert message.startswith(f"module {str(query)!r} lacks the tensor weight that SparseStaticEmbedding reads")
    save_file({"weight": torch.ones(3)}, query / "model.safetensors")
    assert "stores weight as [3], but SparseStaticEmbedding needs [193]; get" in refusals(tmp_path / "query")


def test_bridges(body, tmp_path):
    check_weights(str(body), BODY)
    whole = load_bridge(str(body)).encode(texts()[:8])
    pooled = rewritten(body, tmp_path / "pooled", without("pooler"))
    check_weights(str(pooled), BODY)
    assert np.array_equal(load_bridge(str(pooled)).encode(texts()[:8]), whole)
    lacking = rewritten(body, tmp_path / "lacking", without("output.dense.weight"))
    message = refusals(lacking, load_bridge, task=BODY)
    assert "lacks 2 tensors that BertModel reads (encoder.layer.0.attention.output.dense.weight, " in message


def test_a_pooler_that_is_used_may_not_be_missing(body, tmp_path):
    folder = rewritten(body, tmp_path / "pooled", without("pooler"))
    settings = json.loads((folder / "sentence_bert_config.json").read_text())
    settings["modality_config"] = {"text": {"method": "forward", "method_output_name": "pooler_output"}}
    (folder / "sentence_bert_config.json").write_text(json.dumps(settings | {"module_output_name": "token_embeddings"}))
    assert "lacks 2 tensors that BertModel reads (pooler.dense.bias, pooler.dense.weight)" in refusals(
        folder, load_bridge, task=BODY
    )


def test_dense_modules_of_a_bridge(body, tmp_path):
    for name, change, words in (
        ("bias", without("bias"), "lacks the tensor linear.bias that Dense reads (its file holds linear.weight)"),
        ("names", lambda tensors: {"weight": tensors["linear.weight"]}, "lacks the tensor linear.weight that Dense"),
        ("shape", lambda tensors: tensors | {"linear.bias": torch.ones(7)}, "linear.bias as [7], but Dense needs [8]"),
    ):
        folder = Path(shutil.copytree(body, tmp_path / name))
        rewritten(body / "2_Dense", tmp_path / f"{name} module", change)
        shutil.copy(tmp_path / f"{name} module" / "model.safetensors", folder / "2_Dense")
        assert words in refusals(folder, load_bridge, task=BODY)


def test_static_bridges(tmp_path):
    folder = made_bridge_folder(tmp_path / "static", english())
    check_weights(str(folder), BODY)
    module = next(path.parent for path in folder.rglob("model.safetensors"))
    save_file({"table": torch.ones(1000, 16)}, module / "model.safetensors")
    message = refusals(folder, load_bridge, task=BODY)
    assert "lacks the tensor embedding.weight that StaticEmbedding reads (its file holds table)" in message
    save_file({"embeddings": torch.ones(1000)}, module / "model.safetensors")
    assert "stores embeddings as [1000], but StaticEmbedding needs ['any', 'any']" in refusals(
        folder, load_bridge, task=BODY
    )


def test_a_masked_lm_s_body_is_no_masked_lm_but_a_bridge(bert, tmp_path, caplog):
    folder = rewritten(bert, tmp_path / "body", bare)
    check_weights(str(folder), BODY)
    assert not caplog.records
    check_weights(bert, BODY)
    assert "stores 5 tensors that BertModel does not read (cls.predictions.bias, " in caplog.messages[-1]


def test_transformers_is_left_as_it_was(bert, tmp_path):
    before = PreTrainedModel.__dict__["from_pretrained"]
    level = logging.getLogger("transformers.modeling_utils").level
    load_encoder(bert)
    with pytest.raises(ValueError):
        load_encoder(str(rewritten(bert, tmp_path / "model", without("cls."))))
    assert PreTrainedModel.__dict__["from_pretrained"] is before
    notes = logging.getLogger("transformers.modeling_utils")
    assert notes.level == level and not notes.filters


def test_models_whose_class_only_loading_shows(bert, tmp_path, caplog):
    folder = rewritten(bert, tmp_path / "unknown", lambda tensors: tensors, model_type="of tomorrow")
    check_weights(str(folder))
    assert "its class cannot be built without weights, so they are checked when loaded" in caplog.messages[-1]
    check_weights("owner/on-the-hub")
