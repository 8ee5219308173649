"""Print what a command does, a line a step, and why it failed."""

from __future__ import annotations

import sys

from harness.files.redaction import without_secrets


def say(what: str, text: str) -> None:
    """Print a line about a step."""
    print(f"{what:<10} {text}", flush=True)


def failed(error: BaseException, note: str = "") -> int:
    """Print the first line of an error of a library, without secrets, and return the exit code 1."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    print(f"error: {without_secrets(lines[0])}{note}", file=sys.stderr)
    return 1
