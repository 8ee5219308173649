"""`sembridge-bench search`: ask an index, and say why each document was found."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from harness.cli.messages import failed, say
from harness.cli.refusal import RefusedError
from harness.cli.search.index_encoder import check_revision, encoder_of, record_of
from harness.cli.search.texts import folder_of, read_queries
from harness.files.redaction import without_secrets
from sembridge.nearest import nearest
from sembridge.search.manifest import IndexFolderError

if TYPE_CHECKING:
    from sembridge.model_card.explanation import Explanation
    from sembridge.search.hits import Hits
    from sembridge.search.index import Index

FORMATS = ("text", "json")
ONE, RUN = 10, 1000  # documents found for a query, and for each query of a run


def search(args: argparse.Namespace) -> int:
    """Print the hits, or write a run, and return the exit code: 0 done, 1 failed; RefusedError before the search."""
    queries = _check(args)
    from harness.cli.transfer import quiet
    from sembridge.search.index import open_index

    quiet()
    try:
        opened = open_index(args.index, *encoder_of(args))
        if args.made_of:
            try:
                made_of = record_of(opened, encoder_of(args)[0])
            except ValueError as error:
                raise RefusedError(f"--made-of: {error}") from None
        if queries is None:
            return _answer(opened, args, made_of if args.made_of else None)
        return _write_run(opened, queries, args)
    except RefusedError:
        raise
    except IndexFolderError as error:
        raise RefusedError(without_secrets(str(error))) from None
    except (ValueError, OSError, RuntimeError, MemoryError) as error:  # of loaders and the encoder
        return failed(error)


def _check(args: argparse.Namespace) -> dict[str, str] | None:
    """Return the queries of a run, None for a single one; RefusedError if the options do not fit together."""
    if args.format not in FORMATS:
        raise RefusedError(f"--format {args.format!r} is unknown; {nearest(args.format, FORMATS)}")
    for option, number in (("--k", args.k), ("--terms", args.terms)):
        if number is not None and number < 1:
            raise RefusedError(f"{option} {number} is not a number of things to show; give 1 or more")
    check_revision(args)
    if args.query is not None and args.queries is not None:
        raise RefusedError("QUERY and --queries were both given; ask one after the other")
    if args.query is None and args.queries is None:
        raise RefusedError("no query was given; add one in quotes, or --queries FILE --run FILE")
    if (args.queries is None) != (args.run is None):
        missing = "--run FILE, where the answers go" if args.run is None else "--queries FILE, or leave out --run"
        raise RefusedError(f"{'--queries' if args.run is None else '--run'} was given alone; add {missing}")
    if args.query is not None:
        if not args.query.strip():
            raise RefusedError(f"QUERY {args.query!r} is empty; say what to look for")
        if any("\ud800" <= character <= "\udfff" for character in args.query):  # bytes that are not UTF-8
            raise RefusedError(f"QUERY {args.query!a} is not UTF-8; set the terminal to UTF-8, and type it again")
        return None
    for option, is_set in (("--made-of", args.made_of), ("--format json", args.format == "json")):
        if is_set:
            raise RefusedError(f"{option} shows hits, and a run has none to show; leave it out")
    out = args.run.expanduser()
    if out.exists():
        raise RefusedError(f"--run {str(args.run)!r} exists already; choose another name, or remove it")
    if not out.absolute().parent.is_dir():
        raise RefusedError(f"--run {str(args.run)!r}: its folder does not exist; make it, or choose another")
    return read_queries(folder_of(args.queries, "--queries", args.store))


def _answer(opened: Index, args: argparse.Namespace, record: Any) -> int:
    """Print the hits of one query."""
    vector = opened.encode([args.query], args.idf)
    hits = opened.hits(args.query, vector, opened.rank(vector, args.k or ONE))
    explanation = None if record is None else _explanation(hits, record, args.terms)
    if args.format == "json":
        readable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        content = hits.to_dict() | ({"made_of": explanation.to_dict()} if explanation else {})
        print(json.dumps(content, ensure_ascii=not readable, indent=1))
        return 0
    shown = opened.vocabulary["shown"]
    heaviest = sorted(zip(-vector.data, vector.indices, strict=True))[: args.terms]
    terms = ", ".join(f"{shown[i]} {-weight:.2f}" for weight, i in heaviest)
    more = f", and {vector.nnz - len(heaviest)} more" if vector.nnz > len(heaviest) else ""
    say("query", f"{terms or 'no term at all'}{more}")
    print()
    for hit in hits:
        print("\n".join([hit.headline(), *hit.why(args.terms)]))
    if not hits:
        print(hits)
    if explanation and explanation.pieces:
        print(f"\nWhat these terms are made of:\n{explanation}")
    return 0


def _explanation(hits: Hits, record: Any, terms: int) -> Explanation:
    """Return what the terms shown are made of, the most important first."""
    from sembridge.model_card.explanation import Explanation, Piece

    products: dict[int, float] = {}
    for hit in hits:
        for term in hit.terms[:terms]:
            products[term.id] = max(products.get(term.id, 0.0), term.product)
    ids = sorted((i for i in products if i < len(record)), key=lambda i: (-products[i], i))
    return Explanation(record, tuple(Piece("", (i,)) for i in ids))


def _write_run(opened: Index, queries: dict[str, str], args: argparse.Namespace) -> int:
    """Answer all queries into a run file."""
    from harness.cli.search.progress import Progress
    from harness.evaluation import trec
    from sembridge.search.encode_options import WINDOW
    from sembridge.search.ranking import Run

    if spaced := opened.manifest["ids_with_white_space"]:
        problem = f"{spaced:,} of the documents have an id with white space, which a run file cannot hold"
        raise RefusedError(f"--run: {problem}; rename them, and build the index again")
    names, progress = list(queries), Progress("queries", len(queries))
    run: Run = {}
    for start in range(0, len(names), WINDOW):
        run |= opened.run({name: queries[name] for name in names[start : start + WINDOW]}, args.k or RUN, args.idf)
        progress(len(run))
    progress.close()
    trec.write(run, args.run.expanduser(), tag="sembridge-bench")
    without = sum(not ranking for ranking in run.values())
    note = f"; {without:,} found nothing" if without else ""
    say(
        "written",
        f"{args.run}: {len(run):,} queries, {sum(len(ranking) for ranking in run.values()):,} documents{note}",
    )
    return 0
