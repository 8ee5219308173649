"""The pocket's encoders and bridge after a few steps: folders in the hub's layouts, decided by the seed alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from harness.pocket import bridge, encoder
from harness.pocket.architectures import ARCHITECTURES
from harness.pocket.names import SEED
from harness.pocket.phrasebook import LANGUAGES
from harness.pocket.tokenizers import MAX_LENGTH
from harness.store.artifact import Location
from sembridge.bridge import embed_vocabulary, load_bridge
from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.encoder.modules import splade_modules
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.short_training import cut_short

PLAIN = {"bert": "BertForMaskedLM", "roberta": "RobertaForMaskedLM", "distilbert": "DistilBertForMaskedLM"}
MASKED_LM_FILES = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
TOKENIZERS = {"bert": "BertTokenizer", "roberta": "RobertaTokenizer"}


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def bridges(pocket_text, tmp_path_factory):
    """Build it as 0 and 1 with the same seed and as 2 with another; no build may touch the global generator."""
    folder = tmp_path_factory.mktemp("bridge")
    with cut_short():
        for number, seed in (("0", SEED), ("1", SEED), ("2", SEED + 1)):
            (folder / number).mkdir()
            torch.manual_seed(int(number))
            before = torch.get_rng_state()
            bridge.build(folder / number, {"seed": seed}, {"text": Location(str(pocket_text))})
            assert torch.equal(torch.get_rng_state(), before)
    return folder


def test_a_repeated_bridge_is_the_same_bytes(bridges):
    first, second, other = (files(bridges / number) for number in "012")
    assert first == second
    assert {name for name in first if first[name] != other[name]} == {"model.safetensors"}


def test_another_seed_changes_the_weights_and_nothing_else(encoders, pocket_inputs, tmp_path):
    with cut_short():
        encoder.build(tmp_path, {"family": "inference-free", "seed": SEED + 1}, pocket_inputs)
    here, there = files(encoders["inference-free"]), files(tmp_path)
    assert here.keys() == there.keys()
    assert {name for name in here if here[name] != there[name]} == {"document_0_Transformer/model.safetensors"}


@pytest.mark.parametrize("architecture", PLAIN)
def test_plain_masked_lm_folders(encoders, architecture):
    folder = encoders[architecture]
    assert files(folder).keys() == MASKED_LM_FILES
    config = read(folder / "config.json")
    assert config["architectures"] == [PLAIN[architecture]] and config["tie_word_embeddings"]
    assert config["vocab_size"] == len(load_tokenizer(str(folder)))
    assert read(folder / "tokenizer_config.json")["tokenizer_class"] == TOKENIZERS.get(
        architecture, "DistilBertTokenizer"
    )


def test_ids_of_roberta(encoders):
    """The ids and the position table of RoBERTa on the hub: rows up to the pad id are never read."""
    config = read(encoders["roberta"] / "config.json")
    assert {name: config[f"{name}_token_id"] for name in ("bos", "pad", "eos")} == {"bos": 0, "pad": 1, "eos": 2}
    assert config["max_position_embeddings"] == MAX_LENGTH + 2 and config["type_vocab_size"] == 1
    assert load_encoder(str(encoders["roberta"])).max_seq_length == MAX_LENGTH


def test_the_inference_free_folder(encoders):
    folder = encoders["inference-free"]
    assert [module["type"].rpartition(".")[2] for module in read(folder / "modules.json")] == ["Router"]
    structure = {
        "query": ["query_0_SparseStaticEmbedding"],
        "document": ["document_0_Transformer", "document_1_SpladePooling"],
    }
    assert read(folder / "router_config.json")["structure"] == structure
    document_files = {path.name for path in (folder / "document_0_Transformer").iterdir()}
    assert document_files == {*MASKED_LM_FILES, "sentence_bert_config.json"}
    assert {path.name for path in (folder / "query_0_SparseStaticEmbedding").iterdir()} == MASKED_LM_FILES
    assert read(folder / "document_0_Transformer" / "config.json")["architectures"] == ["DistilBertForMaskedLM"]
    assert read(folder / "document_1_SpladePooling" / "config.json")["activation_function"] == "log1p_relu"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_projects_loader_reads_them(encoders, pocket_tokenizers, architecture):
    loaded = load_encoder(str(encoders[architecture]))
    modules = splade_modules(loaded)
    assert type(modules.model).__name__ == PLAIN.get(architecture, "DistilBertForMaskedLM")
    assert (modules.query is not None) == (architecture == "inference-free")
    assert modules.model.get_output_embeddings().weight is modules.model.get_input_embeddings().weight
    if architecture != "roberta":
        assert modules.tokenizer.get_vocab() == load_tokenizer(str(pocket_tokenizers / "en")).get_vocab()
    for encode in (loaded.encode_query, loaded.encode_document):
        vectors = encode(["the physician repairs a car", "a journey"]).to_dense()
        assert vectors.shape == (2, len(Vocabulary.from_tokenizer(modules.tokenizer)))
        assert vectors.isfinite().all() and ((vectors > 0).sum(1) > 0).all()


def test_the_bridge_embeds_every_language(bridges, pocket_tokenizers):
    loaded = load_bridge(str(bridges / "0"))
    vectors = loaded.encode(["doctor", "의사", "врач", "医生", "डॉक्टर", "طبيب"])
    assert vectors.shape == (6, bridge.SIZE) and np.isfinite(vectors).all() and (np.abs(vectors).max(axis=1) > 0).all()
    for language in LANGUAGES:
        vocabulary = Vocabulary.from_tokenizer(load_tokenizer(str(pocket_tokenizers / language)))
        assert embed_vocabulary(loaded, vocabulary).known.sum() > 0.95 * vocabulary.has_text.sum(), language
