"""Add the options of `transfer` that needs declare. This imports needs of other packages: not before a transfer."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.initialization.needs import BRIDGE, options


def add_need_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that needs declare to a parser; exit with code 2 if the name of one is taken."""
    taken = {action.dest for action in parser._actions}
    group = parser.add_argument_group("what initializers read")
    for option in options().values():
        if option.name in taken:
            problem = f"a need declares {option.flag}, a name that this command has already"
            parser.error(f"{problem}; rename the option there")
        note = f" ({option.note})" if option.note else ""
        kind: dict[str, Any] = {"metavar": "B" if option == BRIDGE else option.kind}
        if option != BRIDGE and not option.is_model:
            kind["type"] = Path
        group.add_argument(option.flag, help=f"{option.help}{note}".replace("%", "%%"), **kind)
