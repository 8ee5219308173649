"""`sembridge-bench explain`: what the tokens of a transferred encoder are made of, from the record in its folder alone."""

from __future__ import annotations

import argparse
import json
import sys

from harness.cli.refusal import RefusedError
from sembridge.model_card.explanation import explain as explained
from sembridge.nearest import nearest

FORMATS = ("text", "json")


def explain(given: argparse.Namespace) -> int:
    """Exit code 0. Raises RefusedError."""
    if given.format not in FORMATS:
        raise RefusedError(f"--format {given.format!r} is unknown; {nearest(given.format, FORMATS)}")
    for option in ("worst", "top"):
        if getattr(given, option) is not None and getattr(given, option) < 1:
            raise RefusedError(f"--{option} {getattr(given, option)} is not a number of things to show; give 1 or more")
    if bool(given.tokens) == bool(given.worst):
        raise RefusedError(
            "--worst and tokens were both given; ask one after the other"
            if given.tokens
            else "no token was given; name some, or add --worst 20"
        )
    folder = given.folder.expanduser()
    if not folder.is_dir():
        raise RefusedError(
            f"DIR {str(given.folder)!r} is not a folder; give the one that `sembridge-bench transfer` wrote"
        )
    try:
        explanation = explained(folder, *given.tokens, worst=given.worst, top=given.top)
    except ValueError as error:
        raise RefusedError(str(error)) from None
    if given.format == "json":
        readable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        print(json.dumps(explanation.to_dict(), ensure_ascii=not readable, indent=1))
    else:
        print(explanation)
    return 0
