"""The options of `transfer` that needs declare. Needs of other packages are imported for it, so not before somebody transfers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.initialization.needs import BRIDGE, options


def add_need_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that needs declare to a parser; exit code 2 if one has the name of another option."""
    group = parser.add_argument_group("what initializers read")
    for option in options().values():
        note = f" ({option.note})" if option.note else ""
        kind: dict[str, Any] = {"metavar": "B"} if option == BRIDGE else {"metavar": "FILE", "type": Path}
        try:
            group.add_argument(option.flag, help=f"{option.help}{note}".replace("%", "%%"), **kind)
        except argparse.ArgumentError:
            parser.error(f"a need declares {option.flag}, an option that this command has already; rename it there")
