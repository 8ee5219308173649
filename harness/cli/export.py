"""`sembridge-bench export`: write the vectors of documents in the format of a search engine."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import inputs
from harness.cli.export_options import FORMATS
from harness.cli.output import check_output, replacing
from harness.cli.refusal import RefusedError
from harness.files.redaction import without_secrets
from harness.store.artifact import Artifact, Local, Member
from harness.store.store import Store, StoreError
from sembridge.nearest import nearest

if TYPE_CHECKING:
    from harness.export.check import Agreement
    from harness.export.documents import Corpus
    from harness.export.engine import Engine
    from sembridge.search.encode_options import EncodeOptions

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LARGEST_SCALE = 1_000_000


@dataclass(frozen=True)
class _Command:
    """Hold the checked command: an index or an encoder with a file of documents."""

    index: Path | None
    encoder: inputs.Input | None
    corpus: Path | None
    queries: Path | None
    out: Path


def export(args: argparse.Namespace) -> int:
    """Export and return the exit code: 0 written, 1 failed; RefusedError before anything is computed or written."""
    command = _check(args)
    from harness.cli.transfer import quiet

    quiet()
    if command.encoder is not None:
        inputs.check_files("ENCODER", "encoder", command.encoder)
    try:
        return _run(args, command)
    except (ValueError, OSError, RuntimeError, MemoryError) as error:  # of loaders, readers, the disk
        lines = str(error).strip().splitlines() or [type(error).__name__]
        print(f"error: {without_secrets(lines[0])} (nothing was written)", file=sys.stderr)
        return 1


def _check(args: argparse.Namespace) -> _Command:
    """Return the checked command; RefusedError for what can be refused without a heavy import."""
    if args.to not in FORMATS:
        raise RefusedError(f"--to {args.to!r} is unknown; {nearest(args.to, FORMATS)}")
    if not _NAME.fullmatch(args.name):
        rule = "begin with a small letter a-z, then letters a-z, digits and _, at most 63 in all"
        raise RefusedError(f"--name {args.name!r} is not a name that every engine takes; {rule}")
    if args.scale is not None and args.to not in ("lucene", "pisa"):
        raise RefusedError(f"--scale is for engines with integers (lucene, pisa), not for {args.to}; leave it out")
    if args.scale is not None and not 1 <= args.scale <= _LARGEST_SCALE:
        raise RefusedError(f"--scale {args.scale} is not between 1 and {_LARGEST_SCALE:,}; 1000 is usual")
    if args.check is not None and args.check < 1:
        raise RefusedError(f"--check {args.check} is not a number of queries; give 1 or more")
    if args.check is not None and args.queries is None:
        raise RefusedError("--check searches queries; add --queries with a queries.jsonl")
    queries = None if args.queries is None else inputs.file("--queries", args.queries).path
    folder = Path(args.source).expanduser()
    is_index = (folder / "postings").is_dir() or (folder / "building.json").is_file()
    read = [queries] if queries else []
    if is_index:
        if args.collection is not None:
            has = f"the index {args.source!r} has its documents"
            raise RefusedError(f"--collection is for an ENCODER; {has}: leave it out")
        if args.revision is not None and args.encoder is None:
            raise RefusedError(
                "--revision is of a hub model, and an INDEX knows its own; leave it out, or add --encoder"
            )
        out = _out(args, [*read, folder.resolve()])
        return _Command(folder, None, None, queries, out)
    if args.encoder is not None:
        raise RefusedError(f"--encoder is for an INDEX, and {args.source!r} is none; leave it out")
    encoder = _encoder(args)
    if args.collection is None:
        advice = "add --collection FOLDER|corpus.jsonl, or build an index first: sembridge-bench index"
        raise RefusedError(f"{args.source!r} is an encoder, without documents; {advice}")
    collection = args.collection.expanduser()
    corpus = inputs.file("--collection", collection / "corpus.jsonl" if collection.is_dir() else collection).path
    models = [encoder.path] if isinstance(encoder.source, Local) else []
    return _Command(None, encoder, corpus, queries, _out(args, [*read, *models, corpus]))


def _encoder(args: argparse.Namespace) -> inputs.Input:
    encoder = inputs.encoder(args.source, args.revision)
    if isinstance(encoder.source, (Artifact, Member)):
        try:
            Store(args.store)
        except StoreError as error:
            raise RefusedError(str(error)) from None
    return encoder


def _out(args: argparse.Namespace, read: list[Path]) -> Path:
    return check_output(args.out, args.force, read, mark="export.json", what="an export", reader="the export")


@dataclass(frozen=True)
class _Source:
    """Hold the documents of the export, what lists their ids, and what encodes queries."""

    corpus: Corpus
    ids: Callable[[], list[str]]
    encoder: Any
    options: EncodeOptions


def _run(args: argparse.Namespace, command: _Command) -> int:
    from harness.export.check import ExactSearch, check
    from harness.export.registry import ENGINES
    from harness.export.sources import queries as encoded_queries
    from harness.export.writing import Order, write

    start = time.perf_counter()
    judged_queries = _queries(args.queries.expanduser()) if args.queries is not None else None
    source = _source(args, command)
    corpus, queries, exact = source.corpus, None, None
    if judged_queries is not None:
        texts, qrels = judged_queries
        queries = encoded_queries(source.encoder, list(texts), list(texts.values()), source.options)
    if queries is not None and args.check is not None:
        judged = [row for row, name in enumerate(queries.ids) if name in qrels]
        rows = (judged or list(range(len(queries.ids))))[: args.check]
        exact = ExactSearch(source.ids(), [queries.ids[row] for row in rows], queries.vectors[rows])
        corpus = replace(corpus, blocks=exact.watch(corpus.blocks))
    order = Order(ENGINES[args.to], args.name, args.scale or 1000, not args.without_texts, args.drop_special)
    agreements = []
    with replacing(command.out) as folder:
        engine = write(folder, order, corpus, queries)
        if exact is not None:
            agreements = check(folder, engine, exact, rows, qrels)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    _summary(args, engine, corpus, size, time.perf_counter() - start)
    if agreements:
        _compare(agreements, len(rows), len(judged))
    print(f"\nHow to load and search them:  {shlex.quote(str(args.out))}/README.md")
    return 0


def _source(args: argparse.Namespace, command: _Command) -> _Source:
    from harness.export import sources
    from sembridge.search.encode_options import EncodeOptions
    from sembridge.search.index import open_index

    if command.index is not None:
        index = open_index(command.index, args.encoder, args.revision)
        model = args.encoder or index.manifest["encoder"].get("model")
        if args.encoder is None and model is not None and Path(model).is_absolute() and not Path(model).is_dir():
            raise ValueError(f"the encoder of the index was in {model!r}, which is not there; say where with --encoder")
        options = EncodeOptions(index.manifest["max_length"], index.manifest["precision"])
        _say("index", f"{command.index.name}: {len(index):,} documents")
        corpus = sources.of_index(index, str(model or "ENCODER"))
        return _Source(corpus, lambda: sources.ids_of_index(index), index.encoder, options)
    from sembridge.encoder.loading import load_encoder

    assert command.encoder is not None and command.corpus is not None
    ids = sources.ids_of_file(command.corpus)
    located = inputs.place("encoder", command.encoder, args.store, _say)
    with inputs.reading({"ENCODER": command.encoder}):
        encoder = load_encoder(*located)
    _say("encoder", f"{command.encoder.name} reads {len(ids):,} documents")
    return _Source(
        sources.of_encoder(encoder, str(located.path), command.corpus), lambda: ids, encoder, EncodeOptions()
    )


def _queries(path: Path) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Return the queries by id, and the judgements that lie in `qrels/test.tsv` or `qrels.tsv` beside them."""
    from harness.collections import jsonl
    from harness.collections.qrels import judgements

    texts = {line.id: line.text for line in jsonl.queries(path)}
    if not texts:
        raise ValueError(f"--queries {str(path)!r} has no query with a text")
    qrels: dict[str, dict[str, int]] = {}
    for file in (path.parent / "qrels" / "test.tsv", path.parent / "qrels.tsv"):
        if file.is_file():
            for judgement in judgements(file):
                qrels.setdefault(judgement.query, {})[judgement.document] = judgement.score
            _say("judgements", str(file))
            break
    return texts, {name: judged for name, judged in qrels.items() if any(score > 0 for score in judged.values())}


def _summary(args: argparse.Namespace, engine: Engine, corpus: Corpus, size: int, seconds: float) -> None:
    from harness.export.page import notes
    from harness.files.units import amount, duration

    facts = engine.facts
    active = (
        f"{facts.documents.mean_active:,.0f} active dimensions each on average, {facts.documents.most_active:,} at most"
    )
    _say("documents", f"{facts.documents.number:,} with {active}")
    if facts.queries is not None:
        asked = f"{facts.queries.mean_active:,.0f} on average, {facts.queries.most_active:,} at most"
        _say("queries", f"{facts.queries.number:,} with {asked}")
    drop = corpus.special if args.drop_special else frozenset[int]()
    for note in notes(engine, corpus, drop):
        _say("note", note)
    _say("written", f"{args.out} for {engine.title} ({engine.version}): {amount(size)} in {duration(seconds)}")


def _compare(agreements: list[Agreement], queries: int, judged: int) -> None:
    """Print how the engine's search agrees with an exact one."""
    print(f"\nRead back, as the engine will hold it, and searched with {queries:,} queries:")
    for found in agreements:
        scores = "" if found.exact is None else f", nDCG@10 {found.engine:.4f} (exact {found.exact:.4f})"
        _say("", f"{found.way}: overlap@10 {found.overlap:.4f}, {100 * found.alike:.0f}% of the lists alike{scores}")
    if not judged:
        print("no nDCG@10: no judgements lie beside the queries, as qrels/test.tsv or qrels.tsv")


def _say(what: str, text: str) -> None:
    print(f"{what:<10} {text}", flush=True)
