"""The rule by which a combination is chosen."""

from __future__ import annotations

import pytest

from harness.advice.bridge_measures import BridgeMeasures
from harness.advice.combination import Combination, best, method_for
from harness.advice.tokenizer_measures import Reading, TokenizerMeasures


def combination(tokenizer, bridge, mutual=0.5, pieces=2.0, unknown=0.0, translated=None, knows=True):
    of_tokenizer = TokenizerMeasures(100, 1.0, {"exact": 10}, Reading(10, 100, unknown, pieces, "word"))
    of_bridge = BridgeMeasures(1.0, 0.1, 0.1, mutual, 1.0, {4.0: 2.0}, 4.0, (10, 10), (10, 10)) if knows else None
    return Combination(tokenizer, bridge, of_tokenizer, of_bridge, None, translated)


def chosen(*combinations):
    each, _ = best(combinations)
    return each.tokenizer, each.bridge


def test_weight_on_translations_decides():
    assert chosen(combination("a", "x", 0.9, translated=0.2), combination("b", "x", 0.1, 3, translated=0.3)) == (
        "b",
        "x",
    )


def test_without_a_dictionary_the_bridge_decides_by_neighbors_and_the_tokenizer_by_pieces():
    """Bridge y has the higher mean, though the single best share is with x."""
    made = [
        combination("a", "x", 0.9, 2), combination("a", "y", 0.8, 2),
        combination("b", "x", 0.1, 1.5), combination("b", "y", 0.7, 1.5),
    ]  # fmt: skip
    assert chosen(*made) == ("b", "y")


def test_a_tokenizer_that_loses_text_comes_last():
    lossy = combination("a", "x", translated=0.9, unknown=0.03)
    assert chosen(lossy, combination("b", "x", translated=0.1)) == ("b", "x")
    assert chosen(lossy) == ("a", "x")


def test_a_bridge_that_knows_no_token():
    assert chosen(combination("a", "x", knows=False), combination("a", "y", 0.01)) == ("a", "y")
    with pytest.raises(ValueError, match="none of the bridges knows a token of any of these tokenizers"):
        best([combination("a", "x", knows=False)])


def test_signet_is_advised_where_there_is_text():
    assert (method_for(has_text=True), method_for(has_text=False)) == ("signet", "sembridge")
