"""Queries of an inference-free encoder are looked up, its documents are read; both as sentence-transformers does it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sembridge.search.encode import encode_all
from sembridge.search.encode_options import EncodeOptions
from tests.helpers.families_made import family_encoder, texts

OPTIONS = EncodeOptions(max_length=None, precision="float32")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return family_encoder(tmp_path_factory.mktemp("inference-free"), "inference-free")


def test_documents_are_read_by_the_masked_lm(encoder):
    expected = encoder.encode_document(texts(), batch_size=16, convert_to_sparse_tensor=False).numpy()
    np.testing.assert_allclose(encode_all(encoder, texts(), "document", OPTIONS).toarray(), expected, atol=1e-5)


def test_queries_are_looked_up(encoder):
    given = [*texts(), "", "cat cat the cat"]
    expected = encoder.encode_query(given, convert_to_sparse_tensor=False).numpy()
    vectors = encode_all(encoder, given, "query", OPTIONS)
    assert vectors.toarray().tobytes() == expected.tobytes()
    assert vectors[[len(given) - 2]].nnz == 0, "an empty query has no tokens, not even special ones"
    assert 1 < np.diff(vectors.indptr).mean() < 20


def test_a_query_is_cut_at_max_length(encoder):
    whole, cut = (
        encode_all(
            encoder, ["the cat window song river"], "query", EncodeOptions(max_length=length, precision="float32")
        )
        for length in (None, 2)
    )
    assert cut.nnz == 2 < whole.nnz


def test_queries_need_no_model(encoder):
    def refuse(*args, **kwargs):
        raise AssertionError("the masked LM was called for a query")

    handle = encoder[0].sub_modules["document"][0].model.register_forward_pre_hook(refuse, with_kwargs=True)
    encode_all(encoder, texts()[:5], "query", OPTIONS)
    with pytest.raises(AssertionError, match="masked LM was called"):
        encode_all(encoder, texts()[:5], "document", OPTIONS)
    handle.remove()


def test_a_token_that_also_pads_counts_where_it_is_real(encoder):
    """Whatever pads the batch, the longest query's tokens are all there."""
    from sembridge.encoder.head import encode

    pad_id = encoder[0].sub_modules["query"][0].tokenizer.pad_token_id
    batch = {
        "input_ids": torch.tensor([[7, pad_id, pad_id], [7, 9, 7]]),
        "attention_mask": torch.tensor([[1, 1, 0], [1, 1, 1]]),
    }
    query = encoder[0].sub_modules["query"][0]
    with torch.no_grad():
        query.weight[pad_id] = 2.0
        vectors = encode(encoder, batch, "query")
        query.weight[pad_id] = 0.0
    assert vectors[0, pad_id] == 2 and vectors[1, pad_id] == 0 and vectors[1, 9] == query.weight[9]
