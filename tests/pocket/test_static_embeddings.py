"""Static training brings texts of the same meaning together, decided by its seed alone."""

from __future__ import annotations

import random

import pytest
import torch

from harness.pocket import static_embeddings
from harness.pocket.static_embeddings import train_static

# Thirty meanings of three texts; each text has one subword of its own and one shared with texts of other meanings.
MEANINGS = {
    f"m{meaning}": [f"{3 * meaning + form} {90 + (meaning + 7 * form) % 10}" for form in range(3)]
    for meaning in range(30)
}


def tokenize(texts):
    return [[int(token) for token in text.split()] for text in texts]


def train(seed=1, groups=(MEANINGS,)):
    return train_static(tokenize, 100, 16, list(groups), seed)


def cosines(rows):
    """Return [90, 90] cosines, and masks of the pairs that are synonyms and of those that are not."""
    vectors = torch.stack([rows[ids].mean(0) for texts in MEANINGS.values() for ids in tokenize(texts)])
    vectors = torch.nn.functional.normalize(vectors, dim=1)
    meaning = torch.arange(90) // 3
    same = meaning[:, None] == meaning[None, :]
    return vectors @ vectors.T, same & ~torch.eye(90, dtype=torch.bool), ~same


@pytest.fixture(scope="module")
def rows():
    return train()


def test_synonyms_come_together_and_others_apart(rows):
    trained, synonyms, others = cosines(rows)
    assert trained[synonyms].mean() > 0.8 > 0.3 > trained[others].mean()
    assert trained[synonyms].min() > trained[others].mean() + 0.2
    untrained, synonyms, _ = cosines(torch.randn(100, 16, generator=torch.Generator().manual_seed(1)))
    assert untrained[synonyms].mean() < 0.3


def test_shape_and_kind(rows):
    assert rows.shape == (100, 16) and rows.dtype == torch.float32
    assert rows.isfinite().all() and not rows.requires_grad


def test_the_seed_decides_and_no_global_generator(rows):
    torch.manual_seed(5), random.seed(5)
    before = torch.get_rng_state()
    assert torch.equal(train(), rows)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(train(seed=2), rows)


def test_groups_take_turns(monkeypatch):
    """Every group is trained on, and only texts of the same group are each other's negatives."""
    monkeypatch.setattr(static_embeddings, "STEPS", 6)
    batches = []

    def spy(texts):
        batches.append(texts)
        return tokenize(texts)

    first, second = dict(list(MEANINGS.items())[:10]), dict(list(MEANINGS.items())[10:])
    train_static(spy, 100, 16, [first, second], 1)
    assert [len(texts) for texts in batches] == [10, 10, 20, 20] * 3
    for left, right in zip(batches[::2], batches[1::2], strict=True):
        for text, other in zip(left, right, strict=True):
            assert text != other
            assert any({text, other} <= set(texts) for texts in MEANINGS.values())
