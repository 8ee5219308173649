"""A masked LM stopped before its decoder gives the same values and gradients, if nothing follows the decoder."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertForMaskedLM, ModernBertConfig, ModernBertForMaskedLM

import sembridge.encoder.head
from sembridge.encoder import max_logits
from sembridge.encoder.decoder_input import decoder_input
from sembridge.encoder.head import encode, encode_sparse
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from tests.helpers.families_made import FAMILIES, batch_of, represented, texts


@pytest.fixture
def chunks(monkeypatch):
    """The vocabulary is taken in chunks of 128 outputs."""
    monkeypatch.setattr(max_logits, "LOGITS", {"cpu": 1})


class Capped(BertForMaskedLM):
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output = super().forward(*args, **kwargs)
        output.logits = 3 * torch.tanh(output.logits / 3)
        return output


class Shifted(BertForMaskedLM):
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output = super().forward(*args, **kwargs)
        output.logits += 1.5
        return output


@pytest.fixture
def products(monkeypatch):
    """The matrices of all calls of torch.nn.functional.linear."""
    seen: list[torch.Tensor] = []
    linear = torch.nn.functional.linear
    monkeypatch.setattr(
        torch.nn.functional,
        "linear",
        lambda hidden, matrix, *rest: (seen.append(matrix), linear(hidden, matrix, *rest))[1],
    )
    return seen


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_represented_without_its_decoder(family, tied, folders, chunks, products):
    encoder = load_encoder(folders[family, tied])
    expected = represented(encoder, texts()[:16])
    decoder = splade_modules(encoder).model.get_output_embeddings().weight
    assert any(matrix is decoder for matrix in products)
    products.clear()
    with torch.no_grad():
        weights = encode(encoder, batch_of(encoder, texts()[:16]))
    assert products and not any(matrix is decoder for matrix in products)
    assert weights.dtype == torch.float32 and (weights > 0).any()
    np.testing.assert_allclose(weights.numpy(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_of_all_parameters(family, folders, monkeypatch):
    gradients = []
    for stopped in (lambda *_: None, decoder_input):
        monkeypatch.setattr(sembridge.encoder.head, "decoder_input", stopped)
        encoder = load_encoder(folders[family, True]).eval()
        weights = encode(encoder, batch_of(encoder, texts()[:8]))
        (weights * torch.linspace(-1, 1, weights.shape[1])).sum().backward()
        gradients.append(
            {name: p.grad for name, p in splade_modules(encoder).model.named_parameters() if p.grad is not None}
        )
    assert gradients[0].keys() == gradients[1].keys() and gradients[0]
    scale = max(gradient.abs().max().item() for gradient in gradients[0].values())
    for name, plain in gradients[0].items():
        torch.testing.assert_close(gradients[1][name] / scale, plain / scale, rtol=0, atol=1e-6, msg=name)


def test_modern_bert():
    shape = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "pad_token_id": 0,
    }
    model = ModernBertForMaskedLM(
        ModernBertConfig(vocab_size=50, **shape, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)
    ).eval()
    batch = {
        "input_ids": torch.tensor([[1, 7, 9, 2], [1, 3, 2, 0]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
    }
    with torch.no_grad():
        hidden = decoder_input(model, batch)
        assert torch.equal(model.decoder(hidden), model(**batch).logits)


@pytest.mark.parametrize("kind", [Capped, Shifted])
def test_what_comes_after_the_decoder_is_not_lost(kind, folders, chunks, caplog):
    encoder = load_encoder(folders["bert", True])
    splade_modules(encoder).model.__class__ = kind
    batch = batch_of(encoder, texts()[:8])
    with caplog.at_level(logging.INFO, "sembridge"), torch.no_grad():
        representations = [encode(encoder, batch) for _ in range(3)]
    for weights in (*representations, torch.from_numpy(encode_sparse(encoder, batch).toarray())):
        np.testing.assert_allclose(weights.numpy(), represented(encoder, texts()[:8]), atol=1e-6)
    assert [record.message for record in caplog.records] == [
        f"{kind.__name__} changes its logits after its decoder; computing them in full takes more time and memory"
    ]


def test_a_decoder_that_someone_listens_to_or_has_changed_is_called(folders, chunks):
    encoder = load_encoder(folders["bert", False])
    model, heard = splade_modules(encoder).model, []
    handle = model.get_output_embeddings().register_forward_hook(lambda *_: heard.append(1))
    encode(encoder, batch_of(encoder, texts()[:2]))
    handle.remove()
    encode(encoder, batch_of(encoder, texts()[:2]))
    assert heard == [1]

    class Doubled(torch.nn.Linear):
        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(hidden)

    model.get_output_embeddings().__class__ = Doubled
    np.testing.assert_allclose(
        encode(encoder, batch_of(encoder, texts()[:4])).detach(), represented(encoder, texts()[:4]), atol=1e-6
    )


def test_trying_a_model_draws_nothing_from_the_global_generator(folders, chunks):
    state = torch.get_rng_state()
    encoder = load_encoder(folders["bert", True])
    splade_modules(encoder).model.__class__ = Capped
    splade_modules(encoder).model.train()
    batch = batch_of(encoder, texts()[:4])
    weights = []
    for _ in range(2):  # the first call tries
        torch.set_rng_state(state)
        weights.append(encode(encoder, batch))
    assert torch.equal(*weights)
    assert not torch.equal(weights[0], encode(encoder, batch)), "dropout draws"


def test_the_decoder_is_itself_again_also_after_an_error(folders, chunks):
    encoder = load_encoder(folders["bert", True])
    model = splade_modules(encoder).model
    encode(encoder, batch_of(encoder, texts()[:2]))
    too_long = {name: torch.ones((1, 90), dtype=torch.long) for name in ("input_ids", "attention_mask")}
    with pytest.raises((RuntimeError, IndexError)):
        encode(encoder, too_long)
    fresh = load_encoder(folders["bert", True])
    with pytest.raises((RuntimeError, IndexError)):
        encode(fresh, too_long)  # the very first call, and not taken for a sign of what the model does to its logits
    assert decoder_input(splade_modules(fresh).model, batch_of(fresh, texts()[:2])) is not None
    assert "forward" not in vars(model.get_output_embeddings()) and "forward" not in vars(
        splade_modules(fresh).model.get_output_embeddings()
    )
    assert model(**batch_of(encoder, texts()[:2])).logits.shape[-1] == model.config.vocab_size


@pytest.mark.parametrize("whole", [True, False], ids=["all logits", "maxima only"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
@pytest.mark.parametrize("strategy", ["max", "sum"])
def test_sparse_and_dense_representations_are_the_same_bits(strategy, activation, whole, folders, monkeypatch):
    if whole:
        monkeypatch.setattr(sembridge.encoder.head, "decoder_input", lambda *_: None)
    monkeypatch.setattr(max_logits, "LOGITS", {"cpu": 1})
    encoder = load_encoder(folders["inference-free", True])
    splade_modules(encoder).pooling.pooling_strategy, splade_modules(encoder).pooling.activation_function = (
        strategy,
        activation,
    )
    batch = batch_of(encoder, texts()[:16])
    for side in ("document", "query"):
        with torch.no_grad():
            dense = encode(encoder, batch, side).numpy()
        sparse = encode_sparse(encoder, batch, side)
        assert sparse.dtype == np.float32 and sparse.toarray().tobytes() == dense.tobytes()
        assert sparse.nnz == np.count_nonzero(dense) and sparse.has_sorted_indices and sparse.indices.dtype == np.int32


def test_logits_that_have_to_be_whole_are_computed_for_a_few_texts_at_a_time(folders, monkeypatch):
    encoder = load_encoder(folders["bert", True])
    batch = batch_of(encoder, texts()[:16])
    monkeypatch.setattr(sembridge.encoder.head, "decoder_input", lambda *_: None)
    whole, seen = encode_sparse(encoder, batch).toarray(), []
    splade_modules(encoder).model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    monkeypatch.setattr(
        sembridge.encoder.head,
        "MOST_LOGITS",
        5 * batch["input_ids"].shape[1] * splade_modules(encoder).model.config.vocab_size,
    )
    np.testing.assert_allclose(encode_sparse(encoder, batch).toarray(), whole, atol=1e-6)
    assert seen == [5, 5, 5, 1]
