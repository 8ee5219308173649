"""Measure one engine: load an export, ask its queries, and compare what it finds with an exact search."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from experiments.benchmarks.engines.loaders import Loader
from harness.collections import jsonl
from harness.collections.qrels import judgements
from harness.export import sources
from harness.export.check import Agreement, ExactSearch, agreement
from harness.export.documents import Block, Corpus
from harness.export.registry import ENGINES
from harness.export.writing import Order, write
from sembridge.search.encode_options import EncodeOptions
from sembridge.search.index import open_index
from sembridge.search.ranking import Run


@dataclass(frozen=True)
class Trial:
    """Hold what all engines are asked: documents, queries, judgements, and the exact search's answers."""

    corpus: Corpus
    blocks: tuple[Block, ...]
    queries: Block
    qrels: dict[str, dict[str, int]]
    exact: Run
    about: str

    @classmethod
    def of(cls, index: Path, queries: Path, number: int) -> Trial:
        """Read the documents of an index, and the first judged queries of a file."""
        opened = open_index(index)
        qrels: dict[str, dict[str, int]] = {}
        for judgement in judgements(queries.parent / "qrels" / "test.tsv"):
            qrels.setdefault(judgement.query, {})[judgement.document] = judgement.score
        texts = {line.id: line.text for line in jsonl.queries(queries) if line.id in qrels}
        chosen = dict(list(texts.items())[:number])
        options = EncodeOptions(opened.manifest["max_length"], opened.manifest["precision"])
        asked = sources.queries(opened.encoder, list(chosen), list(chosen.values()), options)
        return cls.made(sources.of_index(opened, index.name), asked, qrels)

    @classmethod
    def made(cls, corpus: Corpus, queries: Block, qrels: dict[str, dict[str, int]]) -> Trial:
        """Search the documents of a corpus exactly, and keep them in memory."""
        blocks = tuple(corpus.blocks)
        search = ExactSearch([name for block in blocks for name in block.ids], list(queries.ids), queries.vectors)
        for block in blocks:
            search.add(block.vectors)
        documents = sum(len(block.ids) for block in blocks)
        active = sum(block.vectors.nnz for block in blocks) / documents
        about = (
            f"{documents:,} documents with {active:,.0f} active dimensions each, {len(queries.ids):,} queries with "
            f"{queries.vectors.nnz / len(queries.ids):,.0f}"
        )
        return cls(corpus, blocks, queries, qrels, search.run(), about)


@dataclass(frozen=True)
class Measured:
    """What was measured of an engine. size: bytes of its index; load: seconds from the export's files to an index."""

    loader: Loader
    agreement: Agreement
    size: int
    load: float
    per_second: float


def measure(loader: Loader, folder: Path, trial: Trial) -> Measured:
    """Export into a new folder, load it into the engine, and ask all queries, one at a time."""
    folder.mkdir()
    order = Order(ENGINES[loader.format])
    engine = write(folder, order, replace(trial.corpus, blocks=trial.blocks), trial.queries)
    start = time.perf_counter()
    loaded = loader.load(folder, engine)
    load = time.perf_counter() - start
    start = time.perf_counter()
    found = loaded.ask()
    seconds = time.perf_counter() - start
    run = {
        name: [(document, 0.0) for document in documents]
        for name, documents in zip(trial.queries.ids, found, strict=True)
    }
    size = sum(_size(path) for path in loaded.files)
    agreed = agreement(loader.name, trial.exact, run, trial.qrels)
    return Measured(loader, agreed, size, load, len(found) / seconds)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
