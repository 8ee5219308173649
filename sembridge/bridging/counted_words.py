"""Count the words of target-language text, the frequent ones, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sembridge.words import has_unspaced_script, is_spaced, written_words

MOST = 100_000
"""Words that are kept, by frequency; the tail of a large text adds time, not pieces."""
LONGEST = 64
"""Characters of a word; longer ones are addresses and runs of text without spaces."""
DISTINCT = 2_000_000  # different words held while counting, about 400 MB


@dataclass(frozen=True, eq=False)
class CountedWords:
    """Words of a text.

    words   W different words as written, in NFC, in the order of their code points
    counts  [W] int64, how often the text has each
    spaced  the text has spaces between its words
    """

    words: tuple[str, ...]
    counts: np.ndarray
    spaced: bool = True

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def of(cls, counts: Mapping[str, int], *, spaced: bool = True, most: int = MOST) -> CountedWords:
        """Return the `most` frequent of counted words; of equally frequent ones, the first in code points."""
        frequent = sorted(counts, key=lambda word: (-counts[word], word))[:most]
        words = tuple(sorted(frequent))
        return cls(words, np.array([counts[word] for word in words], dtype=np.int64), spaced)


def count_words(texts: Iterable[str], language: str = "", *, most: int = MOST) -> CountedWords:
    """Return the `most` frequent words of texts, which are read once.

    language  code, e.g. "ko"; decides what a word is (`sembridge.words`). "": a language with spaces between words

    Words are counted as they are written, upper and lower case apart: a tokenizer may tell them apart, and so may the
    bridge. Words of more than LONGEST characters are left out. The order of the texts does not matter, unless they
    have more than DISTINCT different words: then the rarest half of those held is dropped whenever there are so many.

    Raises ValueError if the texts have no word, and if the language is not told and most words have characters of
    scripts without spaces between words: the words would be whole clauses.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word in written_words(text, language) if len(word) <= LONGEST)
        if len(counts) > DISTINCT:
            counts = Counter(dict(counts.most_common(DISTINCT // 2)))
    if not counts:
        raise ValueError("the text has no words to place pieces by; give text of the new language")
    if not language and _mostly_unspaced(counts):
        raise ValueError("the text has no spaces between words; give its language, such as zh, ja or th, to split it")
    return CountedWords.of(counts, spaced=is_spaced(language), most=most)


def _mostly_unspaced(counts: Mapping[str, int]) -> bool:
    return 2 * sum(count for word, count in counts.items() if has_unspaced_script(word)) > sum(counts.values())
