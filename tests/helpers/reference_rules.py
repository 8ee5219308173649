"""The reference implementation's rules, written only to be read: strings, loops, float64, the whole score matrix.

An oracle for `sembridge.vocabulary.compat` and `sembridge.published`: it shares no code with them and reads the
tokenizers itself.
"""

from __future__ import annotations

import string
from functools import cache
from typing import Any

import numpy as np
import torch
from entmax import entmax_bisect

MARK = "\0"


def canonical_forms(tokenizer: Any) -> dict[int, str]:
    """Return id -> the token as a string, with a mark in front if it begins a word."""
    ids = tokenizer.get_vocab()
    many_spaced = len([token for token in ids if token[:1] == "\u2581"]) > 100
    many_hashed = len([token for token in ids if token[:2] == "##"]) > 100
    forms = {}
    for token, token_id in ids.items():
        text = spoken(tokenizer, token_id)
        if many_spaced:
            forms[token_id] = MARK + text if token[:1] == "\u2581" else text
        elif many_hashed:
            forms[token_id] = text[2:] if text[:2] == "##" else MARK + text
        else:
            forms[token_id] = MARK + text if token[:1] == "\u0120" else text
    return forms


def spoken(tokenizer: Any, token_id: int) -> str:
    """Return the bridge's input."""
    text = tokenizer.decode([token_id]).strip()
    if text == "" or (text[0] == "[" and text[-1] == "]"):
        return tokenizer.convert_ids_to_tokens(token_id)
    return text


def unmarked(form: str) -> str:
    return (form[1:] if form[:1] == MARK else form).lower()


def source_of(form: str, source: dict[int, str], *, exact: bool, fuzzy: bool, symbols: bool) -> int | None:
    """Return the source id whose row a target token of this canonical form copies."""
    key = unmarked(form)
    same_form: list[int] = []
    same_key: list[int] = []
    for source_id in sorted(source):
        if source[source_id] == form:
            same_form.insert(0, source_id)
        if unmarked(source[source_id]) == key:
            same_key.insert(0 if source[source_id] == key else len(same_key), source_id)
    symbol = key.isnumeric() or key.isspace() or set(key) <= set(string.punctuation)
    if symbols and symbol and (same_form or same_key):
        return (same_form or same_key)[0]
    if exact and same_form:
        return same_form[0]
    if fuzzy and same_key:
        return same_key[0]
    return None


def reference_copies(
    source_tokenizer: Any, target_tokenizer: Any, *, exact: bool, fuzzy: bool, symbols: bool
) -> dict[int, int]:
    """Return target id -> the source id that it copies."""
    source, copied = canonical_forms(source_tokenizer), {}
    for target_id, form in canonical_forms(target_tokenizer).items():
        source_id = source_of(form, source, exact=exact, fuzzy=fuzzy, symbols=symbols)
        if source_id is not None:
            copied[target_id] = source_id
    return copied


def reference_rows(
    rows: np.ndarray, source_tokenizer: Any, target_tokenizer: Any, bridge: Any, copied: dict[int, int], alpha: float
) -> np.ndarray:
    """Return [T, D] float64 rows, NaN for ids without a token."""
    tokenizers = (source_tokenizer, target_tokenizer)
    source_ids, target_ids = (sorted(tokenizer.get_vocab().values()) for tokenizer in tokenizers)
    donors = torch.stack([direction(bridge, spoken(source_tokenizer, i)) for i in source_ids])
    scores = torch.stack([direction(bridge, spoken(target_tokenizer, i)) for i in target_ids]) @ donors.T
    weights = torch.softmax(scores, 1) if alpha == 1 else entmax_bisect(scores, alpha, n_iter=100)
    targets, sources = np.full((max(target_ids) + 1, rows.shape[1]), np.nan), rows.astype(np.float64)
    for target_id, row in zip(target_ids, weights.tolist(), strict=True):
        if target_id in copied:
            targets[target_id] = rows[copied[target_id]]
        else:
            targets[target_id] = sum(weight * sources[i] for weight, i in zip(row, source_ids, strict=True))
    return targets


@cache
def direction(bridge: Any, text: str) -> torch.Tensor:
    vector = torch.from_numpy(bridge.encode([text])[0].astype(np.float64))
    return vector / vector.norm()
