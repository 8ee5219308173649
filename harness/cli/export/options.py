"""Declare the options of `sembridge-bench export`; it imports nothing heavy."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.pocket_store import add_pocket_store
from harness.evaluation.warnings import LARGEST_LOSS

FORMATS = ("qdrant", "opensearch", "elasticsearch", "lucene", "vespa", "pgvector", "seismic", "pisa", "jsonl")
GRAPH = "onnx"
"""The format of an encoder itself; the others are of documents."""
INTEGERS = ("lucene", "pisa")
"""Formats whose weights are integers."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "export",
        help="write documents' vectors in the format of a search engine",
        description="Write the vectors of documents, and of queries, in the format of a search engine, with the schema "
        "and a page (README.md) that says how to load and search them.",
        epilog="Queries are a queries.jsonl, a folder that holds one, or a .tsv of id, tab, text. The page 'engines' "
        "of the documentation has a section for each engine.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("source", metavar="INDEX|ENCODER", help="folder written by `sembridge-bench index`, or a sparse encoder")
    option("--to", required=True, metavar="ENGINE", help=f"one of {', '.join(FORMATS)}; or {GRAPH}, the encoder itself")
    option("--out", required=True, type=Path, metavar="DIR", help="folder to write")
    option("--collection", metavar="C", help="with an ENCODER: the documents, as `sembridge-bench index` takes them")
    option("--queries", metavar="FILE", help="also write these queries, as requests")
    checked = (
        "search N queries in what was written, as the engine will hold it, and compare with exact search; with "
        f"{GRAPH}: encode N texts (of --queries, of --collection, or built in), and compare with the encoder"
    )
    option("--check", type=int, metavar="N", help=checked)
    option("--name", metavar="NAME", help="index, collection or table (default: documents)")
    scale = f"engines with integers ({', '.join(INTEGERS)}): weight times N, rounded (default: 1000)"
    option("--scale", type=int, metavar="N", help=scale)
    heaviest = "keep the N heaviest dimensions of each"
    option("--max-active-document", type=int, metavar="N", help=f"{heaviest} document (default: all)")
    option("--max-active-query", type=int, metavar="N", help=f"{heaviest} query (default: all)")
    loss = "with --check: warn if the budget costs more than this share of nDCG@10, or of the first ten documents"
    option("--largest-loss", type=float, metavar="SHARE", help=f"{loss} without judgements (default: {LARGEST_LOSS})")
    option("--drop-special", action="store_true", help="leave special tokens such as [CLS] and [SEP] out")
    option("--without-texts", action="store_true", help="write ids and vectors only")
    moved = "with an INDEX: its encoder (default: where it lay when the index was built)"
    option("--encoder", metavar="ENCODER", help=moved)
    option("--revision", metavar="COMMIT", help="revision of the encoder, if it is a hub model")
    option("--force", action="store_true", help="replace the export that DIR holds")
    add_pocket_store(command)
