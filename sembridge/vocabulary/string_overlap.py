"""Match tokens by string alone, as the published code of SemBridge does: the overlap of the `compat` profile (docs/fidelity.md)."""

from __future__ import annotations

import string

import numpy as np

from sembridge.vocabulary.compat import CONTINUES
from sembridge.vocabulary.overlap import RULES, Overlap
from sembridge.vocabulary.vocabulary import Vocabulary


def canonical(vocabulary: Vocabulary, token_id: int) -> tuple[str, bool] | None:
    """(text without the continuation mark of the guessed kind, word-initial flag), None where no token has this id."""
    text, initial = vocabulary.texts[token_id], bool(vocabulary.word_initial[token_id])
    if text is None:
        return None
    return (text.removeprefix(CONTINUES) if vocabulary.kind == "wordpiece" and not initial else text), initial


def copied_by_string(source: Vocabulary, target: Vocabulary, *, exact: bool, fuzzy: bool, symbols: bool) -> np.ndarray:
    """[T] the source id each target id copies, -1 for none: symbols, then equal canonical forms, then equal but for case and word-initial flag.

    exact    equal canonical forms match; the last of several source tokens wins
    fuzzy    equal lower-cased texts match; the source token whose canonical form *is* that key (lower-case, not word-initial) comes before all
             others, the rest by id: this is how "Play" gets the row of "##play" though "play" is there
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
    """The overlap of published code, with its three switches, for vocabularies of the compat profile.

    specials_only  nothing but specials whose string is that of a source special

    Rules say what the two tokens have in common, whatever switch let them match; specials with the same string are `token`.
    """
    if specials_only:
        ids = {
            token: i
            for i, (token, role) in enumerate(zip(source.tokens, source.roles, strict=True))
            if role is not None
        }
        marked = zip(target.tokens, target.roles, strict=True)
        copied = np.array(
            [ids.get(str(token), -1) if role is not None else -1 for token, role in marked], dtype=np.int64
        )
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
