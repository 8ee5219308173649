"""The training loop on one worker: it learns, it repeats itself, and it does what the settings say."""

from __future__ import annotations

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from harness.files import headway
from harness.training.guard import TrainingStopped
from harness.training.loop import Pair, train
from harness.training.settings import TrainingSettings
from sembridge.encoder.loading import load_encoder
from tests.helpers.encoders_made import largest_difference, made_encoder, made_encoder_folder, same_bits, weights
from tests.helpers.pairs_made import toy_pairs
from tests.helpers.products_seen import products_seen

FAST = {"precision": "float32", "batch_size": 8, "epochs": 1, "learning_rate": 5e-3, "max_length": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(made_encoder_folder(tmp_path_factory.mktemp("plain")))


@pytest.fixture(scope="module")
def dropout_folder(tmp_path_factory):
    return str(made_encoder_folder(tmp_path_factory.mktemp("dropout"), dropout=0.2))


def trained(folder, pairs=None, seed=3, **settings):
    encoder = load_encoder(folder)
    figures = train(encoder, pairs or toy_pairs(), TrainingSettings(**FAST | settings), seed)
    return encoder, figures


def contrasts(folder, **settings):
    seen = []
    train(
        load_encoder(folder),
        toy_pairs(),
        TrainingSettings(**FAST | settings, checkpoint_every=1),
        3,
        report=seen.append,
    )
    return [figures["contrast"] for figures in seen]


def test_a_few_steps_lower_the_loss(folder):
    losses = contrasts(folder, epochs=6)
    assert len(losses) == 29
    assert sum(losses[-5:]) / 5 < 0.5 * sum(losses[:5]) / 5


def test_regularization_lowers_the_number_of_active_dimensions(folder):
    free, held = (trained(folder, epochs=4, lambda_query=weight, lambda_document=weight)[1] for weight in (0.0, 0.05))
    assert held["document_active"] < 0.7 * free["document_active"]
    assert held["query_active"] < 0.7 * free["query_active"]


def test_the_same_seed_gives_the_same_bits_and_another_does_not(dropout_folder):
    torch.manual_seed(1)
    first, figures = trained(dropout_folder)
    torch.manual_seed(2)
    second, again = trained(dropout_folder)
    assert same_bits(weights(first), weights(second))
    figures.pop("training_seconds"), again.pop("training_seconds")
    assert figures == again and figures["steps"] == 5 and figures["resumed_from"] == 0
    assert not same_bits(weights(first), weights(trained(dropout_folder, seed=4)[0]))


def test_dropout_is_on_in_training_and_off_afterwards(folder, dropout_folder):
    encoder, _ = trained(dropout_folder)
    assert not encoder[0].model.training
    without, _ = trained(folder)  # the same weights and batches
    assert largest_difference(weights(encoder), weights(without)) > 1e-3


def test_precision_is_that_of_the_settings(folder):
    full, figures = trained(folder)
    low, low_figures = trained(folder, precision="bfloat16")
    assert {parameter.dtype for parameter in low[0].model.parameters()} == {torch.float32}
    assert 1e-6 < largest_difference(weights(full), weights(low)) < 0.1
    assert figures["contrast"] == pytest.approx(low_figures["contrast"], rel=0.1)


def test_in_float32_forward_and_backward_passes_take_the_faster_products(folder, monkeypatch):
    before, figures = trained(folder, max_pairs=16)
    monkeypatch.setattr("sembridge.encoder.matmul.FEWEST_ROWS", 1)
    made = products_seen(monkeypatch)
    encoder, again = trained(folder, max_pairs=16)
    texts = [shape for shape in made if len(shape) == 3 and shape[0] == 8]
    assert texts and any(shape[1] == 8 * texts[0][1] for shape in made if len(shape) == 2), (
        "products of texts, and of gradients with all tokens"
    )
    assert again["loss"] == pytest.approx(figures["loss"], rel=1e-4)
    assert largest_difference(weights(encoder), weights(before)) < 1e-3


@pytest.fixture
def rates():
    """The learning rates of every optimizer step, and the norm of its gradient."""
    seen = []

    def hook(optimizer, args, kwargs):
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
        groups = [(group["weight_decay"], {p.dim() > 1 for p in group["params"]}) for group in optimizer.param_groups]
        seen.append(({group["lr"] for group in optimizer.param_groups}, float(norm), groups))

    handle = register_optimizer_step_pre_hook(hook)
    yield seen
    handle.remove()


def test_learning_rate_rises_and_falls_in_a_straight_line(folder, rates):
    trained(folder, epochs=2, warmup=0.3, learning_rate=1e-3)  # 10 steps, 3 of them rising
    expected = [1 / 4, 2 / 4, 3 / 4, 1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7]
    assert all(len(rate) == 1 for rate, *_ in rates)
    assert [min(rate) for rate, *_ in rates] == pytest.approx([1e-3 * factor for factor in expected])


def test_learning_rate_without_warmup_starts_at_the_top(folder, rates):
    trained(folder, warmup=0.0, learning_rate=1e-3)
    assert [min(rate) for rate, *_ in rates] == pytest.approx([1e-3, 8e-4, 6e-4, 4e-4, 2e-4])


def test_gradients_are_clipped_and_vectors_do_not_decay(folder, rates):
    trained(folder, max_gradient=0.01, weight_decay=0.125)
    assert [norm for _, norm, _ in rates] == pytest.approx([0.01] * 5, rel=1e-3)
    assert all(groups == [(0.125, {True}), (0.0, {False})] for *_, groups in rates)


def test_questions_of_the_same_document_are_no_negatives(folder):
    pairs = [Pair("the old cat", "window song", 5), Pair("river mountain", "bread water", 5)]
    _, same = trained(folder, pairs, batch_size=2, learning_rate=1e-9)
    assert same["contrast"] == 0.0
    _, different = trained(
        folder, [pairs[0], Pair("river mountain", "bread water", 6)], batch_size=2, learning_rate=1e-9
    )
    assert different["contrast"] > 0.01


def seen_by_model(encoder, pairs, **settings):
    """input_ids of every forward pass, and the mask."""
    batches = []
    encoder[0].model.register_forward_pre_hook(
        lambda module, args, kwargs: batches.append((kwargs["input_ids"], kwargs["attention_mask"])), with_kwargs=True
    )
    train(encoder, pairs, TrainingSettings(**FAST | settings), 3)
    return batches[
        1:
    ]  # the first is one text, on which it is tried whether the model can be stopped before its decoder


def test_texts_are_cut_at_max_length_and_at_what_the_encoder_allows(folder):
    long = [Pair("cat " * 100, "window " * 30, number) for number in range(8)]
    assert {tuple(ids.shape) for ids, _ in seen_by_model(load_encoder(folder), long, max_length=11)} == {(8, 11)}
    encoder = load_encoder(folder)
    encoder.max_seq_length = 40
    assert [ids.shape[1] for ids, _ in seen_by_model(encoder, long, max_length=500)] == [40, 30]


def test_training_puts_the_encoders_prompts_before_the_texts_as_evaluation_does(folder):
    encoder = load_encoder(folder)
    encoder.prompts = {"query": "train station ", "document": "captain "}
    tokenizer = encoder[0].processor
    pairs = [Pair("the old cat", "window song", 0), Pair("a new doctor", "bread water", 1)]
    (questions, question_mask), (passages, passage_mask) = seen_by_model(encoder, pairs, batch_size=2)
    shown = [
        {tokenizer.decode(row[keep.bool()]) for row, keep in zip(ids, mask, strict=True)}
        for ids, mask in ((questions, question_mask), (passages, passage_mask))
    ]
    assert shown == [
        {"train station the old cat", "train station a new doctor"},
        {"captain window song", "captain bread water"},
    ]


def test_report_gets_the_figures_at_every_checkpoint_and_not_after_the_last_step(folder):
    seen = []
    train(load_encoder(folder), toy_pairs(), TrainingSettings(**FAST, checkpoint_every=2), 3, report=seen.append)
    assert [(figures["step"], figures["steps"]) for figures in seen] == [(2, 5), (4, 5)]
    assert all({"loss", "contrast", "sparsity", "query_active", "document_active"} < figures.keys() for figures in seen)
    assert all(figures["loss"] >= figures["contrast"] > 0 for figures in seen)


def test_too_few_pairs(folder):
    for pairs in ([], toy_pairs()[:1]):
        with pytest.raises(ValueError, match=rf"{len(pairs)} training pairs are too few for 1 worker"):
            train(load_encoder(folder), pairs, TrainingSettings(**FAST), 3)


def test_broken_weights_stop_the_training_before_they_are_used(folder):
    encoder = load_encoder(folder)
    with torch.no_grad():
        encoder[0].model.cls.predictions.bias.fill_(float("nan"))
    with pytest.raises(TrainingStopped, match=r"step 0: the loss is nan.*training\.learning_rate"):
        train(encoder, toy_pairs(), TrainingSettings(**FAST), 3)


def test_an_empty_representation_stops_the_training(tmp_path):
    encoder = made_encoder(tmp_path, bias=-1000.0)
    before = weights(encoder)
    with pytest.raises(TrainingStopped, match=r"step 0: all queries of the batch have 0 active dimensions"):
        train(encoder, toy_pairs(), TrainingSettings(**FAST), 3)
    assert same_bits(before, weights(encoder))


def test_it_tells_how_many_steps_are_done_and_that_changes_no_bit(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(headway, "SECONDS", 0.0)
    seen: list[tuple[str, int, int]] = []

    def look(figures):
        (piece,) = headway.read(tmp_path).values()
        seen.append(piece.counts[0][:3])

    told, plain = load_encoder(folder), load_encoder(folder)
    settings = TrainingSettings(**FAST | {"checkpoint_every": 1})
    with headway.reporting(tmp_path / "key.json"):
        train(told, toy_pairs(), settings, 3, report=look)
    assert seen == [("steps", done, 5) for done in (1, 2, 3, 4)]
    train(plain, toy_pairs(), settings, 3)
    assert same_bits(weights(told), weights(plain))
