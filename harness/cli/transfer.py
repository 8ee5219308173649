"""`sembridge-bench transfer`: write the transferred encoder, with a model card, into a folder."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cli import inputs
from harness.cli.inputs import Input, bridge_prompt, place
from harness.cli.messages import failed, say
from harness.cli.method import Method, check_name, input_options, method
from harness.cli.output import check_output, replacing
from harness.cli.refusal import RefusedError
from harness.initialization.needs import BRIDGE, TEXT
from harness.initialization.needs import options as need_options
from harness.store.artifact import Local, Location
from sembridge import options
from sembridge.model_card.recipe import Recipe, library_versions


@dataclass(frozen=True)
class _Order:
    """Hold the checked paths of a command; `offered` are the inputs that have options of their own."""

    source: Input
    tokenizer: Input
    offered: Mapping[str, Input]
    idf_text: Input | None
    out: Path


def transfer(args: argparse.Namespace) -> int:
    """Transfer and return the exit code: 0 written, 1 failed; RefusedError before anything is computed or written."""
    order = _check(args)
    chosen = method(args, order.offered, elsewhere=[TEXT.name] if args.bias == options.CALIBRATED else [])
    quiet()
    inputs.check_files("SOURCE", "encoder", order.source)
    inputs.check_files("--tokenizer", "tokenizer", order.tokenizer)
    if BRIDGE.name in chosen.inputs:
        inputs.check_files("--bridge", "bridge", chosen.inputs[BRIDGE.name])
    for option in need_options().values():
        if option.is_model and option.name in chosen.inputs:
            inputs.check_files(option.flag, "donor", chosen.inputs[option.name])
    try:
        _run(args, order, chosen)
    except (ValueError, OSError, RuntimeError, MemoryError) as error:  # of loaders, methods, the disk
        return failed(error, " (nothing was written)")
    return 0


def _check(args: argparse.Namespace) -> _Order:
    """Return the checked command; RefusedError for what can be refused without a heavy import."""
    check_name(args.initializer)
    try:
        options.check(
            profile=args.profile, overlap=args.overlap, donors=args.donors, bias=args.bias, nonfinite=args.nonfinite
        )
    except ValueError as error:
        raise RefusedError(f"--{error}") from None
    if args.bias == options.CALIBRATED and args.text is None:
        raise RefusedError(
            f"--bias {args.bias} needs text of the new language: add {TEXT.flag} FILE, one passage a line"
        )
    inputs.check_language(args.language)
    source = inputs.encoder(args.source, args.revision)
    tokenizer = inputs.tokenizer(args.tokenizer, args.tokenizer_revision)
    offered = input_options(args)
    idf_text = None if args.idf_text is None else inputs.file("--idf-text", args.idf_text)
    if idf_text and isinstance(source.source, Local) and not (source.path / "router_config.json").is_file():
        reason = f"SOURCE {args.source!r} reads queries with its masked LM"
        raise RefusedError(f"--idf-text is for inference-free encoders, but {reason}; leave it out")
    used = [source, tokenizer, *offered.values(), *([idf_text] if idf_text else [])]
    inputs.check_store(args.store, used)
    out = check_output(args.out, args.force, [item.path for item in used if isinstance(item.source, Local)])
    return _Order(source, tokenizer, offered, idf_text, out)


def _run(args: argparse.Namespace, order: _Order, chosen: Method) -> None:
    from harness.cli.prepare import prepare
    from sembridge.encoder.loading import load_encoder, load_tokenizer
    from sembridge.encoder.transplant import source_rows
    from sembridge.pipeline import make_task, run_transfer
    from sembridge.weights.checked_load import stored_dtype

    start = time.perf_counter()
    roles = {"source": order.source, "tokenizer": order.tokenizer, **chosen.inputs}
    located = {role: place(role, item, args.store, say) for role, item in roles.items()}
    with inputs.reading({"SOURCE": order.source}):
        encoder = load_encoder(*located["source"])
    with inputs.reading({"--tokenizer": order.tokenizer}):
        tokenizer = load_tokenizer(*located["tokenizer"])
    chosen_options = {name: getattr(args, name) for name in ("profile", "overlap", "donors", "nonfinite", "seed")}
    task = make_task(encoder, tokenizer, **chosen_options)
    copied = len(task.target) - len(task.missing)
    unowned = len(source_rows(encoder)) - int(task.source.exists.sum())
    without = f"; {unowned:,} of its rows belong to no token" if unowned else ""
    of_source = f"{len(task.source):,} tokens, hidden size {task.rows.shape[1]}, stored as {stored_dtype(encoder)}"
    say("source", f"{order.source.name}: {of_source}{without}")
    say("tokenizer", f"{order.tokenizer.name}: {len(task.target):,} tokens")
    say("overlap", f"{copied:,} tokens are in both, their rows are copied; {len(task.missing):,} rows to make")
    _say_tokenizer(task, tokenizer, order.offered.get(TEXT.name), args.language or "")
    if task.left_out is not None:
        say("left out", f"{task.left_out.sum():,} source tokens have numbers that are not finite")
    prompt = _bridge_prompt(args.bridge_prompt, chosen, located)
    initializer, near = prepare(chosen, located, say, prompt=prompt, language=args.language or "", profile=args.profile)
    say("rows", f"{chosen.kind.name} makes them")
    policies = _policies(args, order, chosen)
    encoder = run_transfer(
        encoder,
        tokenizer,
        initializer,
        task,
        _recipe(args, order, chosen, getattr(initializer, "label", chosen.kind.name), prompt, policies["bias"]),
        nearness=near,
        query_weights=_query_weights(order, tokenizer, len(task.target)),
        language=args.language,
        texts=_calibrating(policies["bias"], order),
        **policies,
    )
    with replacing(order.out) as folder:
        encoder.save_pretrained(str(folder), model_name=order.out.name)
    _summary(encoder.transfer_record, args.out, time.perf_counter() - start)


def _say_tokenizer(task: Any, tokenizer: Any, text: Input | None, language: str) -> None:
    """Say how much of the vocabulary is copied, by which rule, and how the tokenizer reads the text, if any."""
    from harness.advice.page import reading_line, vocabulary_line
    from harness.advice.sample import sampled_lines
    from harness.advice.tokenizer_measures import measure_tokenizer, read
    from harness.collections.text import lines

    say("", vocabulary_line(measure_tokenizer(task, tokenizer)))
    if text is not None:
        try:
            say("text", reading_line(read(tokenizer, sampled_lines(lines(text.path)), language)))
        except ValueError as error:  # the method decides whether it can use such a text
            say("text", f"how the tokenizer reads it is not measured: {error}")


def _query_weights(order: _Order, tokenizer: Any, size: int) -> Any:
    """Return the query weights [T] of an inference-free encoder, counted in a text; None leaves them to the mixture."""
    if order.idf_text is None:
        return None
    from harness.collections.text import lines
    from sembridge.encoder.idf import idf

    say("queries", f"{order.idf_text.name}: token weights are counted in it")
    return idf(lines(order.idf_text.path), tokenizer, size)


def _bridge_prompt(typed: str | None, chosen: Method, located: Mapping[str, Location]) -> str | None:
    """Return what precedes every text that the bridge embeds; None without a bridge. Warns if that seems wrong."""
    if BRIDGE.name not in chosen.inputs:
        return None
    prompt = bridge_prompt(typed, chosen.inputs[BRIDGE.name], located[BRIDGE.name])
    say("prompt", f"the bridge reads every text after {prompt!r}" if prompt else "the bridge reads texts as they are")
    return prompt


def _policies(args: argparse.Namespace, order: _Order, chosen: Method) -> dict[str, str]:
    """Return how bias and special ids are placed; says so where the method's own choice lacks its text."""
    from sembridge.initializer import bias_of

    preferred = bias_of(chosen.kind)
    if preferred == options.CALIBRATED and TEXT.name not in order.offered:
        if args.bias is None and args.profile == "fixed":
            say("bias", f"moved with the rows; with {TEXT.flag} FILE it would be calibrated, which scores better")
        preferred = None
    return options.transplant_options(args.profile, args.bias, preferred)


def _calibrating(bias: str, order: _Order) -> Iterator[str] | None:
    """Return the passages on which the bias is calibrated; None where it is not."""
    from harness.collections.text import lines

    if bias != options.CALIBRATED:
        return None
    say("bias", "calibrated on the text: a token is active in few of its passages")
    return lines(order.offered[TEXT.name].path)


def _recipe(
    args: argparse.Namespace, order: _Order, chosen: Method, label: str, prompt: str | None, bias: str
) -> Recipe:
    about_prompt = {} if prompt is None else {"bridge prompt": prompt or "none"}
    calibrating = {TEXT.name: order.offered[TEXT.name]} if bias == options.CALIBRATED else {}
    read = {**chosen.inputs, **calibrating, **({"idf text": order.idf_text} if order.idf_text else {})}
    return Recipe(
        source=order.source.ingredient(),
        tokenizer=order.tokenizer.ingredient(),
        initializer=chosen.kind.name,
        label=label,
        inputs={role.replace("_", " "): item.ingredient() for role, item in read.items()},
        parameters=chosen.parameters(),
        options=options.described(args.profile, args.overlap, args.donors, bias, args.seed, args.nonfinite)
        | about_prompt,
        versions=library_versions(),
    )


def _summary(record: Any, out: Path, seconds: float) -> None:
    from harness.files.units import duration
    from sembridge.model_card.lines import printable

    counts, size = record.counts(), len(record)
    print()
    say("result", ", ".join(f"{counts[name]:,} {name} ({100 * counts[name] / size:.0f}%)" for name in counts))
    if counts["mixed"]:
        own = f", and {100 * record.mean_own():.0f}% of the squared length is their own" if record.mean_own() else ""
        say("mixtures", f"{record.mean_support():.1f} source tokens each, on average{own}")
        weakest = ", ".join(printable(record.target.shown[i]) for i in record.weakest(3))
        say("weakest", f"{weakest}: explain --worst shows why")
    took = f"in {record.recipe.options['weights']}, in {duration(seconds)}"
    say("written", f"{out} {took}; README.md in it is the model card: check its licenses")
    quoted = shlex.quote(str(out))
    print(
        f"\nWhat tokens are made of:  sembridge-bench explain {quoted} --worst 20\n"
        f'Use it in Python:         from sentence_transformers import SparseEncoder; encoder = SparseEncoder("{out}")'
    )


def quiet() -> None:
    """Silence the progress bars and notes of libraries, which would bury the lines that matter."""
    import logging

    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
