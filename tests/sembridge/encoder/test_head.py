"""The sparse head against sentence-transformers' own pooling, bit for bit."""

from __future__ import annotations

import pytest
import torch
from sentence_transformers.sparse_encoder.modules import SpladePooling

from sembridge.encoder.head import arithmetic, encode, in_bfloat16, pad, pool
from sembridge.encoder.modules import splade_modules
from tests.helpers.families_made import FAMILIES, family_encoder, texts
from tests.helpers.processors import processor

SETTINGS = [(strategy, activation) for strategy in ("max", "sum") for activation in ("relu", "log1p_relu")]
SHAPES = [(1, 1, 1), (2, 3, 5), (5, 7, 33), (4, 19, 130), (3, 1, 257), (9, 40, 1003)]


def random_logits(shape: tuple[int, int, int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator) * 4 - 2
    lengths = torch.randint(1, shape[1] + 1, (shape[0],), generator=generator)
    lengths[0] = shape[1]
    return logits, (torch.arange(shape[1]) < lengths[:, None]).long()


def theirs(logits: torch.Tensor, mask: torch.Tensor, strategy: str, activation: str) -> torch.Tensor:
    module = SpladePooling(strategy, activation_function=activation).eval()
    return module({"token_embeddings": logits.clone(), "attention_mask": mask})["sentence_embedding"]


@pytest.mark.parametrize(("strategy", "activation"), SETTINGS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_splade_pooling_bit_for_bit(strategy, activation, shape):
    logits, mask = random_logits(shape)
    ours = pool(logits, mask, strategy, activation)
    assert ours.shape == (shape[0], shape[2]) and torch.equal(ours, theirs(logits, mask, strategy, activation))


@pytest.mark.parametrize(("strategy", "activation"), SETTINGS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_equals_splade_pooling_in_other_precisions(strategy, activation, dtype):
    logits, mask = random_logits((4, 19, 130))
    ours = pool(logits.to(dtype), mask, strategy, activation)
    assert ours.dtype == dtype and torch.equal(ours, theirs(logits.to(dtype), mask, strategy, activation))


def test_the_settings_differ():
    logits, mask = random_logits((4, 19, 130))
    results = [pool(logits, mask, *settings) for settings in SETTINGS]
    assert all(not torch.equal(a, b) for i, a in enumerate(results) for b in results[:i])
    assert torch.equal(pool(logits, mask), results[0]), "max and relu unless told otherwise"


def test_by_hand():
    logits = torch.tensor([[[1.0, -1.0], [3.0, -2.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert pool(logits, mask).tolist() == [[pytest.approx(1.3862944), 0.0]]  # log(1 + 3)
    assert pool(logits, mask, "sum").tolist() == [[pytest.approx(0.6931472 + 1.3862944), 0.0]]
    assert pool(logits, mask, "max", "log1p_relu").tolist() == [[pytest.approx(0.8697417), 0.0]]  # log(1 + log(1 + 3))


@pytest.mark.parametrize("junk", [0.0, 100.0, -100.0, float("inf"), float("nan")])
@pytest.mark.parametrize(("strategy", "activation"), SETTINGS)
def test_padding_does_not_matter(strategy, activation, junk):
    logits, mask = random_logits((5, 7, 33))
    longer = torch.cat([logits, torch.full((5, 11, 33), junk)], dim=1)
    longer_mask = torch.cat([mask, torch.zeros(5, 11, dtype=torch.long)], dim=1)
    before, after = pool(logits, mask, strategy, activation), pool(longer, longer_mask, strategy, activation)
    if strategy == "max":
        assert torch.equal(after, before)
    else:
        torch.testing.assert_close(after, before, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("strategy", "activation"), SETTINGS)
def test_no_negative_zero_and_no_input_changed(strategy, activation):
    logits, mask = random_logits((5, 7, 33))
    before = logits.clone()
    weights = pool(logits, mask, strategy, activation)
    assert torch.equal(logits, before) and not torch.signbit(weights).any()
    assert not pool(-logits.abs(), mask, strategy, activation).any()


@pytest.mark.parametrize(("strategy", "activation"), SETTINGS)
def test_gradient_equals_that_of_splade_pooling(strategy, activation):
    gradients = []
    for function in (
        pool,
        lambda x, m, s, a: SpladePooling(s, activation_function=a).train()(
            {"token_embeddings": x, "attention_mask": m}
        )["sentence_embedding"],
    ):
        logits, mask = random_logits((4, 9, 57))
        logits.requires_grad_()
        (function(logits * 1, mask, strategy, activation) * torch.linspace(0.5, 1, 57)).sum().backward()
        assert torch.isfinite(logits.grad).all()
        gradients.append(logits.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-6, atol=0)


def test_pad():
    batch = pad([[5, 6, 7], [8], [9, 10]], pad_id=3)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 3, 3], [9, 10, 3]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    assert batch["input_ids"].dtype == batch["attention_mask"].dtype == torch.long


@pytest.mark.parametrize("family", FAMILIES)
def test_represents_as_the_encoder_does(family, tmp_path):
    encoder = family_encoder(tmp_path, family)
    tokenizer = splade_modules(encoder).tokenizer
    for strategy, activation in SETTINGS:
        splade_modules(encoder).pooling.pooling_strategy, splade_modules(encoder).pooling.activation_function = (
            strategy,
            activation,
        )
        sentences = texts()[:12]
        ids = tokenizer(sentences, truncation=True, max_length=splade_modules(encoder).transformer.max_seq_length)[
            "input_ids"
        ]
        with torch.no_grad():
            ours = encode(encoder, pad(ids, tokenizer.pad_token_id))
            expected = encoder({**encoder.preprocess(sentences)})["sentence_embedding"]
        assert (ours > 0).any() and torch.equal(ours, expected)


def test_bfloat16_warns_with_its_ratio_where_the_processor_is_slow_at_it(monkeypatch):
    processor(monkeypatch, 7.0)
    match = "precision bfloat16 is slow .* 7.0 times"
    with pytest.warns(UserWarning, match=match) as caught, arithmetic(torch.device("cpu"), "bfloat16"):
        pass
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("precision", "ratio"), [("bfloat16", 1.0), ("float32", 7.0), ("auto", 7.0)])
def test_other_arithmetic_is_silent(precision, ratio, monkeypatch, recwarn):
    processor(monkeypatch, ratio)
    with arithmetic(torch.device("cpu"), precision):
        pass
    assert not recwarn


def test_auto_is_bfloat16_only_where_a_gpu_does_not_emulate_it(monkeypatch):
    """Cards before Ampere: torch would compute in bfloat16, by way of float32."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not in_bfloat16(torch.device("cuda"), "auto") and in_bfloat16(torch.device("cuda"), "bfloat16")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    assert in_bfloat16(torch.device("cuda"), "auto") and not in_bfloat16(torch.device("cpu"), "auto")
