"""`sembridge-bench`: declare the commands and their options; what a command does is imported when it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.cli import doctor, grid, recommend_options, report
from harness.cli.compare import options as compare_options
from harness.cli.export import options as engine_options
from harness.cli.grid_options import alpha
from harness.cli.pocket_store import add_pocket_store
from harness.cli.refusal import MISUSE, Parser, RefusedError
from harness.cli.search import options as search_options
from harness.cli.store import commands as store_commands
from harness.cli.store import export_options
from harness.cluster.stopping import exit_code, stoppable
from harness.files.redaction import without_secrets
from sembridge.extras import MissingExtraError
from sembridge.processor.settings import check_settings


class _Version(argparse.Action):
    """Print the installed version, looked up only on demand, and exit."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"sembridge-bench {version('sembridge-bench')}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    root = Parser(
        prog="sembridge-bench",
        description="Give an English sparse encoder another language's vocabulary, and compare ways to initialize it.",
        allow_abbrev=False,
    )
    root.add_argument("--version", action=_Version, nargs=0, help="print the version, and exit")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    recommend_options.add_parser(commands)
    _transfer(commands)
    _explain(commands)
    search_options.add_parsers(commands)
    engine_options.add_parser(commands)
    grid.add_parser(commands)
    report.add_parser(commands)
    doctor.add_parser(commands)
    compare_options.add_parser(commands)
    store_commands.add_parser(commands)
    export_options.add_parser(commands)
    return root


def _transfer(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "transfer",
        help="make an encoder with another tokenizer's vocabulary",
        description="Make of SOURCE an encoder with the vocabulary of another tokenizer: an ordinary SparseEncoder "
        "folder with a model card.",
        epilog="Models are folders, hub ids with a pinned revision, or parts of the pocket, built on first use "
        "(pocket:encoders/bert, pocket:tokenizers/ko, pocket:bridge). The page 'your-encoder' of the documentation has "
        "more.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("source", metavar="SOURCE", help="the sparse encoder to transplant")
    option("--tokenizer", required=True, metavar="T", help="tokenizer of the new language")
    makes_rows = "the method that makes the rows of new tokens (default: sembridge)"
    option("--initializer", default="sembridge", metavar="NAME", help=makes_rows)
    option("--out", required=True, type=Path, metavar="DIR", help="folder to write")
    prefix = 'prefix of every text that the bridge embeds, e.g. "query: " (default: what the bridge itself declares)'
    option("--bridge-prompt", metavar="P", help=prefix)
    option(
        "--alpha",
        type=alpha,
        metavar="X",
        help="sparsity of the mixtures, at least 1, or auto (default: the method's own)",
    )
    option("--set", action="append", default=[], metavar="FIELD=VALUE", help="any other parameter of the initializer")
    profile = "fixed, or compat: the choices of SemBridge's published code (default: fixed)"
    option("--profile", default="fixed", metavar="P", help=profile)
    overlap = "which tokens count as the same: special, exact, fuzzy (default: fuzzy)"
    option("--overlap", default="fuzzy", metavar="MODE", help=overlap)
    donors = "which source tokens may be mixed: ordinary, all (default: the profile's)"
    option("--donors", metavar="D", help=donors)
    nonfinite = (
        "source tokens with NaN or infinite rows: refuse (default), leave-out (they neither donate nor are copied)"
    )
    option("--nonfinite", metavar="N", default="refuse", help=nonfinite)
    option(
        "--bias",
        metavar="POLICY",
        help="the decoder bias: transfer, zero, keep, or calibrated on --text (default: the method's)",
    )
    idf_text = "inference-free encoders: text to count the weights of query tokens in"
    option("--idf-text", type=Path, metavar="FILE", help=idf_text)
    option("--seed", type=int, default=42, metavar="N", help="seed of everything that is sampled (default: 42)")
    option("--revision", metavar="COMMIT", help="revision of SOURCE, if it is a hub model")
    option("--tokenizer-revision", metavar="COMMIT", help="revision of the tokenizer, if it is a hub model")
    option("--bridge-revision", metavar="COMMIT", help="revision of the bridge, if it is a hub model")
    option("--language", metavar="L", help="code of the new language for the model card, e.g. ko")
    option("--force", action="store_true", help="replace the transferred encoder that DIR holds")
    add_pocket_store(command)
    command.declare = _add_need_options


def _add_need_options(command: argparse.ArgumentParser) -> None:
    from harness.cli.need_options import add_need_options

    add_need_options(command)


def _explain(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "explain",
        help="show what tokens of a transferred encoder are made of",
        description="Show which source tokens the rows of a transferred encoder are made of.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("folder", type=Path, metavar="DIR", help="folder written by `sembridge-bench transfer`")
    option("tokens", nargs="*", metavar="TOKEN", help="tokens; words and phrases are shown piece by piece")
    option("--worst", type=int, metavar="N", help="instead: the N tokens with the weakest donors")
    option("--top", type=int, default=5, metavar="N", help="donors shown per token (default: 5)")
    option("--format", default="text", metavar="F", help="text, json (default: text)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 done, 1 failed, 2 refused before anything was computed or written.

    130 after Ctrl-C, and 128 and its number after another signal that ends programs.
    """
    _survive_narrow_terminals()
    args = parser().parse_args(arguments)
    with stoppable():
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        _check_environment()
        if args.command == "grid":
            return grid.grid(args)
        if args.command == "report":
            return report.report_results(args)
        if args.command == "doctor":
            return doctor.doctor(args)
        if args.command == "recommend":
            from harness.cli.recommend import recommend

            return recommend(args)
        if args.command == "transfer":
            from harness.cli.transfer import transfer

            return transfer(args)
        if args.command == "index":
            from harness.cli.search.index import index

            return index(args)
        if args.command == "search":
            from harness.cli.search.search import search

            return search(args)
        if args.command == "serve":
            from harness.cli.search.serve import serve

            return serve(args)
        if args.command == "store":
            return store_commands.store_command(args)
        if args.command == "export-encoder":
            from harness.cli.store.export_encoder import export_encoder

            return export_encoder(args)
        if args.command == "export":
            from harness.cli.export.export import export

            return export(args)
        if args.command == "compare":
            from harness.cli.compare.published import compare_results

            return compare_results(args)
        from harness.cli.explain import explain

        return explain(args)
    except (RefusedError, MissingExtraError) as error:
        print(f"error: {without_secrets(str(error))}", file=sys.stderr)
        return MISUSE
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was written", file=sys.stderr)
        return exit_code()
    except BrokenPipeError:  # `| head` has read enough
        sys.stderr.close()
        return 0


def _check_environment() -> None:
    try:
        check_settings()
    except ValueError as error:
        raise RefusedError(str(error)) from None


def _survive_narrow_terminals() -> None:
    """Make streams show the escape of a character that their encoding lacks, instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
