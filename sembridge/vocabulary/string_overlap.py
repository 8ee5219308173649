"""Match tokens by string alone, as the published code of SemBridge does: the `compat` profile (docs/fidelity.md)."""

from __future__ import annotations

import string

import numpy as np

from sembridge.vocabulary.compat import CONTINUES
from sembridge.vocabulary.overlap import RULES, Overlap
from sembridge.vocabulary.vocabulary import Vocabulary


def canonical(vocabulary: Vocabulary, token_id: int) -> tuple[str, bool] | None:
    """Return (text without the continuation mark of the guessed kind, word-initial flag), None for a hole."""
    text, initial = vocabulary.texts[token_id], bool(vocabulary.word_initial[token_id])
    if text is None:
        return None
    return (text.removeprefix(CONTINUES) if vocabulary.kind == "wordpiece" and not initial else text), initial


def copied_by_string(source: Vocabulary, target: Vocabulary, *, exact: bool, fuzzy: bool, symbols: bool) -> np.ndarray:
    """Return the source id each target id copies [T], -1 for none; equal canonical forms come before fuzzy matches.

    exact    equal canonical forms match; the last of several source tokens wins
    fuzzy    texts match that are equal but for case and word-initial flag; the source token whose canonical form *is*
             the key (lower-case, not word-initial) comes first, the others follow by id: this is how "Play" gets the
             row of "##play" although "play" exists
    symbols  target tokens of digits, punctuation or white space match by both, whatever the two switches say

    Specials match like any other token, so by their strings alone.
    """
    same_form: dict[tuple[str, bool], int] = {}
    same_key: dict[str, int] = {}
    for source_id in range(len(source)):
        if (form := canonical(source, source_id)) is None:
            continue
        key = form[0].lower()
        same_form[form] = source_id
        if form == (key, False) or key not in same_key:
            same_key[key] = source_id
    copied = np.full(len(target), -1, dtype=np.int64)
    for target_id in range(len(target)):
        if (form := canonical(target, target_id)) is None:
            continue
        key = form[0].lower()
        either = symbols and _is_symbol(key)
        if (exact or either) and form in same_form:
            copied[target_id] = same_form[form]
        elif (fuzzy or either) and key in same_key:
            copied[target_id] = same_key[key]
    return copied


def _is_symbol(key: str) -> bool:
    return key.isnumeric() or key.isspace() or all(character in string.punctuation for character in key)


def match_strings(
    source: Vocabulary,
    target: Vocabulary,
    *,
    exact: bool = True,
    fuzzy: bool = True,
    symbols: bool = False,
    specials_only: bool = False,
) -> Overlap:
    """Return the overlap of published code, with its three switches, for vocabularies of the compat profile.

    specials_only  match only specials whose string is that of a source special

    A rule names what two tokens have in common, whichever switch matched them; specials of one string are `token`.
    """
    if specials_only:
        entries = enumerate(zip(source.tokens, source.roles, strict=True))
        ids = {token: i for i, (token, role) in entries if role is not None}
        marked = zip(target.tokens, target.roles, strict=True)
        copied = np.array([-1 if role is None else ids.get(str(token), -1) for token, role in marked], dtype=np.int64)
    else:
        copied = copied_by_string(source, target, exact=exact, fuzzy=fuzzy, symbols=symbols)
    rule = [""] * len(target)
    for target_id in np.flatnonzero(copied >= 0):
        source_id = int(copied[target_id])
        ours, theirs = canonical(source, source_id), canonical(target, int(target_id))
        assert ours is not None and theirs is not None
        by_token = target.roles[target_id] is not None and source.tokens[source_id] == target.tokens[target_id]
        rule[target_id] = "token" if by_token else RULES[2 * (ours[1] != theirs[1]) + (ours[0] != theirs[0])]
    return Overlap(copied, tuple(rule))
