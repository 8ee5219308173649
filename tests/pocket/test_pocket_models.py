"""The pocket's encoder and bridge after a few steps: folders the project's loaders read, the same bits again. Their quality is not tested here."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from harness.grid.artefact import Location
from harness.pocket import bridge, encoder, static
from harness.pocket.phrasebook import LANGUAGES
from sembridge.bridge import embed_vocabulary, load_bridge
from sembridge.encoder import load_encoder, load_tokenizer
from sembridge.vocabulary import Vocabulary


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def built_thrice(stage, parameters, inputs, folder):
    """Builds in 0 and 1 with the same seed and in 2 with another; the global generator differs each time and is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(static, "STEPS", 3)
        patch.setattr(encoder, "STEPS", 3)
        for number, seed in (("0", 7), ("1", 7), ("2", 8)):
            (folder / number).mkdir()
            torch.manual_seed(int(number))
            before = torch.get_rng_state()
            stage.build(folder / number, parameters | {"seed": seed}, inputs)
            assert torch.equal(torch.get_rng_state(), before)
    return folder


@pytest.fixture(scope="module")
def encoders(pocket_text, pocket_tokenizers, tmp_path_factory):
    inputs = {"text": Location(str(pocket_text)), "tokenizers": Location(str(pocket_tokenizers))}
    return built_thrice(encoder, {"family": "bert"}, inputs, tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def bridges(pocket_text, tmp_path_factory):
    return built_thrice(bridge, {}, {"text": Location(str(pocket_text))}, tmp_path_factory.mktemp("bridge"))


@pytest.mark.parametrize("name", ["encoders", "bridges"])
def test_a_repeated_build_is_the_same_bytes(name, request):
    first, second, other = (files(request.getfixturevalue(name) / number) for number in "012")
    assert first == second
    assert {name for name in first if first[name] != other[name]} == {"model.safetensors"}


def test_the_encoder_is_a_plain_masked_lm_folder(encoders, pocket_tokenizers):
    config = json.loads((encoders / "0" / "config.json").read_text())
    assert config["architectures"] == ["BertForMaskedLM"] and not (encoders / "0" / "modules.json").exists()
    loaded = load_encoder(str(encoders / "0"))
    assert loaded[0].processor.get_vocab() == load_tokenizer(str(pocket_tokenizers / "en")).get_vocab()
    vectors = loaded.encode(["the physician repairs a car", "a journey"]).to_dense()
    assert vectors.shape == (2, len(Vocabulary.from_tokenizer(loaded[0].processor)))
    assert vectors.isfinite().all() and ((vectors > 0).sum(1) > 0).all()


def test_the_bridge_embeds_every_language(bridges, pocket_tokenizers):
    loaded = load_bridge(str(bridges / "0"))
    vectors = loaded.encode(["doctor", "의사", "врач", "医生", "डॉक्टर", "طبيب"])
    assert vectors.shape == (6, bridge.SIZE) and np.isfinite(vectors).all() and (np.abs(vectors).max(axis=1) > 0).all()
    for language in LANGUAGES:
        vocabulary = Vocabulary.from_tokenizer(load_tokenizer(str(pocket_tokenizers / language)))
        assert embed_vocabulary(loaded, vocabulary).known.sum() > 0.95 * vocabulary.has_text.sum(), language
