"""Write measures for people: lines, tables and sentences; and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from harness.advice.active_dimensions import QUERY_WORDS, ActiveDimensions
from harness.advice.combination import METHOD, Combination
from harness.advice.earlier_scores import RELIABLE, Prediction
from harness.advice.tokenizer_measures import Reading, TokenizerMeasures
from harness.evaluation.warnings import MOST_UNKNOWN
from sembridge.bridging.alpha import DONORS
from sembridge.model_card.lines import columns

_NONE = "-"
_SHOWN = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)  # of the alphas that were tried


def vocabulary_line(measures: TokenizerMeasures) -> str:
    """Return what a vocabulary shares with the source's, in one line."""
    rules = ", ".join(f"{rule} {count:,}" for rule, count in measures.copied.items())
    copied = f"{measures.coverage:.0%} of its {measures.tokens:,} tokens are copied{f' ({rules})' if rules else ''}"
    return f"{copied}; {measures.with_text:.0%} stand for text"


def reading_line(reading: Reading) -> str:
    """Return how a tokenizer reads text, in one line."""
    return (
        f"{reading.pieces:.2f} pieces per {reading.per}, {reading.unknown:.1%} of the tokens unknown, "
        f"in {reading.lines:,} lines of the text"
    )


def measures_table(combinations: Sequence[Combination]) -> list[str]:
    """Return the table of all combinations, and below it what its columns say."""
    per = next((each.of_tokenizer.reading.per for each in combinations if each.of_tokenizer.reading), "word")
    head = [
        *("tokenizer", "bridge", "unknown", f"pieces/{per}", "copied", "known", "mutual", "distinct"),
        *("P@1", "CSLS", "on transl.", "cosine", "alpha", "donors"),
    ]
    return columns([head, *map(_row, combinations)])


def _row(each: Combination) -> list[str]:
    reading, bridge, dictionary = each.of_tokenizer.reading, each.of_bridge, each.dictionary
    cells = [each.tokenizer, each.bridge]
    cells += [_NONE, _NONE] if reading is None else [f"{reading.unknown:.1%}", f"{reading.pieces:.2f}"]
    cells.append(f"{each.of_tokenizer.coverage:.0%}")
    if bridge is None:
        cells += ["0%", _NONE, _NONE]
    else:
        cells += [f"{bridge.known:.0%}", f"{bridge.mutual:.0%}", f"{bridge.distinct:.0%}"]
    cells += [_NONE] * 2 if dictionary is None else [_decimal(dictionary.precision), _decimal(dictionary.csls)]
    cells.append(_NONE if each.translated is None else _decimal(each.translated))
    if bridge is None:
        return [*cells, _NONE, _NONE, _NONE]
    cosine = f"{_decimal(bridge.mean)} ± {_decimal(bridge.sd)}"
    return [*cells, cosine, f"{bridge.alpha:g}", f"{bridge.supports[bridge.alpha]:.1f}"]


def supports_table(combinations: Sequence[Combination]) -> list[str]:
    """Return how many donors a token has, in the mean, by alpha."""
    rows = [
        [each.tokenizer, each.bridge, *(f"{each.of_bridge.supports[alpha]:,.1f}" for alpha in _SHOWN)]
        for each in combinations
        if each.of_bridge is not None
    ]
    return columns([["tokenizer", "bridge", *(f"alpha {alpha:g}" for alpha in _SHOWN)], *rows])


def legend(combinations: Sequence[Combination]) -> list[str]:
    """Return what the columns say, and on how many tokens they were measured."""
    measured = [each.of_bridge for each in combinations if each.of_bridge is not None]
    lines = [
        "unknown: tokens of the text that stand for what the tokenizer does not know; copied: rows that the source has",
        "known: tokens that need a row and that the bridge knows; mutual: those that are the nearest one of their",
        "nearest donor; distinct: those with a mixture of their own; cosine: of tokens and donors, mean and deviation",
        f"alpha: the one at which a token has about {DONORS:g} donors, as by alpha auto",
    ]
    dictionary = next((each.dictionary for each in combinations if each.dictionary), None)
    if dictionary is not None:
        lines.append(
            f"P@1, CSLS: {dictionary.words:,} words of the dictionary whose nearest one of {dictionary.candidates:,} "
            "source words is a translation; on transl.: weight of their pieces that lies on translations"
        )
    parts = {("donors", *bridge.donors) for bridge in measured}
    parts |= {("tokens that need a row", *bridge.targets) for bridge in measured}
    sampled = [f"{read:,} of {there:,} {what}" for what, read, there in sorted(parts) if read < there]
    if sampled:
        lines.append(
            f"measured on {', '.join(sampled)}; with --sample all, mutual and distinct are lower, and donors more"
        )
    return lines


def recommendation(chosen: Combination, reason: str) -> str:
    """Return the sentence that says what to take."""
    bridge = chosen.of_bridge
    assert bridge is not None
    because = f" ({reason})" if reason else ""
    return (
        f"take the tokenizer {chosen.tokenizer} and the bridge {chosen.bridge}{because}, with {METHOD} and alpha "
        f"{bridge.alpha:g}: about {bridge.supports[bridge.alpha]:.1f} donors per token"
    )


def expected_line(active: ActiveDimensions | None) -> str:
    """Return what vectors will be like before any fine-tuning."""
    if active is None:
        return "expect: without --text it is not known how many dimensions will be active"
    return (
        f"expect {active.documents:,.0f} active dimensions per document and {active.queries:,.0f} per query of "
        f"{QUERY_WORDS} words before fine-tuning, by the transplanted encoder on {active.lines} lines of the text"
    )


def prediction_line(predicted: Prediction) -> str:
    """Return the score to expect on a collection like an earlier one, and how well such predictions were."""
    reach = [
        "a language left out: " + (_NONE if predicted.by_language is None else f"{predicted.by_language:.2f}"),
        "a bridge left out: " + (_NONE if predicted.by_bridge is None else f"{predicted.by_bridge:.2f}"),
    ]
    hint = "" if predicted.is_reliable else f"; below {RELIABLE:g}, so this is a hint and no more"
    bridges = f"{predicted.bridges} bridge{'s' if predicted.bridges != 1 else ''}"
    method, mean = predicted.best
    best = "" if method == METHOD else f"; there {method} was best, with {mean:.3f} in the mean"
    return (
        f"expect zero-shot nDCG@10 {predicted.score:.3f} ({predicted.low:.3f} to {predicted.high:.3f}) on a collection "
        f"like {predicted.collection}, by {predicted.cells} cells in {predicted.languages} languages with "
        f"{bridges} (Spearman with {', with '.join(reach)}{hint}){best}"
    )


def doubts(chosen: Combination) -> list[str]:
    """Return what speaks against even the best combination."""
    lines, reading, bridge = [], chosen.of_tokenizer.reading, chosen.of_bridge
    assert bridge is not None
    if chosen.loses_text and reading is not None:
        lines.append(
            f"{reading.unknown:.1%} of the tokens of the text are unknown to the tokenizer {chosen.tokenizer} (more "
            f"than {MOST_UNKNOWN:.0%}), and what they say is lost; is the text in its language? Try another --tokenizer"
        )
    if bridge.known < 0.9:
        lines.append(
            f"the bridge {chosen.bridge} does not know {1 - bridge.known:.0%} of the tokens that need a row, and their "
            "rows are random; try another --bridge"
        )
    return lines


def as_json(each: Combination) -> dict[str, Any]:
    """Return a combination for JSON."""
    content = asdict(each)
    content["of_tokenizer"]["coverage"] = each.of_tokenizer.coverage
    if each.of_bridge is not None:
        content["of_bridge"]["supports"] = {f"{alpha:g}": mean for alpha, mean in each.of_bridge.supports.items()}
    return content


def chosen_as_json(chosen: Combination, reason: str) -> dict[str, Any]:
    """Return the recommendation for JSON."""
    assert chosen.of_bridge is not None
    names = {"tokenizer": chosen.tokenizer, "bridge": chosen.bridge, "initializer": METHOD}
    return {**names, "alpha": chosen.of_bridge.alpha, "reason": reason, "doubts": doubts(chosen)}


def _decimal(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"
