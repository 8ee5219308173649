"""Read an export back, as the engine will hold it, and compare the engine's search with an exact one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from harness.evaluation.measures import MEASURES, evaluate, means
from harness.export.documents import Block
from harness.export.engine import Engine, Pair
from harness.export.weights import csr
from sembridge.search.exact_search import top_k
from sembridge.search.pruning import canonical
from sembridge.search.ranking import Run, id_order

DEPTH = 10
_BLOCK = 512
_MEASURE = "ndcg@10"
_AGAIN = "the disk may be damaged: export again"


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

    ids       of all documents, in their order
    position  of the next document
    """

    def __init__(self, ids: Sequence[str], query_ids: Sequence[str], queries: sparse.csr_array) -> None:
        self.ids, self.query_ids = ids, query_ids
        self._ranking, self.position = top_k(queries, DEPTH, id_order(ids)), 0

    def watch(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Yield the blocks, and search them."""
        for block in blocks:
            self.add(block.vectors)
            yield block

    def add(self, vectors: sparse.csr_array) -> None:
        """Search the next documents [B, V]."""
        self._ranking.add(self.position, vectors)
        self.position += vectors.shape[0]

    def run(self) -> Run:
        """Return the first ten documents of every query. Raises ValueError if not all documents were searched."""
        if self.position != len(self.ids):
            raise ValueError(f"{self.position:,} documents were read back, {len(self.ids):,} were written")
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

    Raises ValueError for files that cannot be read back, or hold other documents or queries than were written.
    """
    run, asked = exact.run(), read_queries(folder, engine)
    written = engine.facts.queries.number if engine.facts.queries else 0
    if asked.shape[0] != written:
        raise ValueError(f"{engine.requests}: {asked.shape[0]:,} queries were read back, {written:,} were written")
    asked = asked[rows]
    compared = []
    for way, holding in engine.holdings().items():
        other = ExactSearch(exact.ids, exact.query_ids, holding.queries(asked))
        for names, vectors in read_documents(folder, engine):
            if names != list(exact.ids[other.position : other.position + len(names)]):
                where = f"documents {other.position + 1:,} to {other.position + len(names):,}"
                raise ValueError(f"{where} were read back with other ids than they were written with; {_AGAIN}")
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
    """Yield (ids, vectors) of the documents in an export, block by block, as its files say.

    Raises ValueError if one cannot be read.
    """
    parts = (folder / part for part in engine.facts.parts)
    records = (record for part in parts for record in _vectors(part, engine.read_documents, engine))
    while block := list(islice(records, _BLOCK)):
        yield [name for name, _ in block], csr([vector for _, vector in block], engine.facts.dimensions)


def read_queries(folder: Path, engine: Engine) -> sparse.csr_array:
    """Return the queries of an export [Q, V], as its file says. Raises ValueError if it cannot be read."""
    pairs = _vectors(
        folder / engine.requests, lambda lines: (("", pair) for pair in engine.read_queries(lines)), engine
    )
    return canonical(csr([vector for _, vector in pairs], engine.facts.dimensions))


_Reader = Callable[[Iterable[str]], Iterator[tuple[str, Pair]]]


def _vectors(path: Path, read: _Reader, engine: Engine) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield the records of a file. Raises ValueError, with its name, for what is not one."""
    number = 1
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, (name, vector) in enumerate(read(file), 2):  # noqa: B007
                yield name, _possible(vector, engine.facts.dimensions)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = f"record {number}: {type(error).__name__}"
        raise ValueError(f"{path.name} cannot be read back ({reason}); {_AGAIN}") from None


def _possible(vector: Pair, dimensions: int) -> tuple[Any, Any]:
    """Return a vector whose dimensions are there, each once, and whose weights are positive. Raises ValueError."""
    places, weights = (np.asarray(part) for part in vector)
    if places.ndim != 1 or places.shape != weights.shape:
        raise ValueError("a vector has other dimensions than weights")
    if len(places) and (places.dtype.kind != "i" or weights.dtype.kind not in "if"):
        raise ValueError("a vector has something else than numbers")
    if len(places) and (places.min() < 0 or places.max() >= dimensions or len(np.unique(places)) < len(places)):
        raise ValueError("a vector has dimensions that cannot be")
    with np.errstate(over="ignore"):
        kept = weights.astype(np.float32)
    if not (np.isfinite(kept) & (kept > 0)).all():
        raise ValueError("a vector has weights that cannot be")
    return places, kept


def _ndcg(run: Run, qrels: Mapping[str, Mapping[str, int]]) -> float:
    return means(evaluate(run, qrels, {_MEASURE: MEASURES[_MEASURE]}))[_MEASURE]
