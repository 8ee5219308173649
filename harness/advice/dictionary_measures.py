"""Measure a bridge by a bilingual dictionary: does it place words by their translations, and what do pieces mix?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sembridge.mixture.entmax import unit

WORDS = 1_000
"""Target words of a dictionary that are looked up, at most."""
NEIGHBORS = 10
"""Neighbors of CSLS, as in the paper."""


@dataclass(frozen=True)
class DictionaryMeasures:
    """How well a bridge translates words of a dictionary, from the new language into that of the source.

    precision   share of the target words whose nearest source word is a translation (P@1); a word that the bridge does
                not know is a miss
    csls        the same by CSLS, which corrects cosines for words that are near to everything (Conneau et al. 2018,
                "Word translation without parallel data", section 2.3)
    words       target words looked up
    candidates  source words that they were looked up among
    """

    precision: float
    csls: float
    words: int
    candidates: int


def sampled_words(pairs: Sequence[tuple[str, str]], most: int = WORDS) -> dict[str, set[str]]:
    """Return target word -> its translations, for at most `most` target words, evenly spaced in the dictionary."""
    translations: dict[str, set[str]] = {}
    for source, target in pairs:
        translations.setdefault(target, set()).add(source)
    words = list(translations)
    if len(words) > most:
        words = [words[i * len(words) // most] for i in range(most)]
    return {word: translations[word] for word in words}


def measure_dictionary(
    translations: Mapping[str, set[str]], embed: Callable[[Sequence[str]], np.ndarray]
) -> DictionaryMeasures:
    """Return P@1 of a bridge; `embed` returns its vectors of words [n, K], zero for a word that it does not know."""
    sources = sorted(set().union(*translations.values()))
    place = {word: i for i, word in enumerate(sources)}
    theirs, ours = embed(sources), embed(list(translations))
    candidates, queries = np.flatnonzero(theirs.any(axis=1)), np.flatnonzero(ours.any(axis=1))
    if not len(candidates) or not len(queries):
        return DictionaryMeasures(0.0, 0.0, len(translations), len(sources))
    cosines = unit(ours[queries]) @ unit(theirs[candidates]).T
    right = [{place[word] for word in translations[target]} for target in translations]

    def precision(scores: np.ndarray) -> float:
        best = candidates[scores.argmax(axis=1)]
        hits = sum(int(best[row]) in right[query] for row, query in enumerate(queries.tolist()))
        return hits / len(translations)

    return DictionaryMeasures(precision(cosines), precision(csls(cosines)), len(translations), len(sources))


def csls(cosines: np.ndarray, neighbors: int = NEIGHBORS) -> np.ndarray:
    """Return 2 cos(x, y) - r(x) - r(y) of cosines [n, m]; r is the mean cosine with the nearest `neighbors` words."""

    def nearness(rows: np.ndarray) -> np.ndarray:
        count = min(neighbors, rows.shape[1])
        return np.partition(rows, rows.shape[1] - count, axis=1)[:, rows.shape[1] - count :].mean(axis=1)

    return 2 * cosines - nearness(cosines)[:, None] - nearness(cosines.T)[None, :]


def translated_mass(words: Sequence[Sequence[int]], translations: Sequence[Sequence[int]], rows: sp.csr_array) -> float:
    """Return the mean share of a word's weight that lies on its translations.

    words         the pieces of each target word
    translations  source tokens that each means
    rows          [T, S] what every piece is made of; a copied one has a single weight of 1, an unknown one none

    A word's weights are the mean of those of its pieces: pieces that mean something else dilute it.
    """
    masses = []
    for pieces, right in zip(words, translations, strict=True):
        weights = rows[list(pieces)].sum(axis=0) / max(1, len(pieces))
        masses.append(float(np.asarray(weights).ravel()[list(right)].sum()))
    return float(np.mean(masses)) if masses else 0.0
