"""Transfers between tokens with vectors of a bridge's kind: a common direction, one for each language, and meanings."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np

from sembridge.bridge import BridgeVectors, TokenVectors
from sembridge.initializer import Transfer
from tests.helpers.transfers_made import made_transfer, with_source_ids, with_target_ids

Task = tuple[Transfer, BridgeVectors]


def bridged(source: int, target: int, size: int = 16, *, seed: int = 0, copied: int = 4, hidden: int = 12) -> Task:
    """Return a transfer with tokens at both places in a word, of which the first targets copy the first sources."""
    rng = np.random.default_rng(seed)
    transfer = made_transfer(
        [i if i < copied else -1 for i in range(target)], rng.standard_normal((source, hidden)).astype(np.float32) + 0.2
    )
    sides = {
        name: replace(side, word_initial=rng.random(len(side)) < 0.5)
        for name, side in (("source", transfer.source), ("target", transfer.target))
    }
    common = rng.standard_normal(size)
    tokens = []
    for count in (source, target):
        vectors = rng.standard_normal((count, size)) * rng.uniform(0.2, 1.0, size) + common + rng.standard_normal(size)
        tokens.append(TokenVectors(vectors.astype(np.float32), np.ones(count, dtype=bool)))
    return replace(transfer, **sides), BridgeVectors(*tokens)


def moved(vectors: BridgeVectors, source=lambda x: x, target=lambda x: x) -> BridgeVectors:
    """Return the vectors after a function of each side, rounded to float32."""
    sides = {
        name: replace(side, vectors=np.asarray(change(side.vectors.astype(np.float64)), dtype=np.float32))
        for name, side, change in (("source", vectors.source, source), ("target", vectors.target, target))
    }
    return replace(vectors, **sides)


def knowing(
    vectors: BridgeVectors, source: np.ndarray | None = None, target: np.ndarray | None = None
) -> BridgeVectors:
    """Return the vectors of which only some are known."""
    sides = {"source": (vectors.source, source), "target": (vectors.target, target)}
    return replace(
        vectors, **{name: replace(side, known=known) for name, (side, known) in sides.items() if known is not None}
    )


def renumbered(task: Task, source: np.ndarray | None = None, target: np.ndarray | None = None) -> Task:
    """Return the same task under other ids: new id i has what old id order[i] had."""
    transfer, vectors = task
    if target is not None:
        transfer = with_target_ids(transfer, target)
        vectors = replace(vectors, target=_taken(vectors.target, target))
    if source is not None:
        transfer = with_source_ids(transfer, source)
        vectors = replace(vectors, source=_taken(vectors.source, source))
    return transfer, vectors


def _taken(tokens: TokenVectors, order: np.ndarray) -> TokenVectors:
    return dataclasses.replace(tokens, vectors=tokens.vectors[order], known=tokens.known[order])
