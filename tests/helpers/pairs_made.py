"""Toy training pairs: short questions, each answered by a passage that shares one rare word with it."""

from __future__ import annotations

from harness.training.loop import Pair

_WORDS = (
    "teacher doctor cat engine window song river mountain letter market bread water winter garden bridge street "
    "station train captain island"
)
WORDS = _WORDS.split()


def toy_pairs(copies: int = 2) -> list[Pair]:
    """Return 20 documents with `copies` questions each; the questions of a document are neighbors."""
    openings = ("the old", "a new", "question the", "answer a")
    pairs = []
    for number, word in enumerate(WORDS):
        passage = f"the {word} forgets the {WORDS[(number + 7) % len(WORDS)]} evening silence"
        pairs += [Pair(f"{openings[copy]} {word}", passage, number) for copy in range(copies)]
    return pairs
