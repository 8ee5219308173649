"""`sembridge-bench export`: write the vectors of documents in the format of a search engine."""

from __future__ import annotations

import argparse
import re
import shlex
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import inputs
from harness.cli.export import inputs as export_inputs
from harness.cli.export.budget import budget_of, check_loss, say_unmeasured, show
from harness.cli.export.graph import export_graph
from harness.cli.export.options import FORMATS, GRAPH, INTEGERS
from harness.cli.messages import failed, say
from harness.cli.output import check_output, replacing
from harness.cli.refusal import RefusedError
from harness.cli.search.index_encoder import check_revision
from harness.cli.search.texts import folder_of, read_queries
from harness.collections.collection import CollectionError
from harness.collections.documents import Documents
from harness.files.redaction import without_secrets
from harness.store.artifact import Local
from sembridge.nearest import nearest
from sembridge.search.manifest import IndexFolderError

if TYPE_CHECKING:
    from harness.cli.export.inputs import Source
    from harness.export.check import Agreement
    from harness.export.engine import Engine

_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
_LARGEST_SCALE = 1_000_000


@dataclass(frozen=True)
class _Command:
    """Hold the checked command.

    encoder  with its documents; None for an index
    queries  id -> text, and `qrels` id -> document -> score of those that are judged; None without queries
    """

    encoder: tuple[inputs.Input, Documents] | None
    queries: dict[str, str] | None
    qrels: dict[str, dict[str, int]]
    out: Path


def export(args: argparse.Namespace) -> int:
    """Export and return the exit code: 0 written, 1 failed; RefusedError before anything is computed or written."""
    if args.to == GRAPH:
        _check_options(args)
        return export_graph(args)
    command = _check(args)
    from harness.cli.transfer import quiet

    quiet()
    if command.encoder is not None:
        inputs.check_files("ENCODER", "encoder", command.encoder[0])
    try:
        return _run(args, command)
    except IndexFolderError as error:
        raise RefusedError(without_secrets(str(error))) from None
    except (ValueError, OSError, RuntimeError, MemoryError) as error:  # of loaders, readers, the disk
        return failed(error, " (nothing was written)")


def _check(args: argparse.Namespace) -> _Command:
    """Return the checked command; RefusedError for what can be refused without a heavy import."""
    _check_options(args)
    folder = Path(args.source).expanduser()
    encoder = None if export_inputs.is_index(folder) else _encoder(args)
    queries, qrels, read = None, {}, [folder.resolve()] if encoder is None else [encoder[1].path.resolve()]
    if encoder is not None and isinstance(encoder[0].source, Local):
        read.append(encoder[0].path)
    if args.queries is not None:
        path = folder_of(args.queries, "--queries", args.store)
        queries = read_queries(path)
        read.append(path.resolve())
        try:
            qrels = export_inputs.judgements_beside(path)
        except CollectionError as error:
            raise RefusedError(f"--queries: {error}") from None
    out = check_output(args.out, args.force, read, mark="export.json", what="an export", reader="the export")
    return _Command(encoder, queries, qrels, out)


def _check_options(args: argparse.Namespace) -> None:
    if args.to not in (*FORMATS, GRAPH):
        raise RefusedError(f"--to {args.to!r} is unknown; {nearest(args.to, (*FORMATS, GRAPH))}")
    if args.name is not None and not _NAME.fullmatch(args.name):
        rule = "begin with a small letter a-z, then letters a-z, digits and _, at most 50 in all"
        raise RefusedError(f"--name {args.name!r} is not a name that every engine takes; {rule}")
    if args.scale is not None and args.to not in INTEGERS:
        integers = ", ".join(INTEGERS)
        raise RefusedError(f"--scale is for engines with integers ({integers}), not for {args.to}; leave it out")
    if args.scale is not None and not 1 <= args.scale <= _LARGEST_SCALE:
        raise RefusedError(f"--scale {args.scale} is not between 1 and {_LARGEST_SCALE:,}; 1000 is usual")
    counts = {"--check": args.check, "--max-active-document": args.max_active_document}
    for option, number in (counts | {"--max-active-query": args.max_active_query}).items():
        if number is not None and number < 1:
            checked = "texts" if args.to == GRAPH else "queries"
            what = checked if option == "--check" else "dimensions"
            raise RefusedError(f"{option} {number} is not a number of {what}; give 1 or more")
    if args.check is not None and args.queries is None and args.to != GRAPH:
        raise RefusedError("--check searches queries; add --queries with a queries.jsonl")
    if args.to != GRAPH:
        check_loss(args)
    if export_inputs.is_index(Path(args.source).expanduser()):
        if args.collection is not None:
            has = f"the index {args.source!r} has its documents"
            raise RefusedError(f"--collection is for an ENCODER; {has}: leave it out")
        check_revision(args)
    elif args.encoder is not None:
        raise RefusedError(f"--encoder is for an INDEX, and {args.source!r} is none; leave it out")


def _encoder(args: argparse.Namespace) -> tuple[inputs.Input, Documents]:
    """Return the encoder and its documents; RefusedError if either is missing."""
    encoder = inputs.encoder(args.source, args.revision, "INDEX|ENCODER")
    inputs.check_store(args.store, [encoder])
    if args.collection is None:
        advice = "add --collection FOLDER|corpus.jsonl, or build an index first: sembridge-bench index"
        raise RefusedError(f"{args.source!r} is an encoder, without documents; {advice}")
    return encoder, export_inputs.documents_of(args)


def _run(args: argparse.Namespace, command: _Command) -> int:
    from harness.export.budgets import BudgetSearch
    from harness.export.check import ExactSearch, check
    from harness.export.documents import Block
    from harness.export.registry import ENGINES
    from harness.export.sources import queries as encoded
    from harness.export.writing import Order, write

    start = time.perf_counter()
    source = export_inputs.of_encoder(args, *command.encoder) if command.encoder else export_inputs.of_index(args)
    corpus, queries, exact, rows = source.corpus, None, None, list[int]()
    drop = corpus.special if args.drop_special else frozenset[int]()
    budget, cut = budget_of(args), None
    if command.queries is not None:
        texts = command.queries
        queries = encoded(source.encoder, list(texts), list(texts.values()), source.options)
        if args.check is not None:
            judged = [row for row, name in enumerate(texts) if name in command.qrels]
            rows = (judged or list(range(len(texts))))[: args.check]
            ids, some = source.ids(), Block([queries.ids[row] for row in rows], queries.vectors[rows])
            exact = ExactSearch(ids, some.ids, some.vectors)
            corpus = replace(corpus, blocks=exact.watch(corpus.blocks))
            if budget is not None:
                cut = BudgetSearch(ids, some, budget, drop)
                corpus = replace(corpus, blocks=cut.watch(corpus.blocks))
    order = Order(
        ENGINES[args.to],
        args.name or "documents",
        scale=args.scale or 1000,
        texts=not args.without_texts,
        drop_special=args.drop_special,
        most=args.max_active_document,
        most_asked=args.max_active_query,
    )
    agreements = []
    with replacing(command.out) as folder:
        engine = write(folder, order, corpus, queries)
        if exact is not None:
            agreements = check(folder, engine, exact, rows, command.qrels)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    _summary(args, engine, source, drop, size, time.perf_counter() - start)
    if budget is not None and cut is None:
        say_unmeasured()
    if agreements:
        _compare(agreements, len(rows))
    if cut is not None:
        show(cut.costs(command.qrels), args.largest_loss)
    print(f"\nHow to load and search them:  {shlex.quote(str(args.out))}/README.md")
    return 0


def _summary(
    args: argparse.Namespace, engine: Engine, source: Source, drop: frozenset[int], size: int, seconds: float
) -> None:
    from harness.export.page import notes
    from harness.files.units import amount, duration

    facts = engine.facts
    for what, tally in (("documents", facts.documents), ("queries", facts.queries)):
        if tally is not None:
            most = f"{tally.most_active:,} at most"
            say(what, f"{tally.number:,} with {tally.mean_active:,.0f} active dimensions each on average, {most}")
    for note in notes(engine, source.corpus, drop):
        say("note", note)
    say("written", f"{args.out} for {engine.title} ({engine.version}): {amount(size)} in {duration(seconds)}")


def _compare(agreements: list[Agreement], queries: int) -> None:
    """Print how the engine's search agrees with an exact one."""
    print(f"\nRead back, as the engine will hold it, and searched with {queries:,} queries:")
    for found in agreements:
        scores = "" if found.exact is None else f", nDCG@10 {found.engine:.4f} (exact {found.exact:.4f})"
        say("", f"{found.way}: overlap@10 {found.overlap:.4f}, {100 * found.alike:.0f}% of the lists alike{scores}")
    if agreements[0].exact is None:
        print("no nDCG@10: no judgements of these queries lie beside them, as qrels/test.tsv or qrels.tsv")
