"""Match target tokens to source tokens; the rows of matched tokens are copied once, before any initializer runs."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from sembridge.normalization import normalize
from sembridge.options import check
from sembridge.vocabulary.overlap import RULES, Overlap
from sembridge.vocabulary.string_overlap import match_strings
from sembridge.vocabulary.vocabulary import ROLES, Vocabulary


def match(source: Vocabulary, target: Vocabulary, mode: str = "fuzzy") -> Overlap:
    """Match every target token to at most one source token.

    mode  `special` matches roles alone; for `exact` and `fuzzy` see RULES

    Specials with a role match by role only, never by string. Ordinary tokens prefer the same text with the same
    word-initial flag, then the same flag, then the same case, then the same stored token, then the lowest id; so "play"
    takes the row of "play" and never that of "##play" where both exist. Texts are compared in NFC. Tokens without text
    or role take the row of the same stored token, if that has none either. So a vocabulary copies all of itself.

    Two vocabularies of the compat profile match as in published code: by string alone, see
    `string_overlap.copied_by_string`. Raises ValueError for an unknown mode and for vocabularies of different profiles.
    """
    check(overlap=mode)
    if source.profile != target.profile:
        raise ValueError(
            f"the source vocabulary was read with profile {source.profile!r}, the target with {target.profile!r}; "
            "read both with one"
        )
    if source.profile == "compat":
        return match_strings(source, target, exact=True, fuzzy=mode == "fuzzy", specials_only=mode == "special")
    copied = np.full(len(target), -1, dtype=np.int64)
    rule = [""] * len(target)
    for role in ROLES:
        if role in source.role_ids and role in target.role_ids:
            copied[target.role_ids[role]] = source.role_ids[role]
            rule[target.role_ids[role]] = "role"
    if mode == "special":
        return Overlap(copied, tuple(rule))

    candidates: dict[str, list[int]] = defaultdict(list)
    stored: dict[tuple[str | None, str | None], int] = {}
    for source_id, (token, text) in enumerate(zip(source.tokens, source.texts, strict=True)):
        if text is not None:
            candidates[normalize(text).lower()].append(source_id)
        elif token is not None:
            stored[token, source.roles[source_id]] = source_id

    for target_id, (token, text) in enumerate(zip(target.tokens, target.texts, strict=True)):
        if target.roles[target_id] in ROLES:
            continue
        if text is None:
            same = token, target.roles[target_id]
            if same in stored:
                copied[target_id], rule[target_id] = stored[same], "token"
            continue
        initial = target.word_initial[target_id]
        text = normalize(text)
        ranked = ((_rank(source, i, text, initial), source.tokens[i] != token, i) for i in candidates[text.lower()])
        best = min(ranked, default=None)
        if best is not None and (mode == "fuzzy" or RULES[best[0]] == "exact"):
            copied[target_id], rule[target_id] = best[2], RULES[best[0]]
    return Overlap(copied, tuple(rule))


def _rank(source: Vocabulary, source_id: int, text: str, word_initial: bool) -> int:
    """Return the position in RULES: 0 exact, 1 other case, 2 other flag, 3 both. `text` is in NFC."""
    return 2 * int(source.word_initial[source_id] != word_initial) + int(
        normalize(str(source.texts[source_id])) != text
    )
