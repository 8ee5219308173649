"""The options of `transfer` that needs declare. Needs of other packages are imported for it: not before a transfer."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.initialization.needs import BRIDGE, options


def add_need_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that needs declare to a parser; exit code 2 if one has the name of another option."""
    taken = {action.dest for action in parser._actions}
    group = parser.add_argument_group("what initializers read")
    for option in options().values():
        if option.name in taken:
            parser.error(
                f"a need declares {option.flag}, a name that this command has already; rename the option there"
            )
        note = f" ({option.note})" if option.note else ""
        kind: dict[str, Any] = {"metavar": "B"} if option == BRIDGE else {"metavar": "FILE", "type": Path}
        group.add_argument(option.flag, help=f"{option.help}{note}".replace("%", "%%"), **kind)
