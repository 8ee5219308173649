"""Say what the tokenizers of a grid share with its sources, and how they read the collections, where all is at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness.doctor.hub_access import OK, Check
from harness.estimate.unknown_sample import folder_of, texts_of
from harness.plan.plan import Cell
from harness.store.artifact import Artifact, Hub, Source
from harness.store.store import Store

if TYPE_CHECKING:
    from sembridge.vocabulary.vocabulary import Vocabulary

Pair = tuple[Source, Source, Source]


def vocabularies(cells: Sequence[Cell], store: Store) -> list[Check]:
    """Return one line: coverage and pieces per word of each tokenizer, on the first documents of a collection.

    Nothing is built or downloaded for it: what is not on this machine is left out, and there may be no line.
    """
    languages: dict[tuple[Source, Source], tuple[str, Source]] = {}
    for cell in cells:
        for encoder, tokenizer, collection in _read_together(cell.artifact):
            languages.setdefault((encoder, tokenizer), (cell.identity.language, collection))
    told = [
        line
        for (encoder, tokenizer), (language, collection) in languages.items()
        if (line := _line(encoder, tokenizer, collection, language, store))
    ]
    return [Check(OK, "tokenizers", "; ".join(dict.fromkeys(told)))] if told else []


def _read_together(cell: Artifact) -> Iterator[Pair]:
    """Yield (source encoder, tokenizer, collection) of what a cell evaluates without training."""
    for part in cell.walk():
        inputs = part.inputs
        if {"encoder", "tokenizer", "collection", "initialization"} <= set(inputs):
            yield inputs["encoder"], inputs["tokenizer"], inputs["collection"]


def _line(encoder: Source, tokenizer: Source, collection: Source, language: str, store: Store) -> str:
    """Return what a tokenizer shares with a source, and its pieces per word; "" where one of them is not at hand."""
    if isinstance(encoder, Hub) or isinstance(tokenizer, Hub):
        return ""
    source, target, folder = (folder_of(item, store) for item in (encoder, tokenizer, collection))
    if source is None or target is None or folder is None:
        return ""
    from harness.advice.tokenizer_measures import read
    from sembridge.encoder.loading import load_tokenizer
    from sembridge.vocabulary.match import match
    from sembridge.vocabulary.vocabulary import Vocabulary

    try:
        reader = load_tokenizer(str(target))
        ours, theirs = _of_source(source), Vocabulary.from_tokenizer(reader)
        copied = (match(ours, theirs).copied >= 0).sum() / max(1, theirs.exists.sum())
        reading = read(reader, dict(texts_of(folder))["documents"], language)
    except Exception:  # damaged: a run says so, and this is only a sample
        return ""
    return f"{language} {copied:.0%} copied, {reading.pieces:.2f} pieces per {reading.per}"


@cache
def _of_source(encoder: Path) -> Vocabulary:
    """Return the vocabulary of a source encoder, which all languages share."""
    from sembridge.encoder.loading import load_tokenizer, masked_lm_folder
    from sembridge.vocabulary.vocabulary import Vocabulary

    return Vocabulary.from_tokenizer(load_tokenizer(str(masked_lm_folder(encoder))))
