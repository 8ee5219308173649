"""Sample collections for unknown tokens before a run, where collection and tokenizer are on this machine already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from harness.estimate.sizes import local_file, shown_name
from harness.evaluation.warnings import MOST_UNKNOWN, TOKENIZER
from harness.plan.plan import Cell
from harness.store.artifact import Artifact, Hub, Local, Member, Source
from harness.store.store import Store

DOCUMENTS, QUERIES = 1_000, 200
"""Texts of a sample, the first ones of their file."""

_LONGEST = 2_000  # characters read of a text: enough for its share, and one long text costs no seconds


@dataclass(frozen=True)
class Sample:
    """The share of unknown tokens in the first texts of a collection.

    own      the tokenizer is that of the source encoder, which the row `base` keeps
    counts   documents | queries -> how many texts were read
    unknown  documents | queries -> share of their tokens
    """

    language: str
    collection: str
    tokenizer: str
    own: bool
    counts: Mapping[str, int]
    unknown: Mapping[str, float]

    @property
    def warns(self) -> bool:
        """Return whether the share is too large for a row that competes."""
        return not self.own and max(self.unknown.values()) > MOST_UNKNOWN

    def __str__(self) -> str:
        shares = ", ".join(
            f"{self.unknown[side]:.1%} of the tokens of the first {count:,} {side}"
            for side, count in self.counts.items()
        )
        return (
            f"{self.language}, {self.collection}: {shares} are unknown to the tokenizer {self.tokenizer} "
            f"(more than {MOST_UNKNOWN:.0%}), and what they say is lost; {TOKENIZER}"
        )


def samples(cells: Sequence[Cell], store: Store) -> list[Sample]:
    """Return a sample for each tokenizer and collection of the cells of sparse encoders, evaluated or trained on."""
    pairs: dict[tuple[Source, Source], tuple[str, str, bool]] = {}
    for cell in cells:
        for tokenizer, collection, own in _read_together(cell.artifact):
            pairs.setdefault((tokenizer, collection), (cell.identity.language, cell.identity.collection, own))
    tokenizers: dict[Path, Any] = {}
    texts: dict[Path, dict[str, list[str]]] = {}
    found = []
    for (tokenizer, collection), (language, name, own) in pairs.items():
        file, folder = _tokenizer_file(tokenizer, store), folder_of(collection, store)
        if file is None or folder is None:
            continue
        try:
            if file not in tokenizers:
                tokenizers[file] = _load(file)
            if folder not in texts:
                texts[folder] = dict(texts_of(folder))
            shares = {side: _share(tokenizers[file], of_side) for side, of_side in texts[folder].items()}
        except Exception:  # damaged: `tokenizers` has no exception of its own. A run says so, and this is only a sample
            continue
        counts = {side: len(of_side) for side, of_side in texts[folder].items()}
        found.append(Sample(language, name, _name(tokenizer), own, counts, shares))
    return found


def _read_together(cell: Artifact) -> Iterator[tuple[Source, Source, bool]]:
    """Yield (tokenizer, collection, whether it is the source's own tokenizer) of what a cell trains and evaluates."""
    for part in cell.walk():
        if part.stage.name not in ("evaluation", "evaluation-share", "vectors", "trained-encoder"):
            continue
        encoded_by = part.inputs.get("trained", part)
        inputs = encoded_by.inputs if isinstance(encoded_by, Artifact) else {}
        for role in ("collection", "pairs"):
            if role in part.inputs and "encoder" in inputs:
                yield inputs.get("tokenizer", inputs["encoder"]), part.inputs[role], "tokenizer" not in inputs


def _tokenizer_file(source: Source, store: Store) -> Path | None:
    folder = source if isinstance(source, Hub) else folder_of(source, store)
    return local_file(Local(folder) if isinstance(folder, Path) else folder, "tokenizer.json") if folder else None


def folder_of(source: Source, store: Store) -> Path | None:
    """Return where a source lies on this machine; None if a run has still to fetch or compute it."""
    artifact = source.artifact if isinstance(source, Member) else source
    if isinstance(artifact, Hub) or (isinstance(artifact, Artifact) and not store.has(artifact)):
        return None
    return store.locate(source).path


def _load(file: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def texts_of(folder: Path) -> Iterator[tuple[str, list[str]]]:
    from harness.collections import beir, jsonl

    yield "documents", [text[:_LONGEST] for text in islice(beir.stream(folder), DOCUMENTS)]
    yield "queries", [line.text[:_LONGEST] for line in islice(jsonl.queries(folder / "queries.jsonl"), QUERIES)]


def _share(tokenizer: Any, texts: Sequence[str]) -> float:
    from sembridge.search.unknown import share
    from sembridge.vocabulary.unknown import TokenCounter

    encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return share(TokenCounter(tokenizer, special=False).count([encoding.ids for encoding in encodings]))


def _name(source: Source) -> str:
    return source.path if isinstance(source, Member) else shown_name(source)
