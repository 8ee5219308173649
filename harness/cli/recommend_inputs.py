"""Check what `sembridge-bench recommend` reads, before a model is loaded."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cli import inputs
from harness.cli.inputs import Input
from harness.cli.refusal import RefusedError
from harness.results.scored_cells import ScoredCell, read_cells


@dataclass(frozen=True)
class Order:
    """Hold the checked inputs of a command.

    tokenizers, bridges  by the names that tables give them
    lines                sampled ones of the text; None without a text
    pairs                of the dictionary
    sample               tokens of each vocabulary that bridges embed; None: what the budget allows
    cells                of earlier grids
    """

    source: Input
    tokenizers: Mapping[str, Input]
    bridges: Mapping[str, Input]
    lines: Sequence[str] | None
    pairs: Sequence[tuple[str, str]]
    sample: int | None
    cells: Sequence[ScoredCell] = ()


def check(args: argparse.Namespace) -> Order:
    """Return the checked command; RefusedError for what can be refused before models are loaded."""
    inputs.check_language(args.language)
    sample = _sample(args.sample)
    if args.bridge_prompt is not None and len(args.bridge) > 1:
        raise RefusedError(
            f"--bridge-prompt {args.bridge_prompt!r} is the prefix of one bridge, but --bridge names "
            f"{len(args.bridge)}; give one bridge, or leave it out: each bridge then has the prompt that it declares"
        )
    source = inputs.encoder(args.source, args.revision)
    tokenizers = _by_name("--tokenizer", args.tokenizer, inputs.tokenizer)
    bridges = _by_name("--bridge", args.bridge, inputs.bridge)
    text = None if args.text is None else inputs.file("--text", args.text)
    dictionary = None if args.dictionary is None else inputs.file("--dictionary", args.dictionary)
    inputs.check_store(args.store, [source, *tokenizers.values(), *bridges.values()])
    lines = None if text is None else _lines(text, args.language or "")
    pairs = () if dictionary is None else _pairs(dictionary)
    cells = _cells(args.results, args.text is not None)
    _check_contents(source, tokenizers, bridges)
    return Order(source, tokenizers, bridges, lines, pairs, sample, cells)


def _sample(typed: str | None) -> int | None:
    """Return the size of the sample; None where the budget decides."""
    if typed is None:
        return None
    if typed == "all":
        return 2**31
    if not typed.isascii() or not typed.isdigit() or int(typed) < 100:
        raise RefusedError(f"--sample {typed!r} is not a number of tokens; give one from 100 on, or all")
    return int(typed)


def _by_name(option: str, typed: Sequence[str], read: Callable[[str, str | None, str], Input]) -> dict[str, Input]:
    """Return the models of an option by short names; the whole of what was typed where short names are the same."""
    models = []
    for each in typed:
        name, revision = inputs.split_revision(each)
        models.append(read(name, revision, f"as {name}@COMMIT"))
    seen: set[object] = set()
    for each, model in zip(typed, models, strict=True):
        if model.source in seen:
            raise RefusedError(f"{option} {each!r} is given twice; name each model once")
        seen.add(model.source)
    names = Counter(model.name for model in models)
    return {model.name if names[model.name] == 1 else each: model for each, model in zip(typed, models, strict=True)}


def _lines(text: Input, language: str) -> list[str]:
    """Return sampled lines of a text with words."""
    from harness.advice.sample import sampled_lines
    from harness.advice.tokenizer_measures import counted
    from harness.collections.text import lines

    try:
        sampled = sampled_lines(lines(text.path))
        counted(sampled, language)
    except (ValueError, OSError) as error:
        raise RefusedError(f"--text {text.typed!r}: {error}") from None
    return sampled


def _pairs(dictionary: Input) -> list[tuple[str, str]]:
    from baselines.vectors.aligned import read_dictionary

    try:
        return read_dictionary(dictionary.path)
    except (ValueError, OSError) as error:
        raise RefusedError(f"--dictionary: {error}") from None


def _cells(folders: Sequence[Path], has_text: bool) -> list[ScoredCell]:
    """Return the cells of earlier grids; a cell that several folders hold counts once."""
    if folders and not has_text:
        raise RefusedError(
            "--results predicts a score from active dimensions and unknown tokens, which need text; add --text FILE, "
            "or leave --results out"
        )
    cells: dict[tuple[str, str, str], ScoredCell] = {}
    for folder in folders:
        try:
            cells |= {(cell.key, cell.collection, cell.regime): cell for cell in read_cells(folder)}
        except ValueError as error:
            raise RefusedError(f"--results: {error}") from None
    return list(cells.values())


def _check_contents(source: Input, tokenizers: Mapping[str, Input], bridges: Mapping[str, Input]) -> None:
    from harness.cli.transfer import quiet

    quiet()
    inputs.check_files("SOURCE", "encoder", source)
    for item in tokenizers.values():
        inputs.check_files("--tokenizer", "tokenizer", item)
    for item in bridges.values():
        inputs.check_files("--bridge", "bridge", item)
