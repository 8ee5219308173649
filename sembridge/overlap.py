"""Which target tokens already exist in the source vocabulary: their rows are copied, once, before any initializer runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from sembridge.vocabulary import ROLES, Vocabulary

# From the strongest claim to the weakest. `fuzzy` admits all of them, `exact` the first alone.
RULES = ("exact", "case", "boundary", "case+boundary")
MODES = ("exact", "fuzzy")


@dataclass(frozen=True)
class Overlap:
    """copied [T]: the source id whose row each target id takes, -1 for the rows to invent; rule [T]: why ('' where -1).

    Rules: `role` (special tokens, by what they do), `exact` (same text, same word-initial flag), `case` (same but for case), `boundary`
    (same text, other word-initial flag), `case+boundary`, `byte` (the same byte sequence in two byte-level vocabularies).
    """

    copied: np.ndarray
    rule: tuple[str, ...]


def match(source: Vocabulary, target: Vocabulary, mode: str = "fuzzy") -> Overlap:
    """Match every target token to at most one source token.

    Special tokens match by role only, never by string. Ordinary tokens prefer the same text with the same word-initial flag, then the same
    flag, then the same case, then the same stored token, then the lowest id; so "play" takes the row of "play" and never of "##play" where
    both exist.
    """
    if mode not in MODES:
        raise ValueError(f"overlap {mode!r} is unknown; choose one of {', '.join(MODES)}")
    copied = np.full(len(target), -1, dtype=np.int64)
    rule = [""] * len(target)
    for role in ROLES:
        if role in source.role_ids and role in target.role_ids:
            copied[target.role_ids[role]] = source.role_ids[role]
            rule[target.role_ids[role]] = "role"

    candidates: dict[str, list[int]] = defaultdict(list)
    lone_bytes: dict[str, int] = {}
    for source_id, text in enumerate(source.texts):
        if text is not None:
            candidates[text.lower()].append(source_id)
        elif source.kind == "byte-bpe" and source.roles[source_id] is None and (token := source.tokens[source_id]) is not None:
            lone_bytes[token] = source_id

    for target_id, text in enumerate(target.texts):
        if target.roles[target_id] is not None:
            continue
        if text is None:
            token = target.tokens[target_id]
            if target.kind == "byte-bpe" and token in lone_bytes:
                copied[target_id], rule[target_id] = lone_bytes[token], "byte"
            continue
        ranked = (
            (_rank(source, source_id, text, target.word_initial[target_id]), source.tokens[source_id] != target.tokens[target_id], source_id)
            for source_id in candidates.get(text.lower(), ())
        )
        best = min(ranked, default=None)
        if best is not None and (mode == "fuzzy" or RULES[best[0]] == "exact"):
            copied[target_id], rule[target_id] = best[2], RULES[best[0]]
    return Overlap(copied, tuple(rule))


def _rank(source: Vocabulary, source_id: int, text: str, word_initial: bool) -> int:
    """Position in RULES: 0 exact, 1 other case, 2 other flag, 3 both."""
    return 2 * int(source.word_initial[source_id] != word_initial) + int(source.texts[source_id] != text)
