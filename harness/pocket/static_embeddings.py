"""Static embeddings of subwords, trained so that texts that mean the same lie close together: the pocket's bridge, and the start of its encoder."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

import torch

STEPS, LEARNING_RATE, SCALE = 300, 0.05, 16.0


def train_static(tokenize: Callable[[list[str]], list[list[int]]], vocabulary: int, size: int, groups: Sequence[Mapping[str, list[str]]], seed: int
                 ) -> torch.Tensor:  # fmt: skip
    """[vocabulary, size] float32 embeddings; a text is the mean of its subwords.

    groups  each maps a meaning to texts that have it; every step draws two texts of each meaning of one group, and every other meaning is a negative
            (InfoNCE over cosines, both directions)
    """
    choice = random.Random(f"static {seed}")
    generator = torch.Generator().manual_seed(seed)
    bag = torch.nn.EmbeddingBag.from_pretrained(
        torch.empty(vocabulary, size).normal_(std=0.1, generator=generator), freeze=False, mode="mean"
    )
    optimizer = torch.optim.Adam(bag.parameters(), lr=LEARNING_RATE)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.02 - step / STEPS)
    for step in range(STEPS):
        pairs = [choice.sample(texts, 2) for texts in groups[step % len(groups)].values()]
        left, right = (
            torch.nn.functional.normalize(_embed(bag, tokenize([pair[side] for pair in pairs])), dim=1)
            for side in (0, 1)
        )
        scores = SCALE * left @ right.T
        right_answers = torch.arange(len(pairs))
        loss = torch.nn.functional.cross_entropy(scores, right_answers) + torch.nn.functional.cross_entropy(
            scores.T, right_answers
        )
        loss.backward()
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
    return bag.weight.detach()


def _embed(bag: torch.nn.EmbeddingBag, token_ids: list[list[int]]) -> torch.Tensor:
    offsets = torch.tensor([0, *map(len, token_ids[:-1])]).cumsum(0)
    return bag(torch.tensor([token for text in token_ids for token in text]), offsets)
