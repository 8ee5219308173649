"""`sembridge-bench recommend`: which tokenizer, bridge and alpha to take, and what to expect, without labels."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import inputs
from harness.cli.inputs import Input, bridge_prompt, place
from harness.cli.messages import failed
from harness.files.units import duration
from harness.store.artifact import Hub, Location

if TYPE_CHECKING:
    from harness.advice.active_dimensions import ActiveDimensions
    from harness.advice.combination import Combination
    from harness.advice.earlier_scores import Prediction
    from harness.advice.measuring import Bridge, Measuring
    from harness.cli.recommend_inputs import Order


def recommend(args: argparse.Namespace) -> int:
    """Print the recommendation; return 0, or 1 if measuring failed. RefusedError before anything is computed."""
    from harness.cli.recommend_inputs import check

    order = check(args)
    try:
        _run(args, order)
    except (ValueError, OSError, RuntimeError, MemoryError) as error:  # of loaders and models
        return failed(error)
    return 0


def _run(args: argparse.Namespace, order: Order) -> None:
    from harness.advice import page
    from harness.advice.combination import best, method_for

    method = method_for(has_text=order.lines is not None)
    measuring, bridges, combinations = _measured(args, order)
    chosen, reason = best(combinations)
    if measuring.held_out is not None:
        print("measured  last: active dimensions, by a transplanted encoder", file=sys.stderr, flush=True)
    calibrates = measuring.calibrates
    active = measuring.active_dimensions(chosen, bridges[chosen.bridge])
    predicted, reasons = _predicted(order, chosen, active, method)
    command = next_command(args, order, chosen, method, calibrates=calibrates)
    if args.json:
        content = {
            "source": order.source.name,
            "combinations": [page.as_json(each) for each in combinations],
            "recommended": page.chosen_as_json(chosen, reason, method),
            "expected": {
                "active": None if active is None else asdict(active),
                "scores": [asdict(each) for each in predicted],
                "not_predicted": reasons,
            },
            "command": command,
        }
        print(json.dumps(content, ensure_ascii=False, indent=2))
        return
    for name in order.tokenizers:
        measures = next(each.of_tokenizer for each in combinations if each.tokenizer == name)
        print(f"{name}: {page.vocabulary_line(measures)}")
    sections = page.measures_table(combinations), page.legend(combinations), page.supports_table(combinations)
    for lines in sections:
        print("\n" + "\n".join(lines))
    for line in page.doubts(chosen):
        print(f"\nwarning: {line}")
    print(f"\n{page.recommendation(chosen, reason, method, calibrates=calibrates)}")
    print(page.expected_line(active, order.lines))
    print("\n".join([*map(page.prediction_line, predicted), *(f"no score predicted: {reason}" for reason in reasons)]))
    print(f"\n    {command}")


def _measured(args: argparse.Namespace, order: Order) -> tuple[Measuring, Mapping[str, Bridge], list[Combination]]:
    """Return what measured, the bridges, and all combinations; says on stderr how long the rest will take."""
    from harness.advice.budget import Sample, sample_for
    from harness.advice.measuring import Bridge, Measuring
    from sembridge.bridge import load_bridge
    from sembridge.encoder.loading import load_encoder, load_tokenizer

    def located(role: str, item: Input) -> Location:
        return place(role, item, args.store, lambda _, text: print(text, file=sys.stderr, flush=True))

    with inputs.reading({"SOURCE": order.source}):
        encoder = load_encoder(*located("source", order.source))
    tokenizers, bridges = {}, {}
    for name, item in order.tokenizers.items():
        with inputs.reading({"--tokenizer": item}):
            tokenizers[name] = load_tokenizer(*located("tokenizer", item))
    for name, item in order.bridges.items():
        with inputs.reading({"--bridge": item}):
            location = located("bridge", item)
            bridges[name] = Bridge(load_bridge(*location), bridge_prompt(args.bridge_prompt, item, location))
    sample = Sample(order.sample, order.sample) if order.sample else sample_for([b.model for b in bridges.values()])
    measuring = Measuring(
        encoder, tokenizers, sample, lines=order.lines, language=args.language or "", dictionary=order.pairs
    )
    progress = Progress(sum(measuring.work.values()) * len(bridges))
    combinations = []
    for name, bridge in bridges.items():

        def done(tokenizer: str, bridge: str = name) -> None:
            progress.advance(measuring.work[tokenizer], f"{bridge}: {tokenizer or 'source vocabulary'}")

        with inputs.reading({"--bridge": order.bridges[name]}):
            combinations += measuring.measure(name, bridge, done)
    return measuring, bridges, combinations


def _predicted(
    order: Order, chosen: Combination, active: ActiveDimensions | None, method: str
) -> tuple[list[Prediction], list[str]]:
    """Return the scores to expect, and why there are not more."""
    from harness.advice.earlier_scores import Candidate, predictions
    from harness.advice.page import not_measured

    reading = chosen.of_tokenizer.reading
    if not order.cells or order.lines is None or reading is None:
        return [], ["that is learned from earlier grids; add --results FOLDER and --text FILE"]
    if active is None:
        return [], [f"active dimensions are not known, because {not_measured(order.lines)}"]
    return predictions(order.cells, Candidate(method, active.documents, active.queries, reading.unknown))


class Progress:
    """Say on stderr what is done, and how long the rest will take at the speed so far."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._began = total, 0, time.perf_counter()

    def advance(self, amount: int, what: str) -> None:
        """Count so many of the total as done."""
        self._done += amount
        spent, left = time.perf_counter() - self._began, self._total - self._done
        rest = f"; about {duration(spent * left / self._done)} left" if left and self._done else ""
        print(f"measured  {what}{rest}", file=sys.stderr, flush=True)


def next_command(
    args: argparse.Namespace, order: Order, chosen: Combination, method: str, *, calibrates: bool = True
) -> str:
    """Return the transfer to type, with the chosen options; a method that has the text chooses its own alpha.

    calibrates  the decoder of the source has a bias; else the policy that is the method's own would be refused
    """
    assert chosen.of_bridge is not None
    words = ["sembridge-bench", "transfer", args.source]
    if args.revision is not None:
        words += ["--revision", args.revision]
    for option, item in (
        ("--tokenizer", order.tokenizers[chosen.tokenizer]),
        ("--bridge", order.bridges[chosen.bridge]),
    ):
        words += [option, item.typed]
        if isinstance(item.source, Hub):
            words += [f"{option}-revision", item.source.revision]
    if args.bridge_prompt is not None:
        words += ["--bridge-prompt", args.bridge_prompt]
    words += ["--initializer", method]
    if args.text is None:
        words += ["--alpha", f"{chosen.of_bridge.alpha:g}"]
    else:
        words += ["--text", str(args.text), *([] if calibrates else ["--bias", "transfer"])]
    if args.language is not None:
        words += ["--language", args.language]
    if args.store != Path("store"):
        words += ["--store", str(args.store)]
    name = args.language or Path(chosen.tokenizer.partition("@")[0].rstrip("/")).name.rpartition(":")[2]
    return shlex.join([*words, "--out", f"splade-{name}"])
