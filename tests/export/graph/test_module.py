"""The module that becomes a graph gives what sentence-transformers gives, whatever the pooling and the blocks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.export.graph import module
from harness.export.graph.module import SparseGraph
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from tests.helpers.families_made import batch_of, represented, texts
from tests.helpers.graphs_made import ALL, graph_folder, pooled_folder

TEXTS = texts()[:5] + texts()[-6:]


def weights(encoder, batch) -> tuple[SparseGraph, np.ndarray]:
    graph = SparseGraph(splade_modules(encoder), batch).eval()
    with torch.no_grad():
        return graph, graph(**batch).numpy()


@pytest.mark.parametrize("family", ALL)
def test_every_family_in_blocks(tmp_path, monkeypatch, family):
    encoder = load_encoder(graph_folder(tmp_path, family))
    monkeypatch.setattr(module, "BLOCK", 50)
    graph, found = weights(encoder, batch_of(encoder, TEXTS))
    assert graph.in_blocks and "forward" not in vars(splade_modules(encoder).model.get_output_embeddings())
    np.testing.assert_allclose(found, represented(encoder, TEXTS), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strategy", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_every_pooling(tmp_path, strategy, activation):
    encoder = load_encoder(pooled_folder(tmp_path, strategy, activation))
    found = weights(encoder, batch_of(encoder, TEXTS))[1]
    np.testing.assert_allclose(found, represented(encoder, TEXTS), rtol=1e-4, atol=1e-5)


def test_logits_that_are_changed_after_the_decoder_are_computed_in_full(tmp_path):
    encoder = load_encoder(graph_folder(tmp_path, "bert"))
    model = splade_modules(encoder).model
    forward = model.cls.forward
    model.cls.forward = lambda hidden: forward(hidden) / 2
    graph, found = weights(encoder, batch_of(encoder, TEXTS))
    assert not graph.in_blocks
    np.testing.assert_allclose(found, represented(encoder, TEXTS), rtol=1e-4, atol=1e-5)


def test_type_ids_of_zero_are_those_of_a_text_on_its_own(tmp_path):
    encoder = load_encoder(graph_folder(tmp_path, "bert"))
    batch = batch_of(encoder, TEXTS)
    zeros, ones = (fill(batch["input_ids"]) for fill in (torch.zeros_like, torch.ones_like))
    np.testing.assert_array_equal(weights(encoder, batch | {"token_type_ids": zeros})[1], weights(encoder, batch)[1])
    assert (weights(encoder, batch | {"token_type_ids": ones})[1] != weights(encoder, batch)[1]).any()


def test_a_row_of_pads_has_no_active_dimension(tmp_path):
    encoder = load_encoder(graph_folder(tmp_path, "bert"))
    batch = batch_of(encoder, TEXTS)
    batch["attention_mask"][1] = 0
    found = weights(encoder, batch)[1]
    assert not found[1].any() and found[0].any() and np.isfinite(found).all()
