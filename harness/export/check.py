"""Read an export back, as the engine will hold it, and compare the engine's search with an exact one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from scipy import sparse

from harness.evaluation.measures import MEASURES, evaluate, means
from harness.export.documents import Block
from harness.export.engine import Engine
from harness.export.weights import csr
from sembridge.search.exact_search import top_k
from sembridge.search.pruning import canonical
from sembridge.search.ranking import Run, id_order

DEPTH = 10
_BLOCK = 512
_MEASURE = "ndcg@10"


@dataclass(frozen=True)
class Agreement:
    """How an engine's search agrees with an exact search of the encoder's own vectors.

    way        how the engine is set up, see `Engine.holdings`
    queries    how many were searched
    overlap    mean share of the exact search's first ten documents that are among the engine's first ten
    alike      share of the queries with the same ten in the same order
    exact, engine   mean nDCG@10 over the judged queries; None without judgements
    """

    way: str
    queries: int
    overlap: float
    alike: float
    exact: float | None = None
    engine: float | None = None


class ExactSearch:
    """Search documents exactly while they stream by to be written, so that no document is encoded twice.

    ids  of all documents, in their order
    """

    def __init__(self, ids: Sequence[str], query_ids: Sequence[str], queries: sparse.csr_array) -> None:
        self.ids, self.query_ids = ids, query_ids
        self._ranking, self._position = top_k(queries, DEPTH, id_order(ids)), 0

    def watch(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Yield the blocks, and search them."""
        for block in blocks:
            self.add(block.vectors)
            yield block

    def add(self, vectors: sparse.csr_array) -> None:
        """Search the next documents [B, V]."""
        self._ranking.add(self._position, vectors)
        self._position += vectors.shape[0]

    def run(self) -> Run:
        """Return the first ten documents of every query. Raises ValueError if not all documents were searched."""
        if self._position != len(self.ids):
            raise ValueError(f"{self._position:,} documents were read back, {len(self.ids):,} were written")
        return self._ranking.best.result(list(self.query_ids), self.ids)


def check(
    folder: Path,
    engine: Engine,
    exact: ExactSearch,
    rows: Sequence[int],
    qrels: Mapping[str, Mapping[str, int]] | None = None,
) -> list[Agreement]:
    """Return the agreement for each way to set the engine up.

    exact  has searched the documents with the encoder's own vectors
    rows   the places of its queries in the file of requests
    """
    run, asked = exact.run(), read_queries(folder, engine)[rows]
    compared = []
    for way, holding in engine.holdings().items():
        other = ExactSearch(exact.ids, exact.query_ids, holding.queries(asked))
        for _, vectors in read_documents(folder, engine):
            other.add(holding.documents(vectors))
        compared.append(agreement(way, run, other.run(), qrels))
    return compared


def agreement(way: str, exact: Run, other: Run, qrels: Mapping[str, Mapping[str, int]] | None = None) -> Agreement:
    """Compare two runs over the same queries; a query that retrieves nothing in the exact run counts as 1."""
    first = {name: [document for document, _ in ranking[:DEPTH]] for name, ranking in exact.items()}
    second = {name: [document for document, _ in ranking[:DEPTH]] for name, ranking in other.items()}
    overlaps = [
        len(set(documents) & set(second[name])) / len(documents) if documents else 1.0
        for name, documents in first.items()
    ]
    alike = [documents == second[name] for name, documents in first.items()]
    judged = {name: qrels[name] for name in exact if name in qrels} if qrels else {}
    scores = [_ndcg(run, judged) for run in (exact, other)] if judged else [None, None]
    return Agreement(way, len(first), float(np.mean(overlaps)), float(np.mean(alike)), *scores)


def read_documents(folder: Path, engine: Engine) -> Iterator[tuple[list[str], sparse.csr_array]]:
    """Yield (ids, vectors) of the documents in an export, block by block, as its files say."""
    records = (record for part in engine.facts.parts for record in _records(folder / part, engine))
    while block := list(islice(records, _BLOCK)):
        yield [name for name, _ in block], csr([vector for _, vector in block], engine.facts.dimensions)


def read_queries(folder: Path, engine: Engine) -> sparse.csr_array:
    """Return the queries of an export [Q, V], as its file says."""
    with (folder / engine.requests).open(encoding="utf-8", newline="\n") as file:
        return canonical(csr(list(engine.read_queries(file)), engine.facts.dimensions))


def _records(path: Path, engine: Engine) -> Iterator[tuple[str, tuple]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from engine.read_documents(file)


def _ndcg(run: Run, qrels: Mapping[str, Mapping[str, int]]) -> float:
    return means(evaluate(run, qrels, {_MEASURE: MEASURES[_MEASURE]}))[_MEASURE]
