"""Refuse a command: one line, exit code 2."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

MISUSE = 2


class RefusedError(ValueError):
    """Say in one line what is wrong: the option, its value, the nearest valid one, the next step.

    Nothing was computed or written.
    """


class Parser(argparse.ArgumentParser):
    """Parse options, and refuse wrong ones as every other check does; also for the parsers of commands.

    declare  adds options once the command is called
    """

    declare: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def, override]
        """Refuse unknown options here: argparse leaves that to the first parser, which would name its own --help."""
        if self.declare is not None:
            declare, self.declare = self.declare, None
            declare(self)
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return namespace, unknown

    def error(self, message: str) -> NoReturn:
        """Exit with one line that names the command's --help."""
        self.exit(MISUSE, f"error: {message}; see {self.prog} --help\n")
