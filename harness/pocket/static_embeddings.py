"""Static embeddings of subwords, trained on texts of the same meaning, for the pocket's bridge and encoders."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import torch
from torch.nn.functional import cross_entropy, normalize

from harness.files import headway

STEPS, LEARNING_RATE, SCALE = 300, 0.05, 16.0


def train_static(
    tokenize: Callable[[list[str]], list[list[int]]],
    vocabulary: int,
    size: int,
    groups: Sequence[Mapping[str, list[str]]],
    seed: int,
) -> torch.Tensor:
    """Return [vocabulary, size] float32 embeddings; a text's vector is the mean of its subwords.

    groups  each maps meanings to texts that have them; a step draws two texts of every meaning of one group, and all
            other meanings are negatives (InfoNCE over cosines, in both directions)
    """
    choice = random.Random(f"static {seed}")
    generator = torch.Generator().manual_seed(seed)
    start = torch.empty(vocabulary, size).normal_(std=0.1, generator=generator)
    bag = torch.nn.EmbeddingBag.from_pretrained(start, freeze=False, mode="mean")
    optimizer = torch.optim.Adam(bag.parameters(), lr=LEARNING_RATE)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.02 - step / STEPS)
    for step in range(STEPS):
        pairs = [choice.sample(texts, 2) for texts in groups[step % len(groups)].values()]
        left, right = (normalize(_embed(bag, tokenize([pair[side] for pair in pairs])), dim=1) for side in (0, 1))
        scores = SCALE * left @ right.T
        meanings = torch.arange(len(pairs))
        loss = cross_entropy(scores, meanings) + cross_entropy(scores.T, meanings)
        loss.backward()
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        headway.advance()
    return bag.weight.detach()


def _embed(bag: torch.nn.EmbeddingBag, token_ids: list[list[int]]) -> torch.Tensor:
    offsets = torch.tensor([0, *map(len, token_ids[:-1])]).cumsum(0)
    return bag(torch.tensor([token for text in token_ids for token in text]), offsets)
