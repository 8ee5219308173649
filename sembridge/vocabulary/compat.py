"""How the published code of SemBridge reads one vocabulary and matches two: the `compat` profile, kept to measure what its choices cost.

What is known of it is the table in docs/fidelity.md. Where that is silent, this is our reading: its keyword names and its rules are those of FOCUS
(arXiv 2305.14481), so the order of candidates follows what FOCUS does. Nothing here is meant to be good; `fixed` is.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sembridge.vocabulary.vocabulary import Vocabulary

_MANY = 100  # marked tokens: a vocabulary with no more than these is taken for byte-level
_METASPACE, _CONTINUES, _BYTE_SPACE = "\u2581", "##", "\u0120"


def guessed_kind(tokens: Sequence[str | None]) -> str:
    """unigram | wordpiece | byte-bpe by counting marks, so a small WordPiece vocabulary is `byte-bpe`."""
    present = [token for token in tokens if token is not None]
    for kind, mark in (("unigram", _METASPACE), ("wordpiece", _CONTINUES)):
        if sum(token.startswith(mark) for token in present) > _MANY:
            return kind
    return "byte-bpe"


def read(tokenizer: Any, tokens: Sequence[str | None]) -> tuple[str, list[str | None], np.ndarray]:
    """(kind, texts [V], word-initial flags [V] bool) of stored tokens [V].

    A text is what the tokenizer decodes the id to, without white space around it, so that "##ing" keeps its hashes and a lone byte becomes U+FFFD;
    where that is empty or written in square brackets, it is the stored token. Specials and unused tokens have texts like any other.
    """
    kind = guessed_kind(tokens)
    texts: list[str | None] = [None if token is None else _text(tokenizer, token_id, token) for token_id, token in enumerate(tokens)]
    if kind == "wordpiece":
        initial = [text is not None and not text.startswith(_CONTINUES) for text in texts]
    else:
        mark = _METASPACE if kind == "unigram" else _BYTE_SPACE
        initial = [token is not None and token.startswith(mark) for token in tokens]
    return kind, texts, np.array(initial, dtype=bool)


def _text(tokenizer: Any, token_id: int, token: str) -> str:
    decoded = tokenizer.decode([token_id]).strip()
    return token if not decoded or (decoded.startswith("[") and decoded.endswith("]")) else decoded


def canonical(vocabulary: Vocabulary, token_id: int) -> tuple[str, bool] | None:
    """(text without the continuation mark of the guessed kind, word-initial flag), None where no token has this id."""
    text, initial = vocabulary.texts[token_id], bool(vocabulary.word_initial[token_id])
    if text is None:
        return None
    return (text.removeprefix(_CONTINUES) if vocabulary.kind == "wordpiece" and not initial else text), initial


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
