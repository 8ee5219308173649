"""How a command says no: one line, exit code 2."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

MISUSE = 2


class RefusedError(ValueError):
    """One line for a person: the option, its value, the nearest valid one, the next step.

    Nothing was computed or written.
    """


class Parser(argparse.ArgumentParser):
    """A parser, and the parsers of its commands, that refuse as everything else does.

    declare  adds options once the command is asked for
    """

    declare: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def, override]
        """Refuse here what is unknown; argparse leaves that to the first parser, which would name its own --help."""
        if self.declare is not None:
            declare, self.declare = self.declare, None
            declare(self)
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return namespace, unknown

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSE, f"error: {message}; see {self.prog} --help\n")
