"""Find the words of a text that matched: those of whose tokens a query and the document share."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sembridge.words import has_unspaced_script

LONGEST = 20_000  # characters of a text that are read and shown


@dataclass(frozen=True)
class Part:
    """A stretch of a text, and the ids of the terms that matched there; none where nothing did."""

    text: str
    terms: tuple[int, ...] = ()


@dataclass(frozen=True)
class Marked:
    """A text in parts.

    parts      all that the encoder read, in order
    unread     what follows and was cut off, because the text is longer than the encoder reads
    shortened  the text goes on, but is not shown
    """

    parts: tuple[Part, ...]
    unread: str
    shortened: bool


class Highlighter:
    """Marks the words of documents as an encoder reads them.

    A word is what the tokenizer took for one, without punctuation around it. Where a script has no spaces between
    words, only the token itself is marked.
    """

    def __init__(self, encoder: Any, max_length: int | None) -> None:
        """Take the tokenizer of an encoder's documents; max_length as when they were indexed."""
        from sembridge.encoder.head import reader, reading_options
        from sembridge.encoder.modules import side_prompt

        self._tokenizer = reader(encoder, "document")[0]
        self._options = reading_options(encoder, "document", max_length)
        self._prompt = side_prompt(encoder, "document")

    def mark(self, text: str, terms: Collection[int]) -> Marked:
        """Return the text with the words that contain one of these tokens, by id."""
        shown, before = text[:LONGEST], len(self._prompt)
        encoded = self._tokenizer([self._prompt + shown], **self._options, return_offsets_mapping=True)
        spans = [(max(0, start - before), max(0, end - before)) for start, end in encoded["offset_mapping"][0]]
        words: dict[int, tuple[int, int]] = {}
        for word, (start, end) in zip(encoded.word_ids(0), spans, strict=True):
            if word is not None and start < end:
                first, last = words.get(word, (start, end))
                words[word] = min(first, start), max(last, end)
        wanted, marks = set(terms), []
        for token, word, span in zip(encoded["input_ids"][0], encoded.word_ids(0), spans, strict=True):
            if token in wanted and word is not None and span[0] < span[1]:
                marks.append((*_stretch(shown, span, words[word]), token))
        is_cut = bool(encoded.encodings[0].overflowing)
        read = max((end for _, end in spans), default=0) if is_cut else len(shown)
        return Marked(_parts(shown[:read], marks), shown[read:], len(text) > LONGEST)


def _stretch(text: str, token: tuple[int, int], word: tuple[int, int]) -> tuple[int, int]:
    """Return what to mark for a token in a word."""
    whole = text[slice(*word)]
    if has_unspaced_script(whole) or not any(_is_letter(character) for character in text[slice(*token)]):
        return token
    start, end = word
    while not _is_letter(text[start]):
        start += 1
    while not _is_letter(text[end - 1]):
        end -= 1
    return start, end


def _is_letter(character: str) -> bool:
    """Return whether it is a letter, a digit or a mark on one: vowel signs of Hindi are marks."""
    return unicodedata.category(character)[0] in "LNM"


def _parts(text: str, marks: list[tuple[int, int, int]]) -> tuple[Part, ...]:
    """Return the text cut where marks, (start, end, term), begin and end; they may overlap."""
    places = sorted({0, len(text), *(start for start, _, _ in marks), *(end for _, end, _ in marks)})
    waiting, open_marks = sorted(marks, reverse=True), list[tuple[int, int, int]]()
    parts: list[Part] = []
    for start, end in pairwise(places):
        open_marks = [mark for mark in open_marks if mark[1] > start]
        while waiting and waiting[-1][0] <= start:
            open_marks.append(waiting.pop())
        parts.append(Part(text[start:end], tuple(dict.fromkeys(term for _, _, term in open_marks))))
    return tuple(parts)
