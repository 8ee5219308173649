"""Write measures for people: lines, tables and sentences; and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from harness.advice.active_dimensions import QUERY_WORDS, ActiveDimensions
from harness.advice.combination import WITH_TEXT, Combination
from harness.advice.earlier_scores import RELIABLE, Prediction
from harness.advice.held_out import CALIBRATING, LEAST
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
        f"alpha: of sembridge, the one at which a token has about {DONORS:g} donors, as by alpha auto",
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


def recommendation(chosen: Combination, reason: str, method: str, *, calibrates: bool = True) -> str:
    """Return the lines that say what to take, and why this method.

    method      see `method_for`
    calibrates  the decoder of the source has a bias, so that it can be calibrated
    """
    bridge = chosen.of_bridge
    assert bridge is not None
    because = f" ({reason})" if reason else ""
    taken = f"take the tokenizer {chosen.tokenizer} and the bridge {chosen.bridge}{because}, with {method}"
    if method == WITH_TEXT:
        bias = "calibrates the bias on it" if calibrates else "leaves the bias: the decoder of SOURCE has none"
        return f"{taken}\nwhy {method}: there is text; it places pieces by the words of the text, and {bias}"
    alpha = f"alpha {bridge.alpha:g}: about {bridge.supports[bridge.alpha]:.1f} donors per token"
    return f"{taken} and {alpha}\nwhy {method}: there is no text; with --text FILE, {WITH_TEXT} would score better"


def expected_line(active: ActiveDimensions | None, lines: Sequence[str] | None) -> str:
    """Return what vectors will be like before any fine-tuning.

    lines  sampled ones of the text; None: there is no text
    """
    if active is None:
        return f"expect: it is not known how many dimensions will be active, because {not_measured(lines)}"
    calibrated = ""
    if active.calibrated:
        calibrated = f", calibrated on {active.calibrated:,} others"
        if active.calibrated < CALIBRATING:
            calibrated += "; so few leave rare words active too often, so give more text"
    return (
        f"expect {active.documents:,.0f} active dimensions per document and {active.queries:,.0f} per query of "
        f"{QUERY_WORDS} words before fine-tuning, by the transplanted encoder on {active.lines} lines of the text"
        f"{calibrated}"
    )


def not_measured(lines: Sequence[str] | None) -> str:
    """Return why active dimensions were not measured."""
    if lines is None:
        return "there is no --text"
    return (
        f"the text has only {len(set(lines))} different lines (at least {LEAST}: the bias is calibrated on some, and "
        "others are measured)"
    )


def prediction_line(predicted: Prediction) -> str:
    """Return the score to expect on a collection like an earlier one, and how well such predictions were."""
    reach = [
        f"a {part} left out: " + (_NONE if correlation is None else f"{correlation:.2f}")
        for part, correlation in predicted.reach.items()
    ]
    hint = "" if predicted.is_reliable else f"; below {RELIABLE:g}, so this is a hint and no more"
    method, mean = predicted.best
    best = "" if method == predicted.method else f"; there {method} was best, with {mean:.3f} in the mean"
    untested = " and ".join(f"one {part}" for part in predicted.untested)
    only = f"; these cells have {untested}, and with another it may be far off" if untested else ""
    return (
        f"expect zero-shot nDCG@10 {predicted.score:.3f} ({predicted.low:.3f} to {predicted.high:.3f}) on a collection "
        f"like {predicted.collection}, by {predicted.cells} cells in {predicted.languages} languages "
        f"(Spearman with {', with '.join(reach)}{hint}){only}{best}"
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


def chosen_as_json(chosen: Combination, reason: str, method: str) -> dict[str, Any]:
    """Return the recommendation for JSON; its alpha is null where the method chooses it."""
    assert chosen.of_bridge is not None
    names = {"tokenizer": chosen.tokenizer, "bridge": chosen.bridge, "initializer": method}
    alpha = None if method == WITH_TEXT else chosen.of_bridge.alpha
    return {**names, "alpha": alpha, "reason": reason, "doubts": doubts(chosen)}


def _decimal(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"
