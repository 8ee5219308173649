"""Choose among combinations of a tokenizer and a bridge by their measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.advice.bridge_measures import BridgeMeasures
from harness.advice.dictionary_measures import DictionaryMeasures
from harness.advice.tokenizer_measures import TokenizerMeasures
from harness.evaluation.warnings import MOST_UNKNOWN

WITH_TEXT, WITHOUT_TEXT = "signet", "sembridge"
"""The advised initializers. Signet scores better, but places pieces and calibrates the bias by text of the language."""


def method_for(*, has_text: bool) -> str:
    """Return the initializer to advise; this is the one place that decides it."""
    return WITH_TEXT if has_text else WITHOUT_TEXT


@dataclass(frozen=True)
class Combination:
    """Hold what was measured of a tokenizer with a bridge.

    of_bridge   None: the bridge knows none of the tokens
    dictionary  of the bridge alone; None without a dictionary
    translated  share of the weight of a dictionary word's pieces that lies on its translations (`translated_mass`)
    """

    tokenizer: str
    bridge: str
    of_tokenizer: TokenizerMeasures
    of_bridge: BridgeMeasures | None
    dictionary: DictionaryMeasures | None = None
    translated: float | None = None

    @property
    def loses_text(self) -> bool:
        """Return whether the tokenizer does not know too much of the text."""
        reading = self.of_tokenizer.reading
        return reading is not None and reading.unknown > MOST_UNKNOWN


def best(combinations: Sequence[Combination]) -> tuple[Combination, str]:
    """Return the combination to take, and what decided, as a part of a sentence.

    A tokenizer that does not know more than MOST_UNKNOWN of the text comes after those that know it. Then, with a
    dictionary, the largest share of weight on translations decides: it sees the tokenizer, which splits words into
    pieces, and the bridge, which places them. Without one, the bridge with the most mutual neighbors among all tokens
    decides, in the mean over the tokenizers, and then the tokenizer with the fewest pieces per word. A tie falls to the
    combination that was named first. Raises ValueError if no bridge knows any token.
    """
    usable = [combination for combination in combinations if combination.of_bridge is not None]
    if not usable:
        raise ValueError(
            "none of the bridges knows a token of any of these tokenizers; give a multilingual sentence encoder that "
            "knows the new language"
        )
    if all(combination.translated is not None for combination in usable):
        chosen = min(usable, key=lambda each: (each.loses_text, -(each.translated or 0.0)))
        reason = "most of the weight of its words lies on their translations"
    else:
        neighbors = {name: _neighbors(usable, name) for name in {each.bridge for each in usable}}
        chosen = min(usable, key=lambda each: (each.loses_text, -neighbors[each.bridge], _pieces(each)))
        reason = "its bridge has the most mutual neighbors"
        if len({each.tokenizer for each in usable}) > 1 and chosen.of_tokenizer.reading is not None:
            reason += ", its tokenizer the fewest pieces per " + chosen.of_tokenizer.reading.per
    return chosen, reason if len(usable) > 1 else ""


def _neighbors(combinations: Sequence[Combination], bridge: str) -> float:
    shares = [
        each.of_bridge.known * each.of_bridge.mutual
        for each in combinations
        if each.bridge == bridge and each.of_bridge is not None
    ]
    return sum(shares) / len(shares)


def _pieces(combination: Combination) -> float:
    reading = combination.of_tokenizer.reading
    return 0.0 if reading is None else reading.pieces
