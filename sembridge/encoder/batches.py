"""Divide texts into batches of similar lengths, so that few pads are computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MOST_TOKENS = 8192  # per batch, pads included
ENOUGH_TOKENS = 1024  # from this size on, a batch is closed before the fraction of pads exceeds LARGEST_WASTE
LARGEST_WASTE = 1 / 11


def length_batches(
    order: Sequence[int], token_ids: Sequence[Sequence[int]], most: int = MOST_TOKENS
) -> Iterator[list[int]]:
    """Yield consecutive pieces of `order` (by ascending length) of at most `most` tokens, or of one longer text.

    Below ENOUGH_TOKENS, pads are cheaper than another batch.
    """
    batch: list[int] = []
    tokens = 0
    for i in order:
        length = len(token_ids[i])
        padded = (len(batch) + 1) * length
        wasteful = tokens >= ENOUGH_TOKENS and padded - tokens - length > LARGEST_WASTE * padded
        if batch and (padded > most or wasteful):
            yield batch
            batch, tokens = [], 0
        batch.append(i)
        tokens += length
    if batch:
        yield batch
