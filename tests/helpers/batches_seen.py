"""The sizes of the batches that models read, observed at their embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def batches_seen() -> Iterator[list[tuple[int, int]]]:
    """Yield a list that grows while models run: (texts, tokens with pads) of each batch at an embedding.

    Tokens are 0 for an EmbeddingBag.
    """
    seen: list[tuple[int, int]] = []

    def look(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        if isinstance(module, nn.EmbeddingBag):
            seen.append((len(arguments[1]), 0))  # offsets
        elif isinstance(module, nn.Embedding) and arguments:
            seen.append((len(arguments[0]), arguments[0].numel()))

    handle = nn.modules.module.register_module_forward_pre_hook(look)
    try:
        yield seen
    finally:
        handle.remove()
