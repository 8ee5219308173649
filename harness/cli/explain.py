"""`sembridge-bench explain`: show what tokens of a transferred encoder are made of, from the record in its folder."""

from __future__ import annotations

import argparse
import json
import sys

from harness.cli.refusal import RefusedError
from sembridge.model_card.explanation import explain as explained
from sembridge.nearest import nearest

FORMATS = ("text", "json")


def explain(args: argparse.Namespace) -> int:
    """Print the explanation and return exit code 0; RefusedError for wrong options or a damaged record."""
    if args.format not in FORMATS:
        raise RefusedError(f"--format {args.format!r} is unknown; {nearest(args.format, FORMATS)}")
    for option, number in (("worst", args.worst), ("top", args.top)):
        if number is not None and number < 1:
            raise RefusedError(f"--{option} {number} is not a number of things to show; give 1 or more")
    if bool(args.tokens) == bool(args.worst):
        raise RefusedError(
            "--worst and tokens were both given; ask one after the other"
            if args.tokens
            else "no token was given; name some, or add --worst 20"
        )
    folder = args.folder.expanduser()
    if not folder.is_dir():
        advice = "give the one that `sembridge-bench transfer` wrote"
        raise RefusedError(f"DIR {str(args.folder)!r} is not a folder; {advice}")
    try:
        explanation = explained(folder, *args.tokens, worst=args.worst, top=args.top)
    except ValueError as error:
        raise RefusedError(str(error)) from None
    if args.format == "json":
        readable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        print(json.dumps(explanation.to_dict(), ensure_ascii=not readable, indent=1))
    else:
        print(explanation)
    return 0
