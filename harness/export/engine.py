"""What the format of a search engine has to say; `harness.export.registry` lists those that there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple

from scipy import sparse

from harness.export.documents import Document
from harness.export.tally import Tally

PART = 10_000_000
"""Bytes after which a request is full; engines refuse much larger ones (Elasticsearch above 100 MB, Qdrant 32 MB)."""
CLAUSES = 1024
"""Terms that a query of Lucene may have, unless the engine is told otherwise."""

Change = Callable[[sparse.csr_array], sparse.csr_array]
Pair = tuple[Sequence[int], Sequence[float]]
"""The dimensions and the weights of a document or query."""


class Frame(NamedTuple):
    """What stands around and between the records of a file."""

    opening: str = ""
    separator: str = ""
    closing: str = ""


class Holding(NamedTuple):
    """What an engine holds of the weights in its files: functions of documents [B, V] and of queries [Q, V]."""

    documents: Change = lambda matrix: matrix
    queries: Change = lambda matrix: matrix


@dataclass
class Facts:
    """Hold what is known of an export when its documents are written.

    name        of the index, the collection or the table in the engine
    scale       integers are scale * weight, where the engine takes integers only
    texts       the documents' texts are written too
    parts       files that hold the documents, relative to the folder
    """

    name: str
    encoder: str
    dimensions: int
    scale: int
    texts: bool
    documents: Tally
    queries: Tally | None = None
    parts: list[str] = field(default_factory=list)


class Engine(ABC):
    """Write documents and queries in the format of one engine, and read them back.

    name       what `--to` calls it
    title      what people call it
    version    the version whose format this is
    files      name of the file with documents; {part} in it: a further file begins after PART bytes
    requests   name of the file with queries
    frame, request_frame   of these files
    integers   whether the engine takes integers only
    limits     numbers of active dimensions that matter to it; documents with more are counted
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[str]
    files: ClassVar[str] = "documents.jsonl"
    requests: ClassVar[str] = "queries.jsonl"
    frame: ClassVar[Frame] = Frame()
    request_frame: ClassVar[Frame] = Frame()
    integers: ClassVar[bool] = False
    limits: ClassVar[tuple[int, ...]] = ()

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    @abstractmethod
    def document(self, document: Document) -> str:
        """Return a document as it stands in the file, with line ends. Raises ValueError if the engine refuses it."""

    @abstractmethod
    def query(self, query: Document) -> str:
        """Return a query as it stands in the file of requests."""

    @abstractmethod
    def read_documents(self, lines: Iterable[str]) -> Iterator[tuple[str, Pair]]:
        """Yield (id, (dimensions, weights)) from the lines of a file of documents."""

    def read_queries(self, lines: Iterable[str]) -> Iterator[Pair]:
        """Yield (dimensions, weights) from the lines of the file of requests; here: queries stand as documents do."""
        return (vector for _, vector in self.read_documents(lines))

    def finish(self, folder: Path) -> None:
        """Write the schema, and what else is known when all documents are written; here: nothing."""
        assert folder.is_dir()

    def holdings(self) -> dict[str, Holding]:
        """Return what the engine holds of the weights, by the ways to set it up that the page offers."""
        return {self.title: Holding()}

    def warnings(self) -> list[str]:
        """Return what the engine cannot do with these documents and queries, one sentence each."""
        return []

    @abstractmethod
    def load(self) -> str:
        """Return the section of the page on loading the documents, in Markdown."""

    @abstractmethod
    def search(self) -> str:
        """Return the section on searching, after `request` is defined."""

    @abstractmethod
    def request(self) -> str:
        """Return Python that defines `request(vector)`: what one query sends, of {dimension: weight}."""


def clause_warning(queries: Tally | None) -> list[str]:
    """Return the warning for queries with more terms than Lucene takes."""
    if queries is None or not queries.beyond.get(CLAUSES):
        return []
    return [
        f"{queries.beyond[CLAUSES]:,} of {queries.number:,} queries have more than {CLAUSES:,} active dimensions (the "
        f"most has {queries.most_active:,}): engines built on Lucene refuse a query of more than {CLAUSES:,} terms; "
        "cut them with --max-active-query, or raise the engine's limit"
    ]
