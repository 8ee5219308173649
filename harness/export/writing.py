"""Write an export: documents as they stream by, queries, the vocabulary, the schema, and a page on what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from harness.export.documents import Block, Corpus, Document, Lookup, documents, without
from harness.export.engine import CLAUSES, PART, Engine, Facts, Frame
from harness.export.page import page
from harness.export.tally import Tally
from harness.files.atomic import write_json
from sembridge.search.pruning import canonical, keep_heaviest

MANIFEST = "export.json"


@dataclass(frozen=True)
class Order:
    """What to write.

    name          of the index, the collection or the table in the engine
    scale         of integers, where the engine takes integers
    texts         write the documents' texts too
    drop_special  leave the dimensions of special tokens out, of documents and of queries
    most          dimensions that a document keeps, its heaviest; None: all
    most_asked    the same for a query
    """

    engine: type[Engine]
    name: str = "documents"
    scale: int = 1000
    texts: bool = True
    drop_special: bool = False
    most: int | None = None
    most_asked: int | None = None


def write(folder: Path, order: Order, corpus: Corpus, queries: Block | None = None) -> Engine:
    """Write an export into an empty folder, and return its engine, which knows the facts.

    Raises ValueError if the engine refuses a document.
    """
    drop = corpus.special if order.drop_special else frozenset[int]()
    counted = Tally(corpus.special, (*order.engine.limits,))
    facts = Facts(order.name, corpus.encoder, len(corpus.tokens), order.scale, order.texts, counted)
    engine = order.engine(facts)
    if queries is not None:
        facts.queries = Tally(corpus.special, (CLAUSES,))
        rows = _rows([queries], facts.queries, drop, order.most_asked, texts=True)
        _files(folder, engine.requests, engine.request_frame, map(engine.query, rows))
        write_json(folder / "query-ids.json", list(queries.ids))
    rows = _rows(corpus.blocks, facts.documents, drop, order.most, order.texts)
    facts.parts += _files(folder, engine.files, engine.frame, map(engine.document, rows))
    write_vocabulary(folder / "vocab.json", corpus.tokens)
    if corpus.lookup is not None:
        write_query_weights(folder / "query-weights.json", corpus.lookup, drop)
        (folder / "tokenizer.json").write_text(corpus.lookup.tokenizer, encoding="utf-8")
    engine.finish(folder)
    write_json(folder / MANIFEST, _manifest(order, facts, corpus))
    (folder / "README.md").write_text(page(engine, corpus, drop, order.most_asked), encoding="utf-8")
    return engine


def write_vocabulary(path: Path, tokens: Sequence[str | None]) -> None:
    """Write the tokens as a list: the place is the dimension, null where no token has it."""
    path.write_text(json.dumps(list(tokens), ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def write_query_weights(path: Path, lookup: Lookup, drop: frozenset[int] = frozenset()) -> None:
    """Write the weights above 0 that tokens of a query have, by token id, without those of `drop`."""
    pairs = enumerate(lookup.weights.tolist())
    write_json(path, {str(i): weight for i, weight in pairs if weight > 0 and i not in drop})


def _rows(
    blocks: Iterable[Block], tally: Tally, drop: frozenset[int], most: int | None, texts: bool
) -> Iterator[Document]:
    """Yield the documents of blocks, and count them."""
    position = 0
    for block in blocks:
        kept = without(block, drop)
        vectors = canonical(kept.vectors)
        if most is not None:
            tally.cut += int((np.diff(vectors.indptr) > most).sum())
            vectors = keep_heaviest(vectors, most)
        kept = Block(kept.ids, vectors, kept.texts if texts else None)
        tally.add(vectors)
        yield from documents(kept, position)
        position += len(kept.ids)


def _files(folder: Path, name: str, frame: Frame, records: Iterable[str]) -> list[str]:
    """Write records into one file, or into several if the name has a {part}; return the names."""
    written: list[str] = []
    file: IO[bytes] | None = None
    size = 0
    try:
        for record in records:
            content = record.encode()
            if file is None or ("{part}" in name and size + len(content) > PART and size):
                if file is not None:
                    _close(file, frame)
                file, size = _open(folder, name.format(part=f"{len(written):05d}"), frame, written), 0
            elif size:
                file.write(frame.separator.encode())
            size += file.write(content)
        if file is None:
            file = _open(folder, name.format(part="00000"), frame, written)
        _close(file, frame)
    finally:
        if file is not None:
            file.close()
    return written


def _open(folder: Path, name: str, frame: Frame, written: list[str]) -> IO[bytes]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    written.append(name)
    file = path.open("wb")
    file.write(frame.opening.encode())
    return file


def _close(file: IO[bytes], frame: Frame) -> None:
    file.write(frame.closing.encode())
    file.close()


def _manifest(order: Order, facts: Facts, corpus: Corpus) -> dict[str, object]:
    return {
        "format": order.engine.name,
        "format_version": order.engine.version,
        "encoder": facts.encoder,
        "documents": facts.documents.number,
        "dimensions": facts.dimensions,
        "files": facts.parts,
        "largest_weight": facts.documents.largest,
        "scale": order.scale if order.engine.integers else None,
        "special_tokens_dropped": order.drop_special,
        "max_active_document": order.most,
        "max_active_query": order.most_asked,
        "query_side": "symmetrical" if corpus.lookup is None else "inference-free",
    }
