"""`sembridge-bench`: the commands for someone who wants an encoder in another language. Options only; what a command does is imported with it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from harness.cli.refusal import RefusedError
from harness.files.redaction import without_secrets
from sembridge.extras import MissingExtraError

MISUSE = 2


class _Parser(argparse.ArgumentParser):
    declare: Callable[[argparse.ArgumentParser], None] | None = None  # adds options once the command is asked for

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self.declare is not None:
            declare, self.declare = self.declare, None
            declare(self)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """One line, as every other refusal."""
        self.exit(MISUSE, f"error: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    described = _Parser(
        prog="sembridge-bench",
        description="Give an English sparse encoder another language's vocabulary.",
        allow_abbrev=False,
    )
    commands = described.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _transfer(commands)
    _explain(commands)
    _compare(commands)
    _doctor(commands)
    return described


def _transfer(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "transfer",
        help="make an encoder with another tokenizer's vocabulary",
        description="Make of SOURCE an encoder with the vocabulary of another tokenizer: an ordinary SparseEncoder folder with a model card.",
        epilog="Models are folders, hub ids with a pinned revision, or parts of the pocket, built on first use (pocket:encoders/bert, "
        "pocket:tokenizers/ko, pocket:bridge). See docs/your-encoder.md.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("source", metavar="SOURCE", help="the sparse encoder to transplant")
    option("--tokenizer", required=True, metavar="T", help="tokenizer of the new language")
    option(
        "--initializer",
        default="sembridge",
        metavar="NAME",
        help="how the rows of new tokens are made (default: sembridge)",
    )
    option("--out", required=True, type=Path, metavar="DIR", help="folder to write")
    option(
        "--bridge-prompt",
        default="",
        metavar="P",
        help='put before every text the bridge embeds, e.g. "query: " for the e5 family',
    )
    option("--alpha", type=float, metavar="X", help="sparsity of the mixtures, at least 1 (default: the method's own)")
    option("--set", action="append", default=[], metavar="FIELD=VALUE", help="any other parameter of the initializer")
    option(
        "--profile",
        default="fixed",
        metavar="P",
        help="fixed, or compat: the choices of SemBridge's published code (default: fixed)",
    )
    option(
        "--overlap",
        default="fuzzy",
        metavar="MODE",
        help="which tokens count as the same: special, exact, fuzzy (default: fuzzy)",
    )
    option(
        "--donors", metavar="D", help="which source tokens may be mixed from: ordinary, all (default: the profile's)"
    )
    option("--bias", metavar="POLICY", help="the decoder bias: transfer, zero, keep (default: the profile's)")
    option(
        "--idf-text",
        type=Path,
        metavar="FILE",
        help="inference-free encoders: text to count the weights of query tokens in",
    )
    option("--seed", type=int, default=42, metavar="N", help="seed of everything that is sampled (default: 42)")
    option("--revision", metavar="COMMIT", help="revision of SOURCE, if it is a hub model")
    option("--tokenizer-revision", metavar="COMMIT", help="revision of the tokenizer, if it is a hub model")
    option("--bridge-revision", metavar="COMMIT", help="revision of the bridge, if it is a hub model")
    option("--language", metavar="L", help="code of the new language for the model card, e.g. ko")
    option("--force", action="store_true", help="replace the transferred encoder that DIR holds")
    option(
        "--store",
        type=Path,
        default=Path("store"),
        metavar="DIR",
        help="where parts of the pocket are built and kept (default: store)",
    )
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


def _compare(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "compare",
        help="put results of a grid beside published figures",
        description="Put the results of a grid beside published figures: ours minus theirs, whole collections only.",
        epilog="[OK] and [OKish]: within the tolerances of the file of figures; [FAIL]: beyond; [----]: no such cell, or none that is alike.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("results", type=Path, metavar="RESULTS", help="folder written by a run of the grid")
    option(
        "--expected",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="files of figures (default: all in experiments/expected)",
    )
    option(
        "--catalog",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="catalogs of your own: they say what a whole collection is",
    )
    option("--strict", action="store_true", help="exit code 1 if a figure is missed, or none could be compared")


def _doctor(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "doctor",
        help="check what a grid needs, before hours are spent",
        description="Check access, licenses, disk, memory, devices and hours of a preset. Downloads no model and no collection; computes nothing "
        "without --calibrate.",
        epilog="[ok], [warn], [FAIL]; the exit code is 1 if something fails. The options are those of experiments/run_grid.py.",
        allow_abbrev=False,
    )
    option = command.add_argument
    option("preset", metavar="PRESET", help="a name from experiments/presets or a YAML file")
    option("--languages", nargs="+", metavar="L", help="languages, e.g. ko ru")
    option("--architectures", nargs="+", metavar="A", help="encoders of the preset")
    option("--initializers", nargs="+", metavar="I", help="initializers, and the reference rows base, bm25 and dense")
    option("--bridges", nargs="+", metavar="B", help="bridges of the preset")
    option("--collections", nargs="+", metavar="C", help="collections of the preset")
    option("--regimes", "--stages", nargs="+", metavar="R", help="zero-shot, fine-tuned")
    option("--catalog", nargs="+", metavar="FILE", help="catalogs of your own, whose entries come first")
    option("--set", action="append", default=[], metavar="KEY.PATH=VALUE", help="any other option of the preset")
    option(
        "--store", type=Path, default=Path("store"), metavar="DIR", help="folder of computed artifacts (default: store)"
    )
    option(
        "--calibrate",
        action="store_true",
        help="measure this machine for half a minute, to estimate hours; kept in the store",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: done; 1: failed on the way; 2: refused before anything was computed or written; 130: interrupted."""
    _survive_narrow_terminals()
    given = parser().parse_args(arguments)
    try:
        if given.command == "transfer":
            from harness.cli.transfer import transfer

            return transfer(given)
        if given.command == "compare":
            from harness.cli.compare import compare_results

            return compare_results(given)
        if given.command == "doctor":
            from harness.cli.doctor import doctor

            return doctor(given)
        from harness.cli.explain import explain

        return explain(given)
    except (RefusedError, MissingExtraError) as error:
        print(f"error: {without_secrets(str(error))}", file=sys.stderr)
        return MISUSE
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` has read enough
        sys.stderr.close()
        return 0


def _survive_narrow_terminals() -> None:
    """Where the terminal's encoding lacks a character, its escape is shown instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
