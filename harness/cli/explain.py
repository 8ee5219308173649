"""`sembridge-bench explain`: what the tokens of a transferred encoder are made of, from the record in its folder alone."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.cli.lines import columns, mixture_text, origin_text, printable, weight_text
from harness.cli.refusal import RefusedError
from sembridge.encoder.loading import masked_lm_folder
from sembridge.model_card.record import TransferRecord, load_record
from sembridge.nearest import nearest

FORMATS = ("text", "json")


@dataclass(frozen=True)
class _Answer:
    """A text a person asked about, and the tokens it is."""

    asked: str
    ids: tuple[int, ...]
    heading: str = ""


def explain(given: argparse.Namespace) -> int:
    """Exit code 0. Raises RefusedError."""
    _check(given)
    folder = given.folder.expanduser()
    if not folder.is_dir():
        raise RefusedError(
            f"DIR {str(given.folder)!r} is no folder; give the one that `sembridge-bench transfer` wrote"
        )
    try:
        record = load_record(folder)
    except ValueError as error:
        raise RefusedError(f"{error}; `sembridge-bench transfer SOURCE --tokenizer T --out DIR` makes one") from None
    answers = (
        [_Answer("", (token_id,)) for token_id in record.weakest(given.worst)]
        if given.worst
        else _answers(record, folder, given.tokens)
    )
    if given.format == "json":
        _print_json(record, answers)
    elif given.worst:
        _print_worst(record, answers, given.top)
    else:
        _print_tokens(record, answers, given.top)
    return 0


def _check(given: argparse.Namespace) -> None:
    if given.format not in FORMATS:
        raise RefusedError(f"--format {given.format!r} is unknown; {nearest(given.format, FORMATS)}")
    for option in ("worst", "top"):
        if getattr(given, option) is not None and getattr(given, option) < 1:
            raise RefusedError(f"--{option} {getattr(given, option)} is no number of things to show; give 1 or more")
    if bool(given.tokens) == bool(given.worst):
        what = (
            "--worst and tokens were both given; ask one after the other"
            if given.tokens
            else "no token was given; name some, or add --worst 20"
        )
        raise RefusedError(what)


def _answers(record: TransferRecord, folder: Path, texts: Sequence[str]) -> list[_Answer]:
    """Each text as the token it is, or as the tokens the encoder's tokenizer cuts it into."""
    from tokenizers import Tokenizer

    path = masked_lm_folder(folder) / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path)) if path.is_file() else None
    except Exception as error:  # the reader raises nothing more exact
        said = " ".join(str(error).split())[:100]
        raise RefusedError(
            f"{path} is no tokenizer ({said}); copy the encoder anew, or make the transfer again"
        ) from None
    found = []
    for text in texts:
        if not text.strip():
            raise RefusedError(f"TOKEN {text!r} is empty; name a token, or a text to be cut into tokens")
        if (token_id := record.find(text)) is not None:
            found.append(_Answer(text, (token_id,)))
            continue
        if tokenizer is None:
            raise RefusedError(
                f"{text!r} is no token, and tokenizer.json is not there to cut it into tokens; {_alike(record, text)}"
            )
        tokenizer.no_truncation()
        tokenizer.no_padding()
        encoding = tokenizer.encode(text, add_special_tokens=False)
        if any(token_id >= len(record) for token_id in encoding.ids):
            raise RefusedError(
                f"{text!r} has tokens that were added to the tokenizer after the transfer; the record knows nothing about them"
            )
        if all(record.origin[token_id] == "special" for token_id in encoding.ids):
            raise RefusedError(
                f"{text!r} is unknown to this encoder, its tokenizer knows no piece of it; {_alike(record, text)}"
            )
        pieces = " ".join(printable(record.target.shown[token_id]) for token_id in encoding.ids)
        found.append(_Answer(text, tuple(encoding.ids), f"{printable(text)} is read as {pieces}"))
    return found


def _alike(record: TransferRecord, text: str) -> str:
    close = difflib.get_close_matches(
        text, [shown for shown in record.target.shown if abs(len(shown) - len(text)) < 5], n=3, cutoff=0.5
    )
    return f"tokens like it: {', '.join(close)}" if close else "no token is like it"


def _print_tokens(record: TransferRecord, answers: Sequence[_Answer], top: int) -> None:
    headings, rows = [], []
    for answer in answers:
        for place, token_id in enumerate(answer.ids):
            headings.append(answer.heading if place == 0 else "")
            token, *cells = _row(record, token_id, top)
            rows.append([f"  {token}" if answer.heading else token, *cells])
    for heading, line in zip(headings, columns(rows), strict=True):
        if heading:
            print(heading)
        print(line)
    _print_legend(record, [token_id for answer in answers for token_id in answer.ids], top)


def _print_worst(record: TransferRecord, answers: Sequence[_Answer], top: int) -> None:
    ids = [token_id for answer in answers for token_id in answer.ids]
    counts = record.counts()
    if not ids:
        print(
            f"no token was mixed: {counts['copied'] + counts['special']:,} rows are copied, {counts['sampled']:,} drawn at random"
        )
        return
    how = "the farthest donors" if record.strength is not None else "the flattest mixtures"
    print(
        f"{len(ids):,} of {counts['mixed']:,} mixed tokens, those with {how} first: what they are made of may have nothing to do with them.\n"
    )
    print("\n".join(columns([_row(record, token_id, top) for token_id in ids])))
    _print_legend(record, ids, top)
    if counts["sampled"]:
        examples = [printable(record.target.shown[i]) for i in np.flatnonzero(record.origin == "sampled")[:5]]
        more = " ..." if counts["sampled"] > len(examples) else ""
        print(f"tokens without any donor, drawn at random: {counts['sampled']:,} ({' '.join(examples)}{more})")


def _row(record: TransferRecord, token_id: int, top: int) -> list[str]:
    return [
        printable(record.target.shown[token_id]),
        f"= {made_of(record, token_id, top)}",
        origin_text(record, token_id),
    ]


def _print_legend(record: TransferRecord, ids: Sequence[int], top: int) -> None:
    """What a newcomer cannot guess of the lines above."""
    notes = []
    if record.strength is not None and any(record.origin[i] == "mixed" for i in ids):
        tenth, half = (weight_text(float(value)) for value in np.nanquantile(record.strength, [0.1, 0.5]))
        notes.append(
            f"cosine: how near a token and its heaviest donor are, {record.measure}; usual here is {half}, the lowest tenth is below {tenth}"
        )
    names = [record.target.shown[i] for i in ids] + [
        record.source.shown[donor] for i in ids for donor, _ in record.parts(i)[:top]
    ]
    if any(name.startswith("##") and len(name) > 2 for name in names):
        notes.append("##: the token continues a word")
    if notes:
        print("\n" + "\n".join(notes))


def made_of(record: TransferRecord, token_id: int, top: int) -> str:
    """The right side of the equation."""
    if record.support[token_id] == 0:
        return "drawn at random"
    if record.origin[token_id] == "mixed":
        return mixture_text(record, token_id, top)
    return printable(record.source.shown[record.parts(token_id)[0][0]])


def _print_json(record: TransferRecord, answers: Sequence[_Answer]) -> None:
    tokens = [
        ({"asked": answer.asked} if answer.asked else {}) | _as_dict(record, i)
        for answer in answers
        for i in answer.ids
    ]
    readable = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps({"measure": record.measure, "tokens": tokens}, ensure_ascii=not readable, indent=1))


def _as_dict(record: TransferRecord, token_id: int) -> dict[str, Any]:
    strength = None if record.strength is None else float(record.strength[token_id])
    return {
        "token": record.target.tokens[token_id],
        "id": token_id,
        "origin": str(record.origin[token_id]),
        "rule": str(record.rule[token_id]),
        "support": int(record.support[token_id]),
        "strength": None if strength is None or np.isnan(strength) else strength,
        "donors": [
            {"token": record.source.tokens[donor], "id": donor, "weight": weight}
            for donor, weight in record.parts(token_id)
        ],
    }
