"""How the published code of SemBridge reads one vocabulary and matches two: the `compat` profile, kept to measure what its choices cost.

What is known of it is the table in docs/fidelity.md. Where that is silent, this is our reading: its keyword names and its rules are those of FOCUS
(arXiv 2305.14481), so the order of candidates follows what FOCUS does. Nothing here is meant to be good; `fixed` is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_MANY = 100  # marked tokens: a vocabulary with no more than these is taken for byte-level
_METASPACE, CONTINUES, _BYTE_SPACE = "\u2581", "##", "\u0120"


def guessed_kind(tokens: Sequence[str | None]) -> str:
    """unigram | wordpiece | byte-bpe by counting marks, so a small WordPiece vocabulary is `byte-bpe`."""
    present = [token for token in tokens if token is not None]
    for kind, mark in (("unigram", _METASPACE), ("wordpiece", CONTINUES)):
        if sum(token.startswith(mark) for token in present) > _MANY:
            return kind
    return "byte-bpe"


def read(tokenizer: Any, tokens: Sequence[str | None]) -> tuple[str, list[str | None], np.ndarray]:
    """(kind, texts [V], word-initial flags [V] bool) of stored tokens [V].

    A text is what the tokenizer decodes the id to, without white space around it, so that "##ing" keeps its hashes and a lone byte becomes U+FFFD;
    where that is empty or written in square brackets, it is the stored token. Specials and unused tokens have texts like any other.
    """
    kind = guessed_kind(tokens)
    texts: list[str | None] = [
        None if token is None else _text(tokenizer, token_id, token) for token_id, token in enumerate(tokens)
    ]
    if kind == "wordpiece":
        initial = [text is not None and not text.startswith(CONTINUES) for text in texts]
    else:
        mark = _METASPACE if kind == "unigram" else _BYTE_SPACE
        initial = [token is not None and token.startswith(mark) for token in tokens]
    return kind, texts, np.array(initial, dtype=bool)


def _text(tokenizer: Any, token_id: int, token: str) -> str:
    decoded = tokenizer.decode([token_id]).strip()
    return token if not decoded or (decoded.startswith("[") and decoded.endswith("]")) else decoded
