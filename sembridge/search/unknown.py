"""Count the unknown tokens of queries and documents as they are encoded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sembridge.vocabulary.unknown import TokenCount

SIDES = {"query": "queries", "document": "documents"}


class UnknownTokens:
    """Count tokens, without the specials around a text, and how many of them are unknown, on each side.

    Counts are integers, so windows and shards do not change the result.
    """

    def __init__(self, counts: Sequence[Sequence[int]] | np.ndarray = ((0, 0), (0, 0))) -> None:
        self.counts = np.array(counts, dtype=np.int64)  # rows query, document; columns as in TokenCount

    def add(self, side: str, count: TokenCount) -> None:
        """Count texts of a side, query | document."""
        self.counts[list(SIDES).index(side)] += count

    def rates(self) -> dict[str, float]:
        """Return the share of unknown tokens of `queries` and `documents`; empty if no tokens were counted."""
        if not self.counts[:, 1].any():
            return {}
        return {SIDES[side]: share(TokenCount(*row)) for side, row in zip(SIDES, self.counts.tolist(), strict=True)}


def share(count: TokenCount) -> float:
    """Return the share of unknown tokens, 0 for texts without tokens."""
    return count.unknown / count.tokens if count.tokens else 0.0


def merge(parts: Sequence[UnknownTokens]) -> UnknownTokens:
    """Merge the counts of shards, which share the queries but no documents."""
    queries, documents = parts[0].counts
    if any(not np.array_equal(part.counts[0], queries) for part in parts):
        raise ValueError("the parts read different queries")
    return UnknownTokens([queries, documents + sum(part.counts[1] for part in parts[1:])])
