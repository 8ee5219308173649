"""Transfers by hand, for tests that decide which token copies which, and permutations of their ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from sembridge.initializer import Transfer
from sembridge.vocabulary.overlap import Overlap
from sembridge.vocabulary.vocabulary import Vocabulary


def plain_vocabulary(tokens: Sequence[str], roles: Sequence[str | None] | None = None) -> Vocabulary:
    """Return word-initial tokens whose text is the token; specials and lone bytes ("\\x00...") have no text."""
    all_roles = tuple(roles) if roles is not None else (None,) * len(tokens)
    pairs = zip(tokens, all_roles, strict=True)
    texts = tuple(None if role or token.startswith("\x00") else token for token, role in pairs)
    return Vocabulary("wordpiece", tuple(tokens), texts, np.ones(len(tokens), dtype=bool), all_roles)


def made_transfer(
    copied: Sequence[int],
    rows: np.ndarray,
    *,
    target_roles: Sequence[str | None] | None = None,
    source_tokens: Sequence[str] | None = None,
    seed: int = 42,
) -> Transfer:
    """Transfer source tokens s0, s1, ... (S = len(rows)) to target tokens t0, t1, ... (T = len(copied))."""
    source = plain_vocabulary(source_tokens or [f"s{i}" for i in range(len(rows))])
    target = plain_vocabulary([f"t{i}" for i in range(len(copied))], target_roles)
    rows = np.array(rows, dtype=np.float32)
    rows.setflags(write=False)
    rule = tuple("exact" if source_id >= 0 else "" for source_id in copied)
    return Transfer(source, target, rows, Overlap(np.array(copied, dtype=np.int64), rule), seed)


def permuted(vocabulary: Vocabulary, order: np.ndarray) -> Vocabulary:
    """Return the same tokens under other ids: new id i has what old id order[i] had."""
    tokens, texts, roles = (
        tuple(values[i] for i in order) for values in (vocabulary.tokens, vocabulary.texts, vocabulary.roles)
    )
    return Vocabulary(vocabulary.kind, tokens, texts, vocabulary.word_initial[order], roles)


def with_target_ids(transfer: Transfer, order: np.ndarray) -> Transfer:
    """Return the same transfer with target ids permuted."""
    overlap = Overlap(transfer.copied[order], tuple(transfer.overlap.rule[i] for i in order))
    return dataclasses.replace(transfer, target=permuted(transfer.target, order), overlap=overlap)


def with_source_ids(transfer: Transfer, order: np.ndarray) -> Transfer:
    """Return the same transfer with source ids permuted."""
    new_id = np.argsort(order)
    copied = np.where(transfer.copied >= 0, new_id[transfer.copied], -1)
    rows = transfer.rows[order].copy()
    rows.setflags(write=False)
    overlap = Overlap(copied, transfer.overlap.rule)
    return dataclasses.replace(transfer, source=permuted(transfer.source, order), rows=rows, overlap=overlap)
