"""Batches with the activations of a few texts at a time: loss, gradient and dropout are those of the whole batch."""

from __future__ import annotations

import pytest
import torch

from harness.training import gradient_cache as module
from harness.training.gradient_cache import representations
from harness.training.loop import train
from harness.training.settings import TrainingSettings
from sembridge.encoder.loading import load_encoder
from tests.helpers.encoders_made import largest_difference, made_encoder_folder, same_bits, weights
from tests.helpers.families_made import family_folder
from tests.helpers.pairs_made import toy_pairs

SETTINGS = TrainingSettings(
    batch_size=16,
    epochs=1,
    learning_rate=1e-3,
    max_length=16,
    lambda_query=0.02,
    lambda_document=0.03,
    precision="float32",
)
TEXTS = [pair.passage for pair in toy_pairs()][:11]


@pytest.fixture(scope="module", params=[0.0, 0.2], ids=["without dropout", "with dropout"])
def folder(request, tmp_path_factory):
    return str(made_encoder_folder(tmp_path_factory.mktemp("encoder"), dropout=request.param))


def gradients(encoder):
    return {
        name: parameter.grad.clone() for name, parameter in encoder.named_parameters() if parameter.grad is not None
    }


def loss_of(vectors):
    """Every text's gradient depends on all the others."""
    return (vectors @ vectors.T).logsumexp(1).sum() + vectors.mean(0).square().sum()


@pytest.mark.parametrize("whole", [True, False], ids=["all logits", "maxima only"])
@pytest.mark.parametrize("size", [1, 4, 10])
def test_gradients_are_those_of_all_micro_batches_held_at_once(folder, size, whole, monkeypatch):
    """The oracle encodes the same micro batches with the same draws, keeps their activations, differentiates once."""
    if whole:
        monkeypatch.setattr("sembridge.encoder.head.decoder_input", lambda *_: None)
    encoder, other = load_encoder(folder).train(), load_encoder(folder).train()
    torch.manual_seed(7)
    vectors, backward = representations(encoder, "document", TEXTS, SETTINGS.model_copy(update={"micro_batch": size}))
    loss = loss_of(vectors)
    loss.backward()
    assert not gradients(encoder)
    torch.rand(1)  # somebody else draws in between
    after = torch.get_rng_state()
    backward()
    assert torch.equal(torch.get_rng_state(), after), "what follows draws as if nothing had been repeated"
    torch.manual_seed(7)
    held = torch.cat(
        [
            representations(other, "document", TEXTS[start : start + size], SETTINGS)[0]
            for start in range(0, len(TEXTS), size)
        ]
    )
    expected = loss_of(held)
    expected.backward()
    assert torch.equal(vectors, held) and torch.equal(loss, expected)
    theirs = gradients(other)
    scale = max(gradient.abs().max() for gradient in theirs.values())
    assert gradients(encoder).keys() == theirs.keys()
    assert all((gradient - theirs[name]).abs().max() <= 1e-6 * scale for name, gradient in gradients(encoder).items())


def test_activations_of_one_micro_batch_are_held_at_a_time(folder, monkeypatch):
    encoder, held = load_encoder(folder).train(), []
    encode = module._encode

    def spy(*args):
        vectors = encode(*args)
        held.append((torch.is_grad_enabled(), len(vectors)))
        return vectors

    monkeypatch.setattr(module, "_encode", spy)
    vectors, backward = representations(encoder, "document", TEXTS, SETTINGS.model_copy(update={"micro_batch": 4}))
    assert vectors.grad_fn is None and vectors.requires_grad
    loss_of(vectors).backward()
    backward()
    assert held == [(False, 4), (False, 4), (False, 3), (True, 4), (True, 4), (True, 3)]


def test_a_training_in_micro_batches_is_the_training(tmp_path):
    folder = str(made_encoder_folder(tmp_path))
    trained = {}
    for size in (None, 3, 16):
        encoder = load_encoder(folder)
        figures = train(encoder, toy_pairs(), SETTINGS.model_copy(update={"micro_batch": size}), 3)
        trained[size] = weights(encoder), figures["loss"]
    assert same_bits(trained[16][0], trained[None][0]), "a micro batch of everything is no micro batch"
    for given, _ in trained.values():
        del given[
            "bert.encoder.layer.0.attention.self.key.bias"
        ]  # its gradient is zero but for rounding, of which Adam makes steps
    assert largest_difference(trained[3][0], trained[None][0]) < 1e-5
    assert trained[3][1] == pytest.approx(trained[None][1], rel=1e-5)


def test_inference_free_encoders(tmp_path):
    folder = family_folder(tmp_path, "inference-free")
    both = []
    for size in (None, 3):
        encoder = load_encoder(folder)
        encoder.eval()  # no dropout
        texts = [pair.question for pair in toy_pairs()][:7]
        queries, queries_backward = representations(
            encoder, "query", texts, SETTINGS.model_copy(update={"micro_batch": size})
        )
        documents, documents_backward = representations(
            encoder, "document", TEXTS[:7], SETTINGS.model_copy(update={"micro_batch": size})
        )
        (queries * documents).sum().backward()
        queries_backward()
        documents_backward()
        both.append(gradients(encoder))
    assert both[0].keys() == both[1].keys() and both[0]
    scale = max(gradient.abs().max() for gradient in both[0].values())
    assert all((both[1][name] - gradient).abs().max() <= 1e-5 * scale for name, gradient in both[0].items())
