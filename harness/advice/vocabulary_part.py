"""Cut a part out of a transfer, so that a method runs on a sample of both vocabularies."""

from __future__ import annotations

import dataclasses

import numpy as np

from sembridge.initializer import Transfer
from sembridge.vocabulary.overlap import Overlap
from sembridge.vocabulary.vocabulary import Vocabulary


def part(vocabulary: Vocabulary, ids: np.ndarray) -> Vocabulary:
    """Return the vocabulary of the tokens `ids` [n] alone, renumbered from 0 in their order."""
    tokens, texts, roles = (
        tuple(column[i] for i in ids.tolist()) for column in (vocabulary.tokens, vocabulary.texts, vocabulary.roles)
    )
    return Vocabulary(vocabulary.kind, tokens, texts, vocabulary.word_initial[ids], roles, vocabulary.profile)


def part_of_transfer(task: Transfer, sources: np.ndarray, targets: np.ndarray) -> Transfer:
    """Return the task of making rows for the target tokens `targets` [n] of the source tokens `sources` [m] alone.

    No token copies another: all n rows are to be made, and their mixture is [n, m].
    """
    overlap = Overlap(np.full(len(targets), -1, dtype=np.int64), ("",) * len(targets))
    source, target = part(task.source, sources), part(task.target, targets)
    return dataclasses.replace(
        task, source=source, target=target, rows=task.rows[sources], overlap=overlap, left_out=None
    )
