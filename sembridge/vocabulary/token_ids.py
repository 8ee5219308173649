"""Tokenization of plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def token_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each text: no specials, no truncation, no padding, no warning about long texts."""
    plain = {"add_special_tokens": False, "truncation": False, "padding": False, "verbose": False}
    return tokenizer(list(texts), **plain, return_attention_mask=False, return_token_type_ids=False)["input_ids"]
