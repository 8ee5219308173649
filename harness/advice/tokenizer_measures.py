"""Measure how a tokenizer reads text of its language, and how much of its vocabulary the source has already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sembridge.initializer import Transfer
from sembridge.normalization import normalize
from sembridge.vocabulary.token_ids import token_ids
from sembridge.vocabulary.unknown import TokenCounter
from sembridge.vocabulary.vocabulary import Vocabulary
from sembridge.words import has_unspaced_script, is_spaced, written_words


@dataclass(frozen=True)
class Reading:
    """How a tokenizer reads texts.

    lines    how many were read
    tokens   of these lines, without specials
    unknown  share of these tokens that stand for text which the tokenizer does not know
    pieces   tokens of a word, mean over the words of the lines, each as often as it occurs; `per` character in a
             language without spaces between words
    per      word | character
    """

    lines: int
    tokens: int
    unknown: float
    pieces: float
    per: str


@dataclass(frozen=True)
class TokenizerMeasures:
    """What a transfer to a tokenizer starts from.

    tokens     of the vocabulary, holes not counted
    with_text  share of them that stand for text: specials, unused tokens and lone bytes do not
    copied     tokens whose row is copied from the source, by the rule of the overlap (`sembridge.vocabulary.overlap`)
    reading    of a text of the language; None without one
    """

    tokens: int
    with_text: float
    copied: Mapping[str, int]
    reading: Reading | None = None

    @property
    def coverage(self) -> float:
        """Return the share of the tokens whose rows are copied."""
        return sum(self.copied.values()) / self.tokens if self.tokens else 0.0


def measure_tokenizer(
    task: Transfer, tokenizer: Any, lines: Sequence[str] | None = None, language: str = ""
) -> TokenizerMeasures:
    """Return the measures of the target tokenizer of a transfer, and of how it reads lines of text, if there are any.

    Raises ValueError as `read` does.
    """
    target: Vocabulary = task.target
    tokens = int(target.exists.sum())
    copied = Counter(task.overlap.rule[i] for i in np.flatnonzero(task.copied >= 0).tolist())
    with_text = float(target.has_text.sum() / tokens) if tokens else 0.0
    reading = None if lines is None else read(tokenizer, lines, language)
    return TokenizerMeasures(tokens, with_text, dict(sorted(copied.items())), reading)


def read(tokenizer: Any, lines: Sequence[str], language: str = "") -> Reading:
    """Return how a tokenizer reads lines of text.

    language  code, e.g. "ko"; "": a language with spaces between words

    Raises ValueError as `counted` does.
    """
    lines, words = [normalize(line) for line in lines], counted(lines, language)
    encoded = token_ids(tokenizer, lines)
    unknown, tokens = TokenCounter(tokenizer, special=False).count(encoded)
    rate = unknown / tokens if tokens else 0.0
    if not is_spaced(language):
        characters = sum(len("".join(line.split())) for line in lines)
        return Reading(len(lines), tokens, rate, tokens / characters, "character")
    pieces = token_ids(tokenizer, [f" {word}" for word in words])
    total = sum(len(ids) * count for ids, count in zip(pieces, words.values(), strict=True))
    return Reading(len(lines), tokens, rate, total / words.total(), "word")


def counted(lines: Sequence[str], language: str = "") -> Counter[str]:
    """Return how often each word stands in lines of text.

    Raises ValueError for lines without a word, and for a text without spaces between words whose language is not told:
    its words would be whole clauses.
    """
    words = Counter(word for line in lines for word in written_words(line, language))
    if not words:
        raise ValueError("the text has no words; give text of the new language")
    if not language and 2 * sum(n for word, n in words.items() if has_unspaced_script(word)) > words.total():
        raise ValueError("the text has no spaces between words; add its language, such as --language zh, ja or th")
    return words
