"""Count the tokens that stand for text which a tokenizer does not know ([UNK], <unk>)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np


class TokenCount(NamedTuple):
    """The tokens of texts, without the specials around each of them, and how many of them are unknown."""

    unknown: int
    tokens: int


def unknown_ids(tokenizer: Any) -> frozenset[int]:
    """Return the ids of unknown text: the one that the tokenizer names, and the one that its model emits.

    tokenizer  of transformers or of `tokenizers`; one of bytes, which knows every text, may have none
    """
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    ids = {getattr(tokenizer, "unk_token_id", None)}
    if hasattr(backend, "model"):
        name = getattr(backend.model, "unk_token", None)
        ids.add(None if name is None else backend.token_to_id(name))
        if type(backend.model).__name__ == "Unigram":  # only its description says
            ids.add(json.loads(backend.to_str())["model"].get("unk_id"))
    return frozenset(token_id for token_id in ids if token_id is not None)


class TokenCounter:
    """Count the tokens of texts that one tokenizer has read.

    special  the texts were read with special tokens around them
    """

    def __init__(self, tokenizer: Any, special: bool = True) -> None:
        self._unknown = np.array(sorted(unknown_ids(tokenizer)), dtype=np.int64)
        # The specials around an empty text are those around any text, also where one of them doubles as unknown.
        self._around = self._raw(_read(tokenizer, "")) if special else TokenCount(0, 0)

    def count(self, token_ids: Sequence[Sequence[int]]) -> TokenCount:
        """Return the count of texts, given the ids of each without padding."""
        ids = np.fromiter(chain.from_iterable(token_ids), dtype=np.int64)
        return self.count_flat(ids, len(token_ids))

    def count_flat(self, ids: np.ndarray, texts: int) -> TokenCount:
        """Return the count of so many texts, given the ids of all in a row, without padding."""
        raw = self._raw(ids)
        return TokenCount(raw.unknown - texts * self._around.unknown, raw.tokens - texts * self._around.tokens)

    def _raw(self, ids: Sequence[int] | np.ndarray) -> TokenCount:
        flat = np.asarray(ids, dtype=np.int64)
        return TokenCount(int(np.isin(flat, self._unknown).sum()), len(flat))


def _read(tokenizer: Any, text: str) -> list[int]:
    if hasattr(tokenizer, "encode_batch"):  # of `tokenizers`, which may pad to a fixed length
        encoding = tokenizer.encode(text)
        return [token for token, real in zip(encoding.ids, encoding.attention_mask, strict=True) if real]
    return tokenizer(text, return_attention_mask=False)["input_ids"]
