"""Declare the options of `sembridge-bench index`, `search`, `serve`: no imports that `--help` would wait for."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.pocket_store import add_pocket_store

_IDF = "multiply the query's weights by ln(N / df): a term that fewer of the N documents have counts more"


def add_parsers(commands: argparse._SubParsersAction) -> None:
    _add_index(commands)
    _add_search(commands)
    _add_serve(commands)


def _add_index(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "index",
        help="encode a collection of documents, so that it can be searched",
        description="Encode documents with a sparse encoder, and write an index of them: a folder of plain files that "
        "`sembridge-bench search` and sembridge.search.open read.",
        epilog="A build that was interrupted goes on where it stopped: repeat the command. Documents are a "
        'corpus.jsonl ({"_id": ..., "title": ..., "text": ...} on each line), a folder that holds one, or a folder of '
        ".txt files, one document a file. The page 'deploy' of the documentation has more.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("encoder", metavar="ENCODER", help="the sparse encoder: a folder, a hub id, or a part of the pocket")
    option("--collection", required=True, metavar="C", help="the documents: corpus.jsonl, or a folder (see below)")
    option("--out", required=True, type=Path, metavar="INDEX", help="folder to write")
    option("--max-length", type=int, metavar="N", help="tokens kept of each text (default: what the encoder allows)")
    precision = "float32, bfloat16, auto: bfloat16 on a GPU that has it, else float32 (default: auto)"
    option("--precision", default="auto", metavar="P", help=precision)
    option("--revision", metavar="COMMIT", help="revision of ENCODER, if it is a hub model")
    add_pocket_store(command)


def _add_search(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "search",
        help="ask an index, and see why a document was found",
        description="Search an index exactly. Every hit lists the terms that the query and the document share: weight "
        "in the query x weight in the document = share of the score.",
        epilog="With --queries and --run, many queries are answered into a run file, `qid Q0 docid rank score tag`, "
        "which trec_eval and others read. Queries are a queries.jsonl, a folder that holds one, or a .tsv of id, tab, "
        "text.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("index", type=Path, metavar="INDEX", help="folder written by `sembridge-bench index`")
    option("query", nargs="?", metavar="QUERY", help="what to look for, in quotes")
    option("--k", type=int, metavar="N", help="documents to find (default: 10, and 1000 for a run)")
    option("--terms", type=int, default=8, metavar="N", help="terms shown of each hit (default: 8)")
    made_of = "show which source tokens the terms are made of, if ENCODER was made by `sembridge-bench transfer`"
    option("--made-of", action="store_true", help=made_of)
    option("--idf", action="store_true", help=_IDF)
    option("--format", default="text", metavar="F", help="text, json (default: text)")
    option("--queries", metavar="FILE", help="instead of QUERY: answer these into --run")
    option("--run", type=Path, metavar="FILE", help="run file to write; compressed if its name ends in .gz")
    _add_encoder(command)


def _add_serve(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "serve",
        help="try an index in a browser",
        description="Serve a page to try an index: hits with the words that matched, their weights, what a token is "
        "made of, and what BM25 finds. It answers on this machine only, writes nothing, and ends with Ctrl-C.",
        epilog="With another --host, others can reach the page: it then asks for a token, and a link that lets one "
        "browser in is printed. Nothing is encrypted; from afar, `ssh -L 8765:127.0.0.1:8765 MACHINE` is safer. "
        "Programs may ask GET /api/search?q=...&k=10&idf=1 and GET /api/token?id=...; the answers are JSON.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("index", type=Path, metavar="INDEX", help="folder written by `sembridge-bench index`")
    option("--port", type=int, default=8765, metavar="N", help="port, 0 for any that is free (default: 8765)")
    option("--host", default="127.0.0.1", metavar="H", help="address to answer at (default: 127.0.0.1, this machine)")
    token = "file with the token to ask for, on one line (default: one is made for a --host that others reach)"
    option("--token-file", type=Path, metavar="FILE", help=token)
    option("--idf", action="store_true", help=f"{_IDF}; the page can switch it off and on")
    _add_encoder(command)


def _add_encoder(command: argparse.ArgumentParser) -> None:
    encoder = "the encoder of the index (default: where it lay when the index was built)"
    command.add_argument("--encoder", metavar="ENCODER", help=encoder)
    command.add_argument("--revision", metavar="COMMIT", help="revision of --encoder, if it is a hub model")
    add_pocket_store(command)
