"""Declare the options of `sembridge-bench recommend`, without imports that `--help` would wait for."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.pocket_store import add_pocket_store


def add_parser(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "recommend",
        help="say which tokenizer, bridge and alpha to take, in a minute or two and without labels",
        description="Measure every combination of a tokenizer and a bridge for SOURCE, without labels, and say which "
        "one to take.",
        epilog="Models are folders, hub ids with a pinned revision as OWNER/NAME@COMMIT, or parts of the pocket. The "
        "table is on stdout, progress on stderr. The page 'your-encoder' of the documentation explains the figures.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("source", metavar="SOURCE", help="the sparse encoder to transplant")
    option("--tokenizer", required=True, nargs="+", metavar="T", help="tokenizers of the new language")
    option("--bridge", required=True, nargs="+", metavar="B", help="multilingual sentence encoders")
    text = "text of the new language, one passage a line: how tokenizers read it is measured, and signet is advised"
    option("--text", type=Path, metavar="FILE", help=text)
    dictionary = "bilingual dictionary, a source word, a tab and a target word on each line"
    option("--dictionary", type=Path, metavar="FILE", help=dictionary)
    results = "folders of earlier grids: the score to expect is learned from their cells.csv (needs --text)"
    option("--results", type=Path, nargs="+", default=[], metavar="FOLDER", help=results)
    option("--language", metavar="L", help="code of the new language, e.g. ko")
    prompt = 'prefix of every text that the bridge embeds, e.g. "query: " (default: what the bridge itself declares)'
    option("--bridge-prompt", metavar="P", help=prompt)
    sample = "tokens of each vocabulary that a bridge embeds, or all (default: as many as take about a minute)"
    option("--sample", metavar="N", help=sample)
    option("--revision", metavar="COMMIT", help="revision of SOURCE, if it is a hub model")
    option("--json", action="store_true", help="print JSON")
    add_pocket_store(command)
