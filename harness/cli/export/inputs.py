"""Read what `sembridge-bench export` writes: the documents of an index or of an encoder, and judged queries."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli import inputs
from harness.cli.messages import say
from harness.cli.refusal import RefusedError
from harness.cli.search.index_encoder import encoder_of
from harness.cli.search.progress import Progress
from harness.cli.search.texts import find_documents
from harness.collections.collection import CollectionError
from harness.collections.documents import Documents
from sembridge.search.manifest import BUILDING, POSTINGS

if TYPE_CHECKING:
    from harness.export.documents import Block, Corpus
    from sembridge.search.encode_options import EncodeOptions


@dataclass(frozen=True)
class Source:
    """Hold the documents of an export, what lists their ids, and what encodes queries."""

    corpus: Corpus
    ids: Callable[[], list[str]]
    encoder: Any
    options: EncodeOptions


def is_index(folder: Path) -> bool:
    """Return whether a folder is an index, or the beginning of one."""
    return (folder / POSTINGS).is_dir() or (folder / BUILDING).is_file()


def documents_of(args: argparse.Namespace) -> Documents:
    """Return the documents that --collection names, checked; RefusedError if there are none."""
    documents = find_documents(str(args.collection), args.store)
    try:
        documents.check()
    except CollectionError as error:
        raise RefusedError(f"--collection: {error}") from None
    return documents


def of_index(args: argparse.Namespace) -> Source:
    """Return the documents of an index. Raises IndexFolderError for one that is not whole, or lacks its encoder."""
    from harness.export import sources
    from sembridge.search.encode_options import EncodeOptions
    from sembridge.search.index import open_index

    name, revision = encoder_of(args)
    index = open_index(args.source, name, revision)
    encoder, about = index.encoder, index.manifest
    say("index", f"{args.source}: {len(index):,} documents")
    corpus = sources.of_index(index, str(name or about["encoder"].get("model") or "ENCODER"))
    options = EncodeOptions(about["max_length"], about["precision"])
    return Source(_shown(corpus, len(index)), lambda: sources.ids_of_index(index), encoder, options)


def of_encoder(args: argparse.Namespace, item: inputs.Input, documents: Documents) -> Source:
    """Return documents that an encoder reads. Raises ValueError if it cannot be loaded."""
    from harness.export import sources
    from sembridge.encoder.loading import load_encoder
    from sembridge.search.encode_options import EncodeOptions

    location = inputs.place("encoder", item, args.store, say)
    with inputs.reading({"ENCODER": item}):
        encoder = load_encoder(*location)
    ids = [name for name, _ in documents.stream()]
    say("encoder", f"{item.name} reads {len(ids):,} documents; to export them again, build an index of them first")
    corpus = sources.of_encoder(encoder, location.name, documents)
    return Source(_shown(corpus, len(ids)), lambda: ids, encoder, EncodeOptions())


def judgements_beside(queries: Path) -> dict[str, dict[str, int]]:
    """Return query -> document -> score from `qrels/test.tsv` or `qrels.tsv` beside the queries; empty without them.

    Queries without a relevant document are left out. Raises CollectionError for a malformed line.
    """
    from harness.collections.qrels import judgements

    folder = queries if queries.is_dir() else queries.parent
    qrels: dict[str, dict[str, int]] = {}
    file = next((file for file in (folder / "qrels" / "test.tsv", folder / "qrels.tsv") if file.is_file()), None)
    if file is not None:
        for judgement in judgements(file):
            qrels.setdefault(judgement.query, {})[judgement.document] = judgement.score
        say("judgements", str(file))
    return {name: judged for name, judged in qrels.items() if any(score > 0 for score in judged.values())}


def _shown(corpus: Corpus, total: int) -> Corpus:
    """Return the corpus; its blocks show how many documents have passed."""
    return replace(corpus, blocks=_counted(corpus.blocks, total))


def _counted(blocks: Iterable[Block], total: int) -> Iterator[Block]:
    progress, done = Progress("documents", total), 0
    try:
        for block in blocks:
            yield block
            done += len(block.ids)
            progress(done)
    finally:
        progress.close()
