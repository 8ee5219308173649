"""Fine-tuning an inference-free encoder: the document side learns; query weights learn only if they are not frozen."""

from __future__ import annotations

import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import Router, SparseStaticEmbedding

from harness.training.loop import train
from harness.training.settings import TrainingSettings
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from tests.helpers.encoders_made import made_encoder
from tests.helpers.pairs_made import toy_pairs

SETTINGS = {"precision": "float32", "batch_size": 8, "epochs": 6, "learning_rate": 5e-3, "max_length": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny masked LM that can learn the toy set, with query weights of 1 beside it."""
    folder = tmp_path_factory.mktemp("inference-free")
    document = made_encoder(folder / "document")
    router = Router.for_query_document([SparseStaticEmbedding(document[0].processor, frozen=True)], list(document))
    SparseEncoder(modules=[router]).save_pretrained(str(folder / "routed"), create_model_card=False)
    return str(folder / "routed")


def thawed(folder):
    encoder = load_encoder(folder)
    query = splade_modules(encoder).query
    query.frozen = False
    query.weight.requires_grad_(True)
    return encoder


@pytest.mark.parametrize("frozen", [True, False])
def test_query_weights_learn_only_if_not_frozen(folder, frozen):
    encoder = load_encoder(folder) if frozen else thawed(folder)
    before = splade_modules(encoder).query.weight.detach().clone()
    rows = splade_modules(encoder).model.get_input_embeddings().weight.detach().clone()
    seen = []
    train(encoder, toy_pairs(), TrainingSettings(**SETTINGS, checkpoint_every=1), 3, report=seen.append)
    assert torch.equal(splade_modules(encoder).query.weight, before) == frozen
    assert not torch.equal(splade_modules(encoder).model.get_input_embeddings().weight, rows)
    contrast = [figures["contrast"] for figures in seen]
    assert sum(contrast[-3:]) < 0.9 * sum(contrast[:3])
    assert not encoder.training


def test_resumed_training_gives_the_same_bits(folder, tmp_path):
    class Killed(Exception):
        pass

    def kill(figures):
        if figures["step"] == 9:
            raise Killed

    whole, halved = thawed(folder), thawed(folder)
    settings = TrainingSettings(**SETTINGS, checkpoint_every=3)
    train(whole, toy_pairs(), settings, 3)
    with pytest.raises(Killed):
        train(halved, toy_pairs(), settings, 3, scratch=tmp_path, report=kill)
    resumed = thawed(folder)
    figures = train(resumed, toy_pairs(), settings, 3, scratch=tmp_path)
    assert figures["resumed_from"] == 9
    for (name, left), (_, right) in zip(whole.named_parameters(), resumed.named_parameters(), strict=True):
        assert torch.equal(left, right), name
