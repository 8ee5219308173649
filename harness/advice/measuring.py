"""Measure every combination of a tokenizer and a bridge, each model read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from harness.advice.active_dimensions import (
    ActiveDimensions,
    has_bias,
    placed_by_words,
    predict,
    tokens_in,
    vectors_for,
)
from harness.advice.bridge_measures import BridgeMeasures, measure_bridge
from harness.advice.budget import Sample
from harness.advice.combination import Combination
from harness.advice.dictionary_measures import measure_dictionary, sampled_words, translated_mass
from harness.advice.held_out import HeldOut, divided
from harness.advice.sample import evenly
from harness.advice.tokenizer_measures import TokenizerMeasures, measure_tokenizer
from harness.advice.vocabulary_part import part, part_of_transfer
from sembridge.bridge import BridgeVectors, TokenVectors, embed_vocabulary, embed_words
from sembridge.bridging.counted_words import count_words
from sembridge.encoder.modules import splade_modules
from sembridge.initializer import Transfer
from sembridge.pipeline import make_task
from sembridge.semantic_bridge import SemBridge
from sembridge.signet import Signet
from sembridge.vocabulary.token_ids import token_ids
from sembridge.vocabulary.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Bridge:
    """A loaded SentenceTransformer, and what precedes every text that it embeds."""

    model: Any
    prompt: str

    def tokens(self, vocabulary: Vocabulary) -> TokenVectors:
        return embed_vocabulary(self.model, vocabulary, prompt=self.prompt)

    def words(self, words: Sequence[str]) -> np.ndarray:
        return embed_words(self.model, words, prompt=self.prompt)


@dataclass(frozen=True, eq=False)
class Side:
    """A tokenizer, its task, and the tokens of it that are embedded.

    targets  sampled ids that need a row and have a text [n], of `of_targets`
    words    pieces of each dictionary word
    pieces   ids among these pieces that need a row and have a text
    """

    task: Transfer
    measures: TokenizerMeasures
    targets: np.ndarray
    of_targets: int
    words: Sequence[Sequence[int]]
    pieces: np.ndarray


class Measuring:
    """Measure tokenizers with bridges, for one source encoder.

    encoder     the source
    lines       sampled text of the new language; None: how tokenizers read it is not measured
    language    its code, "" if not told
    dictionary  (source word, target word) of its lines; empty: there is none

    Raises ValueError, before anything is embedded, for texts without words (see `read`) and for a dictionary none of
    whose source words is a token of the source.
    """

    def __init__(
        self,
        encoder: Any,
        tokenizers: Mapping[str, Any],
        sample: Sample,
        *,
        lines: Sequence[str] | None = None,
        language: str = "",
        dictionary: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._translations = sampled_words(dictionary)
        self._sources: dict[str, TokenVectors] = {}
        self._encoder, self._tokenizers, self._sample, self._language = encoder, tokenizers, sample, language
        self.held_out: HeldOut | None = None if lines is None else divided(lines)
        tokenizer = splade_modules(encoder).tokenizer
        tasks = {name: make_task(encoder, target) for name, target in tokenizers.items()}
        first = next(iter(tasks.values()))
        self.donors_there = int(first.donors.sum())
        meanings = _meanings(tokenizer, first, self._translations)
        self._meanings = [ids for ids in meanings.values() if ids]
        sampled = evenly(np.flatnonzero(first.donors), sample.sources)
        self._donors = np.unique(np.concatenate([sampled, *(np.array(ids, dtype=np.int64) for ids in self._meanings)]))
        looked_up = [word for word, ids in meanings.items() if ids]
        self.sides = {
            name: _side(task, tokenizers[name], sample, lines, language, looked_up) for name, task in tasks.items()
        }

    @property
    def calibrates(self) -> bool:
        """Return whether the source has a bias that can be calibrated."""
        return has_bias(self._encoder)

    @property
    def work(self) -> dict[str, int]:
        """Return how many tokens and words a bridge embeds: for the source ("") and for each tokenizer."""
        of_source = len(self._donors) + len(self._translations) * 2
        return {"": of_source} | {name: len(side.targets) + len(side.pieces) for name, side in self.sides.items()}

    def measure(self, name: str, bridge: Bridge, done: Callable[[str], None]) -> list[Combination]:
        """Return the combinations of all tokenizers with a bridge; `done` is called with each key of `work`."""
        first = next(iter(self.sides.values()))
        source = self._sources[name] = bridge.tokens(part(first.task.source, self._donors))
        dictionary = measure_dictionary(self._translations, bridge.words) if self._translations else None
        done("")
        combinations = []
        for tokenizer, side in self.sides.items():
            measures, translated = self._with_tokenizer(side, bridge, source)
            combinations.append(Combination(tokenizer, name, side.measures, measures, dictionary, translated))
            done(tokenizer)
        return combinations

    def _with_tokenizer(
        self, side: Side, bridge: Bridge, source: TokenVectors
    ) -> tuple[BridgeMeasures | None, float | None]:
        cut = partial(part_of_transfer, side.task, self._donors)
        sampled = cut(side.targets)
        vectors = BridgeVectors(source, bridge.tokens(sampled.target), bridge.prompt)
        measures = measure_bridge(sampled, vectors, side.of_targets, self.donors_there)
        if not self._translations or measures is None:
            return measures, None
        rows = self._copied_rows(side.task)
        if len(side.pieces):
            pieces = cut(side.pieces)
            of_pieces = BridgeVectors(source, bridge.tokens(pieces.target), bridge.prompt)
            mixture = sp.coo_array(SemBridge(of_pieces).mix(pieces, of_pieces, measures.alpha)[0])
            where = side.pieces[mixture.coords[0]], self._donors[mixture.coords[1]]
            rows = sp.csr_array(rows + sp.csr_array((mixture.data, where), shape=rows.shape))
        return measures, translated_mass(side.words, self._meanings, rows)

    def active_dimensions(self, chosen: Combination, bridge: Bridge) -> ActiveDimensions | None:
        """Return the active dimensions that Signet gives with a combination; the encoder is changed.

        The bridge embeds copied tokens too, though their rows are not made: the center of the vocabulary is theirs too.
        None without a text, and where it is too short to be divided.
        """
        if self.held_out is None or chosen.of_bridge is None:
            return None
        side, tokenizer, text = self.sides[chosen.tokenizer], self._tokenizers[chosen.tokenizer], self.held_out
        read = tokens_in(tokenizer, text.encoded)
        copied = np.flatnonzero((side.task.copied >= 0) & side.task.target.has_text)
        centered = evenly(copied, -(-len(copied) * len(side.targets) // side.of_targets))  # as many of a hundred
        needed = np.unique(np.concatenate([side.targets, read[side.task.copied[read] < 0], centered]))
        vectors = vectors_for(bridge, side.task, self._donors, self._sources[chosen.bridge], needed)
        words = count_words(text.read, self._language, most=self._sample.targets)
        placed = placed_by_words(bridge, vectors, side.task, tokenizer, words, needed)
        return predict(self._encoder, tokenizer, side.task, Signet(placed), side.targets, text)

    @staticmethod
    def _copied_rows(task: Transfer) -> sp.csr_array:
        ids = np.flatnonzero((task.copied >= 0) & task.target.has_text)
        shape = len(task.target), len(task.source)
        return sp.csr_array((np.ones(len(ids), dtype=np.float32), (ids, task.copied[ids])), shape=shape)


def _meanings(tokenizer: Any, task: Transfer, translations: Mapping[str, set[str]]) -> dict[str, list[int]]:
    """Return target word -> the donors that are a whole translation of it; some have none."""
    source_words = sorted(set().union(*translations.values()))
    encoded = token_ids(tokenizer, [f" {word}" for word in source_words]) if source_words else []
    whole = {
        word: ids[0] for word, ids in zip(source_words, encoded, strict=True) if len(ids) == 1 and task.donors[ids[0]]
    }
    meanings = {word: sorted({whole[each] for each in of if each in whole}) for word, of in translations.items()}
    if translations and not any(meanings.values()):
        raise ValueError(
            "none of the words in the dictionary's first column is a token of the source; its first column must have "
            "words of the source's language, and its second their translations"
        )
    return meanings


def _side(
    task: Transfer, tokenizer: Any, sample: Sample, lines: Sequence[str] | None, language: str, words: Sequence[str]
) -> Side:
    missing = np.zeros(len(task.target), dtype=bool)
    missing[task.missing] = True
    missing &= task.target.has_text
    if not missing.any():
        raise ValueError("every token of a tokenizer is in the source's vocabulary; give one of the new language")
    encoded = token_ids(tokenizer, [f" {word}" for word in words]) if words else []
    pieces = np.unique(np.fromiter((i for ids in encoded for i in ids), dtype=np.int64))
    return Side(
        task,
        measure_tokenizer(task, tokenizer, lines, language),
        evenly(np.flatnonzero(missing), sample.targets),
        int(missing.sum()),
        encoded,
        pieces[missing[pieces]],
    )
