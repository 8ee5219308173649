"""Transfers written by hand, where a test has to decide which token copies which, and their permutations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sembridge.initializer import Transfer
from sembridge.vocabulary.overlap import Overlap
from sembridge.vocabulary.vocabulary import Vocabulary


def plain_vocabulary(tokens: Sequence[str], roles: Sequence[str | None] | None = None) -> Vocabulary:
    """Ordinary word-initial tokens whose text is the token, but for those with a role, and those that begin with \\x00: lone bytes without text."""
    given = tuple(roles) if roles is not None else (None,) * len(tokens)
    texts = tuple(
        None if role or token.startswith("\x00") else token for token, role in zip(tokens, given, strict=True)
    )
    return Vocabulary("wordpiece", tuple(tokens), texts, np.ones(len(tokens), dtype=bool), given)


def made_transfer(
    copied: Sequence[int],
    rows: np.ndarray,
    *,
    target_roles: Sequence[str | None] | None = None,
    source_tokens: Sequence[str] | None = None,
    seed: int = 42,
) -> Transfer:
    """A transfer with S = len(rows) source tokens s0, s1, ... and T = len(copied) target tokens t0, t1, ..."""
    source = plain_vocabulary(source_tokens or [f"s{i}" for i in range(len(rows))])
    target = plain_vocabulary([f"t{i}" for i in range(len(copied))], target_roles)
    rows = np.array(rows, dtype=np.float32)
    rows.setflags(write=False)
    rule = tuple("exact" if source_id >= 0 else "" for source_id in copied)
    return Transfer(source, target, rows, Overlap(np.array(copied, dtype=np.int64), rule), seed)


def permuted(vocabulary: Vocabulary, order: np.ndarray) -> Vocabulary:
    """The same tokens under other ids: new id i holds what old id order[i] held."""
    return Vocabulary(
        vocabulary.kind,
        tuple(vocabulary.tokens[i] for i in order),
        tuple(vocabulary.texts[i] for i in order),
        vocabulary.word_initial[order],
        tuple(vocabulary.roles[i] for i in order),
    )


def with_target_ids(transfer: Transfer, order: np.ndarray) -> Transfer:
    """The same question with target ids permuted."""
    overlap = Overlap(transfer.copied[order], tuple(transfer.overlap.rule[i] for i in order))
    return Transfer(
        transfer.source,
        permuted(transfer.target, order),
        transfer.rows,
        overlap,
        transfer.seed,
        transfer.initializer_range,
    )


def with_source_ids(transfer: Transfer, order: np.ndarray) -> Transfer:
    """The same question with source ids permuted."""
    new_id = np.argsort(order)
    copied = np.where(transfer.copied >= 0, new_id[transfer.copied], -1)
    rows = transfer.rows[order].copy()
    rows.setflags(write=False)
    return Transfer(
        permuted(transfer.source, order),
        transfer.target,
        rows,
        Overlap(copied, transfer.overlap.rule),
        transfer.seed,
        transfer.initializer_range,
    )
