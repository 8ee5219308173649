"""Thresholds against counting in dense logits; what is calibrated is active as often as it may be, no oftener."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sembridge.encoder.calibration import lower_bias, sample, thresholds
from sembridge.encoder.head import tokenize
from sembridge.encoder.loading import load_encoder
from sembridge.encoder.modules import splade_modules
from tests.helpers.encoders_made import made_encoder
from tests.helpers.families_made import FAMILIES, decoder_bias, represented

WORDS = ["teacher", "cat", "river", "window", "song", "mountain", "letter", "answer", "market", "bread", "water"]


def passages(count: int = 120) -> list[str]:
    """Return different texts of five to ten words."""
    draw = np.random.default_rng(0)
    return [" ".join([*draw.choice(WORDS, 3 + i % 6), f"the {i}"]) for i in range(count)]


@pytest.fixture
def encoder(tmp_path: Any) -> Any:
    return made_encoder(tmp_path / "encoder", bias=0.3)


def counted_by_hand(encoder: Any, texts: list[str], rate: float) -> np.ndarray:
    """Return the thresholds from the logits of one text at a time."""
    modules, largest, present = splade_modules(encoder), [], []
    for ids in tokenize(encoder, texts, "document"):
        with torch.no_grad():
            largest.append(modules.model(input_ids=torch.tensor([ids])).logits[0].amax(dim=0).numpy())
        present.append(np.isin(np.arange(len(largest[-1])), ids))
    logits = np.sort(np.stack(largest), axis=0)[::-1]
    values = np.zeros(logits.shape[1])
    for token in range(logits.shape[1]):
        most = max(1, round(rate * len(texts))) + int(np.sum(present, axis=0)[token])
        if most < len(texts):
            values[token] = max(logits[most, token], 0)
    return values


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
def test_thresholds_are_those_counted_by_hand(encoder, rate):
    expected = counted_by_hand(encoder, passages(), rate)
    assert (expected > 0).mean() > 0.05 and (expected == 0).any()
    np.testing.assert_allclose(thresholds(encoder, passages(), rate=rate), expected, atol=1e-5)


def test_a_token_is_active_in_no_more_texts_than_allowed(encoder):
    texts, rate = passages(), 0.05
    before = (represented(encoder, texts) > 0).sum(axis=0)
    occurrences = np.zeros(len(before), dtype=int)
    for ids in tokenize(encoder, texts, "document"):
        occurrences[list(set(ids))] += 1
    allowed = 6 + occurrences
    after = (represented(lower_bias(encoder, thresholds(encoder, texts, rate=rate) + np.float32(1e-5)), texts) > 0).sum(
        axis=0
    )
    assert (before > allowed).sum() > 20 and (after <= allowed).all()
    assert after[before <= allowed] == pytest.approx(before[before <= allowed], abs=1)


def test_an_encoder_that_is_rarely_active_stays_as_it_was(tmp_path):
    quiet = made_encoder(tmp_path / "quiet", bias=-5)
    assert not thresholds(quiet, passages()).any()


def test_neither_the_order_of_texts_nor_their_repetition_matters(encoder):
    expected = thresholds(encoder, passages())
    assert thresholds(encoder, iter([*passages()[::-1], *passages()[:50]])).tobytes() == expected.tobytes()


def test_the_encoder_is_not_changed(encoder):
    bias, training = decoder_bias(encoder).copy(), splade_modules(encoder).model.training
    thresholds(encoder, passages())
    assert np.array_equal(decoder_bias(encoder), bias) and splade_modules(encoder).model.training == training


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_of_models_can_be_calibrated(family, folders):
    encoder = load_encoder(folders[family, True])
    values, before = thresholds(encoder, passages(), rate=0.02), decoder_bias(encoder).copy()
    lower_bias(encoder, values)
    np.testing.assert_array_equal(decoder_bias(encoder), before - values)
    assert (values >= 0).all() and np.isfinite(values).all()


def test_texts_are_cut_at_the_length_that_evaluations_use(encoder):
    longer = [f"{text} song song bread bread water water" for text in passages()]
    short = thresholds(encoder, longer, max_length=5)
    assert not np.array_equal(short, thresholds(encoder, longer))
    splade_modules(encoder).transformer.max_seq_length = 5
    assert np.array_equal(short, thresholds(encoder, longer))


@pytest.mark.parametrize("rate", [0, 1, -0.1, 1.5, float("nan")])
def test_a_rate_is_a_share(encoder, rate):
    with pytest.raises(ValueError, match=r"is not a share of texts; give one between 0 and 1, as 0\.005"):
        thresholds(encoder, passages(), rate=rate)


def test_of_few_texts_each_token_may_be_active_in_one(encoder):
    assert not thresholds(encoder, ["the cat"]).any()
    np.testing.assert_allclose(
        thresholds(encoder, passages(20)), counted_by_hand(encoder, passages(20), 0.005), atol=1e-5
    )


def test_no_text(encoder):
    with pytest.raises(ValueError, match="needs text of the new language, and there is none; choose bias 'transfer'"):
        thresholds(encoder, [])


def test_a_decoder_without_a_bias(encoder):
    decoder = splade_modules(encoder).model.get_output_embeddings()
    decoder.bias = None
    with pytest.raises(ValueError, match="has no bias to calibrate; choose bias 'transfer'"):
        thresholds(encoder, passages())


def test_the_sample_has_the_smallest_digests_whatever_the_order():
    texts = [f"text {i}" for i in range(500)]
    chosen = sample(texts, 40)
    assert len(chosen) == len(set(chosen)) == 40
    assert chosen == sample(texts[::-1] + texts, 40)
    assert set(sample(texts, 20)) < set(chosen) and sorted(sample(texts, 1000)) == sorted(texts)


@pytest.mark.parametrize("strategy", ["max", "sum"])
def test_neither_pooling_nor_a_model_that_changes_its_logits_matters(encoder, monkeypatch, strategy):
    expected = thresholds(encoder, passages())
    splade_modules(encoder).pooling.pooling_strategy = strategy
    assert thresholds(encoder, passages()).tobytes() == expected.tobytes()
    monkeypatch.setattr("sembridge.encoder.head.decoder_input", lambda *_: None)
    monkeypatch.setattr("sembridge.encoder.head.MOST_LOGITS", 5000)
    np.testing.assert_allclose(thresholds(encoder, passages()), expected, atol=1e-6)
