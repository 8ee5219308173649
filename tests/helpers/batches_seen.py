"""How much models read at a time, seen at their embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def batches_seen() -> Iterator[list[tuple[int, int]]]:
    """The list grows while models run: texts of every batch that reaches an embedding, and their tokens, pads included (0 in an EmbeddingBag)."""
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
