"""Decide how many tokens bridges embed for an advice, so that it takes a minute or two and not hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

SHORT = 6
"""Tokens that a bridge reads of a token's text, specials and prompt included: a usual number, for the budget alone."""
_SOURCE, _TARGET = 8e12, 2e12  # operations for each vocabulary: about a minute, and a quarter of one, on two slow cores
_ON_DEVICE = 50  # times as many on a GPU
_LEAST = 2_000  # tokens of a vocabulary: fewer say little
_MOST = 64_000, 16_000  # tokens of a source and of a target vocabulary, because all of them are compared


class Sample(NamedTuple):
    """How many tokens of the source vocabulary, and of each target vocabulary, every bridge embeds at most."""

    sources: int
    targets: int


def sample_for(bridges: Sequence[Any]) -> Sample:
    """Return a sample that the slowest of the bridges (SentenceTransformers) embeds in a minute or two.

    All bridges embed the same tokens, so that their measures can be compared. The sample depends on the sizes of the
    bridges and on whether there is a GPU, not on how busy the machine is.
    """
    operations = max(2 * SHORT * _multiplied(bridge) for bridge in bridges)
    if not operations:
        return Sample(*_MOST)
    scale = _ON_DEVICE if any(str(bridge.device).startswith("cuda") for bridge in bridges) else 1
    budgets = zip((_SOURCE, _TARGET), _MOST, strict=True)
    return Sample(*(min(most, max(_LEAST, int(scale * budget / operations))) for budget, most in budgets))


def _multiplied(bridge: Any) -> int:
    """Return the number of weights that every token is multiplied with: all but those of embeddings."""
    import torch

    looked_up = (torch.nn.Embedding, torch.nn.EmbeddingBag)
    embedded = {id(w) for m in bridge.modules() if isinstance(m, looked_up) for w in m.parameters(recurse=False)}
    return sum(weight.numel() for weight in bridge.parameters() if id(weight) not in embedded)
