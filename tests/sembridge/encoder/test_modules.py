"""The modules of a sparse encoder are found, and other modules are refused by name, in tiny encoders made in memory."""

from __future__ import annotations

import pytest
import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import Router, SparseStaticEmbedding, SpladePooling, Transformer

from sembridge.encoder.modules import splade_modules
from tests.helpers.families_made import family_folder, source_tokenizer


@pytest.fixture(scope="module")
def masked_lm(tmp_path_factory) -> Transformer:
    folder = family_folder(tmp_path_factory.mktemp("bert"), "bert")
    return Transformer(folder, transformer_task="fill-mask")


def query_weights(tokenizer, size: int) -> SparseStaticEmbedding:
    module = SparseStaticEmbedding(tokenizer, torch.ones(len(tokenizer)), frozen=True)
    module.weight = torch.nn.Parameter(torch.ones(size))
    return module


def test_a_masked_lm_under_pooling(masked_lm):
    pooling = SpladePooling("max")
    splade = splade_modules(SparseEncoder(modules=[masked_lm, pooling]))
    assert splade.transformer is masked_lm and splade.pooling is pooling and splade.query is None
    assert splade.model is masked_lm.model and splade.tokenizer is masked_lm.processor


def test_routes_of_an_inference_free_encoder(masked_lm):
    tokenizer, pooling = source_tokenizer("bert"), SpladePooling("max")
    query = query_weights(tokenizer, len(tokenizer))
    splade = splade_modules([Router.for_query_document([query], [masked_lm, pooling])])
    assert (splade.transformer, splade.pooling, splade.query) == (masked_lm, pooling, query)


def test_other_modules_are_named(masked_lm):
    pooling = SpladePooling("max")
    for modules, names in (
        ([masked_lm], "Transformer"),
        ([pooling, masked_lm], "SpladePooling, Transformer"),
        ([masked_lm, pooling, torch.nn.Identity()], "Transformer, SpladePooling, Identity"),
        ([torch.nn.Identity(), pooling], "Identity, SpladePooling"),
    ):
        with pytest.raises(ValueError, match=f"^the modules are {names}; expected a masked LM and SpladePooling$"):
            splade_modules(modules)


def test_other_routes_are_named(masked_lm):
    splade = [masked_lm, SpladePooling("max")]
    shown = "query: Transformer, SpladePooling; document: Transformer, SpladePooling"
    with pytest.raises(ValueError, match=f"^the routes are {shown}; expected query: SparseStaticEmbedding, and "):
        splade_modules([Router.for_query_document(splade, splade)])
    tokenizer = source_tokenizer("bert")
    query = query_weights(tokenizer, len(tokenizer))
    with pytest.raises(ValueError, match="the routes are question: SparseStaticEmbedding; document: Transformer"):
        splade_modules([Router({"question": [query], "document": splade}, default_route="document")])
    with pytest.raises(ValueError, match="the modules are Transformer; expected a masked LM and SpladePooling"):
        splade_modules([Router.for_query_document([query], [masked_lm])])


def test_both_sides_need_one_vocabulary(masked_lm):
    tokenizer = source_tokenizer("bert")
    outputs = masked_lm.model.get_output_embeddings().weight.shape[0]
    router = Router.for_query_document([query_weights(tokenizer, 1234)], [masked_lm, SpladePooling("max")])
    with pytest.raises(ValueError, match=f"queries have 1,234 token weights but documents {outputs} outputs; both"):
        splade_modules([router])


def test_two_encoders_with_equal_modules_are_not_equal(masked_lm):
    """Modules are compared by identity, never number by number."""
    modules = [masked_lm, SpladePooling("max")]
    assert splade_modules(modules) != splade_modules(modules)
