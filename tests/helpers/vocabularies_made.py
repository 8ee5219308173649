"""Tokenizers with thousands of tokens of the kinds that real vocabularies have; words of two made-up languages."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

_BERT = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
_ROBERTA = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}
_SYLLABLES = {
    "latin": [first + vowel + last for first in "bdfgklmnprst" for vowel in "aeiou" for last in ("", "n", "r", "s")],
    "hangul": [chr(0xAC00 + 588 * first + 28 * vowel + last) for first in (0, 2, 3, 5, 6, 9, 11, 12) for vowel in range(
        0, 21, 3) for last in (0, 4, 8)],
}  # fmt: skip


@cache
def words(script: str, count: int = 2500) -> tuple[str, ...]:
    """Return different words of 1 to 4 syllables in lower case, the frequent ones first; script: latin | hangul."""
    rng = np.random.default_rng(8)
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(rng.choice(_SYLLABLES[script], size=rng.integers(1, 5)))] = None
    return tuple(made)


def sentences(script: str, count: int = 2000) -> list[list[str]]:
    """Return lists of ten words, whose frequencies fall with their places as in text; each ends in a full stop."""
    rng, known = np.random.default_rng(9), words(script)
    share = 1 / (5 + np.arange(len(known)))
    drawn = rng.choice(len(known), size=(count, 10), p=share / share.sum())
    return [[*(known[i] for i in places), "."] for places in drawn]


@cache
def real_kind(kind: str, script: str, size: int) -> Any:
    """Return a tokenizer of `size` tokens; kind: wordpiece | byte-bpe | unigram.

    It has specials, unused tokens, all printable ASCII characters, words in both cases, and beginnings, middles and
    ends of words, each with the mark of its kind where one belongs. It decodes, but does not split text well.
    """
    plain, mark = {"wordpiece": ("", "##"), "byte-bpe": ("Ġ", ""), "unigram": ("▁", "")}[kind]
    roles = _BERT if kind == "wordpiece" else _ROBERTA
    known = words(script)
    cut = np.random.default_rng(10).integers(1, 7, size=len(known))
    written = [*known[: size // 4], *(word.capitalize() for word in known[: size // 8])]
    heads = [word[:length] for word, length in zip(known, cut, strict=True)]
    tails = [word[length:] for word, length in zip(known, cut, strict=True) if word[length:]]
    characters = [chr(code) for code in range(33, 127)]
    begins, continues = [*characters, *written, *heads], [*characters, *tails, *known, *heads]
    spelled = (*(plain + _stored(kind, text) for text in begins), *(mark + _stored(kind, text) for text in continues))
    first = [*roles.values(), *(f"[unused{i}]" for i in range(50))]
    if kind == "byte-bpe":
        first += sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = list(dict.fromkeys([*first, *spelled]))
    shuffled = np.random.default_rng(11).permutation(np.arange(len(first), len(tokens)))[: size - len(first)]
    vocabulary = {token: i for i, token in enumerate([*tokens[: len(first)], *(tokens[i] for i in shuffled)])}
    assert len(vocabulary) == size
    return PreTrainedTokenizerFast(tokenizer_object=_backend(kind, vocabulary), **roles)


def _stored(kind: str, text: str) -> str:
    """Return a text as a vocabulary stores it: byte by byte in the alphabet of byte-level BPE, else as it is."""
    if kind != "byte-bpe":
        return text
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return "".join(piece for piece, _ in split.pre_tokenize_str(text))


def _backend(kind: str, vocabulary: dict[str, int]) -> Tokenizer:
    if kind == "wordpiece":
        backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    elif kind == "byte-bpe":
        backend = Tokenizer(models.BPE(vocabulary, []))
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    else:
        scored = [(token, -math.log(2 + place)) for place, token in enumerate(vocabulary)]
        backend = Tokenizer(models.Unigram(scored, unk_id=vocabulary["<unk>"]))
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return backend
