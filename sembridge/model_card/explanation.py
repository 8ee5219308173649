"""Explain what the tokens of a transferred encoder are made of, from its record alone."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sembridge.model_card.lines import columns, mixture_text, origin_text, own_text, printable, weight_text
from sembridge.model_card.record import TransferRecord, load_record

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder


@dataclass(frozen=True)
class Piece:
    """A text ("" for a weakest token) and the ids of its tokens; a heading where the text is not itself a token."""

    text: str
    ids: tuple[int, ...]
    heading: str = ""


@dataclass(frozen=True, repr=False)
class Explanation:
    """Texts and what their tokens are made of. It prints as lines for a person; `to_dict` is for programs."""

    record: TransferRecord
    pieces: tuple[Piece, ...]
    top: int = 5
    weakest: bool = False

    def __str__(self) -> str:
        return "\n".join(self._weakest_lines() if self.weakest else self._token_lines())

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Return every token with all of its donors, as JSON can hold it."""
        tokens = [
            ({"asked": piece.text} if piece.text else {}) | self._token(token_id)
            for piece in self.pieces
            for token_id in piece.ids
        ]
        return {"measure": self.record.measure, "tokens": tokens}

    @property
    def _ids(self) -> list[int]:
        return [token_id for piece in self.pieces for token_id in piece.ids]

    def _token_lines(self) -> Iterator[str]:
        headings, rows = [], []
        for piece in self.pieces:
            for place, token_id in enumerate(piece.ids):
                headings.append(piece.heading if place == 0 else "")
                token, *cells = self._row(token_id)
                rows.append([f"  {token}" if piece.heading else token, *cells])
        for heading, line in zip(headings, columns(rows), strict=True):
            if heading:
                yield heading
            yield line
        yield from self._legend()

    def _weakest_lines(self) -> Iterator[str]:
        record, counts = self.record, self.record.counts()
        if not self._ids:
            copied = counts["copied"] + counts["special"]
            own = f"{counts['own']:,} made without donors, " if "own" in counts else ""
            yield f"no token was mixed: {copied:,} rows are copied, {own}{counts['sampled']:,} drawn at random"
            return
        order = "the farthest donors" if record.strength is not None else "the flattest mixtures"
        yield (
            f"{len(self._ids):,} of {counts['mixed']:,} mixed tokens, those with {order} first: "
            "what they are made of may have nothing to do with them.\n"
        )
        yield from columns([self._row(token_id) for token_id in self._ids])
        yield from self._legend()
        for origin, made in (("own", "made by the method itself"), ("sampled", "drawn at random")):
            if count := counts.get(origin):
                examples = [printable(record.target.shown[i]) for i in np.flatnonzero(record.origin == origin)[:5]]
                more = " ..." if count > len(examples) else ""
                yield f"tokens without any donor, {made}: {count:,} ({' '.join(examples)}{more})"

    def _row(self, token_id: int) -> list[str]:
        token = printable(self.record.target.shown[token_id])
        return [token, f"= {self._made_of(token_id)}", origin_text(self.record, token_id)]

    def _made_of(self, token_id: int) -> str:
        """Return the right side of the equation."""
        record = self.record
        if record.origin[token_id] == "own":
            return own_text(record.own_of(token_id))
        if record.support[token_id] == 0:
            return "drawn at random"
        if record.origin[token_id] == "mixed":
            return mixture_text(record, token_id, self.top)
        return printable(record.source.shown[record.donors_of(token_id)[0][0]])

    def _legend(self) -> Iterator[str]:
        """Yield notes on what a newcomer cannot guess in the lines above."""
        record, notes = self.record, []
        if record.strength is not None and any(record.origin[i] == "mixed" for i in self._ids):
            tenth, half = (weight_text(float(value)) for value in np.nanquantile(record.strength, [0.1, 0.5]))
            notes.append(
                f"cosine: how near a token and its heaviest donor are, {record.measure}; "
                f"usual here is {half}, the lowest tenth is below {tenth}"
            )
        names = [record.target.shown[i] for i in self._ids]
        names += [record.source.shown[donor] for i in self._ids for donor, _ in record.donors_of(i)[: self.top]]
        if any(name.startswith("##") and len(name) > 2 for name in names):
            notes.append("##: the token continues a word")
        if notes:
            yield ""
            yield from notes

    def _token(self, token_id: int) -> dict[str, Any]:
        record = self.record
        strength = None if record.strength is None else float(record.strength[token_id])
        return {
            "token": record.target.tokens[token_id],
            "id": token_id,
            "origin": str(record.origin[token_id]),
            "rule": str(record.rule[token_id]),
            "support": int(record.support[token_id]),
            "strength": None if strength is None or np.isnan(strength) else strength,
            "own": record.own_of(token_id),
            "donors": [
                {"token": record.source.tokens[donor], "id": donor, "weight": weight}
                for donor, weight in record.donors_of(token_id)
            ],
        }


def explain(encoder: SparseEncoder | str | Path, *texts: str, worst: int | None = None, top: int = 5) -> Explanation:
    """Return what tokens of a transferred encoder are made of; print it, or read it with `to_dict()`.

    encoder  what `transfer` returned, or the folder that its `save_pretrained` or the command line wrote
    texts    tokens; words and phrases are cut into tokens as the encoder cuts them
    worst    instead of texts: this many tokens, those with the weakest donors first
    top      donors shown for each token

    Raises ValueError for an encoder without a record, and for a text of which the encoder knows no piece.
    """
    for option, number in (("worst", worst), ("top", top)):
        if number is not None and number < 1:
            raise ValueError(f"{option} {number} is not a number of things to show; give 1 or more")
    if bool(texts) == bool(worst):
        raise ValueError(
            "worst and tokens were both given; ask for one after the other"
            if texts
            else "no token was given; name some, or add worst=20"
        )
    if isinstance(encoder, (str, Path)):
        folder = Path(encoder).expanduser()
        if not folder.is_dir():
            raise ValueError(f"folder {str(encoder)!r} does not exist; give the one that a transfer wrote")
        record, cut = load_record(folder), lambda: _cut_by_file(folder)
    else:
        own_record: TransferRecord | None = getattr(encoder, "transfer_record", None)
        if own_record is None:
            raise ValueError("this encoder has no record; give what `transfer` returned, or a folder that it wrote")
        record, cut = own_record, lambda: _cut_by_encoder(encoder)
    if worst:
        return Explanation(record, tuple(Piece("", (i,)) for i in record.weakest(worst)), top, weakest=True)
    return Explanation(record, tuple(_pieces(record, texts, cut)), top)


Cut = Callable[[str], Sequence[int]]
"""From a text to the ids of its tokens, without special ones."""


def _pieces(record: TransferRecord, texts: Sequence[str], load_cut: Callable[[], Cut | None]) -> Iterator[Piece]:
    """Yield each text as the token it is, or as the tokens the encoder's tokenizer cuts it into."""
    cut = load_cut()
    for text in texts:
        if not text.strip():
            raise ValueError(f"token {text!r} is empty; name a token, or a text to be cut into tokens")
        if (token_id := record.find(text)) is not None:
            yield Piece(text, (token_id,))
            continue
        if cut is None:
            reason = "is not a token, and tokenizer.json is not there to cut it into tokens"
            raise ValueError(f"{text!r} {reason}; {_alike(record, text)}")
        ids = tuple(cut(text))
        if any(token_id >= len(record) for token_id in ids):
            raise ValueError(
                f"{text!r} has tokens that were added to the tokenizer after the transfer; "
                "the record knows nothing about them"
            )
        if all(record.origin[token_id] == "special" for token_id in ids):
            reason = "is unknown to this encoder, its tokenizer knows no piece of it"
            raise ValueError(f"{text!r} {reason}; {_alike(record, text)}")
        shown = " ".join(printable(record.target.shown[token_id]) for token_id in ids)
        yield Piece(text, ids, f"{printable(text)} is read as {shown}")


def _cut_by_file(folder: Path) -> Cut | None:
    from tokenizers import Tokenizer

    from sembridge.encoder.loading import masked_lm_folder

    path = masked_lm_folder(folder) / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path)) if path.is_file() else None
    except Exception as error:  # the reader raises nothing more exact
        message = " ".join(str(error).split())[:100]
        raise ValueError(
            f"{path} is not a tokenizer ({message}); copy the encoder anew, or make the transfer again"
        ) from None
    if tokenizer is None:
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def _cut_by_encoder(encoder: Any) -> Cut:
    from sembridge.encoder.modules import splade_modules

    tokenizer = splade_modules(encoder).tokenizer
    return lambda text: tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]


def _alike(record: TransferRecord, text: str) -> str:
    candidates = [shown for shown in record.target.shown if abs(len(shown) - len(text)) < 5]
    close = difflib.get_close_matches(text, candidates, n=3, cutoff=0.5)
    return f"tokens like it: {', '.join(close)}" if close else "no token is like it"
