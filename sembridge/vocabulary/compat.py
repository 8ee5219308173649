"""Read a vocabulary as the published code of SemBridge does: the `compat` profile, to measure what its choices cost.

The table in docs/fidelity.md lists what is known of that code. Where the table is silent, this is our reading: the
keyword names and rules are those of FOCUS (arXiv 2305.14481), so candidates are ordered as in FOCUS.
Nothing here is meant to be good; the profile `fixed` is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_MANY = 100  # a vocabulary with no more marked tokens than this is taken for byte-level
_METASPACE, CONTINUES, _BYTE_SPACE = "\u2581", "##", "\u0120"


def guessed_kind(tokens: Sequence[str | None]) -> str:
    """Return unigram | wordpiece | byte-bpe by counting marks, so a small WordPiece vocabulary is `byte-bpe`."""
    present = [token for token in tokens if token is not None]
    for kind, mark in (("unigram", _METASPACE), ("wordpiece", CONTINUES)):
        if sum(token.startswith(mark) for token in present) > _MANY:
            return kind
    return "byte-bpe"


def read(tokenizer: Any, tokens: Sequence[str | None]) -> tuple[str, list[str | None], np.ndarray]:
    """Return (kind, texts [V], word-initial flags [V] bool) of stored tokens [V].

    A text is what the tokenizer decodes the id to, without surrounding white space: "##ing" keeps its hashes, a lone
    byte becomes U+FFFD. Where that is empty or in square brackets, the text is the stored token. Specials and unused
    tokens have texts like any other.
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
