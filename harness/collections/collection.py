"""Hold a retrieval collection in memory: documents, test queries with judgements, training pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class CollectionError(ValueError):
    """A defect of a collection's files: one line with its place and the next step."""


@dataclass(frozen=True)
class Collection:
    """The data that a cell is trained and evaluated on: N documents, Q queries, in the order of their files.

    name            for tables, e.g. "miracl-ko"
    document_ids    N ids, unique; a document's index here is its position everywhere
    document_texts  N texts, title + " " + text, stripped, never empty
    query_ids       Q ids, unique: the test queries with at least one relevant document, as others cannot be scored
    query_texts     Q texts, never empty
    qrels           query id -> document id -> judgement, for each of the Q queries; 0 or less: judged not relevant. A
                    judged document need not be in the corpus: it counts, and nothing finds it
    training        (query text, document id, document text) of each positive train judgement, whose document need not
                    be in the corpus; empty without a train split
    gaps            what the files lack, by name, without zeros: empty_documents, judged_pairs with
                    pairs_without_document and pairs_without_query, unscored_queries, pairs_not_trained
    """

    name: str
    document_ids: tuple[str, ...]
    document_texts: tuple[str, ...]
    query_ids: tuple[str, ...]
    query_texts: tuple[str, ...]
    qrels: Mapping[str, Mapping[str, int]]
    training: tuple[tuple[str, str, str], ...] = ()
    gaps: Mapping[str, int] = field(default_factory=dict)

    @property
    def own_documents(self) -> list[str]:
        """Return the ids of documents that are also those of test queries, as in ArguAna."""
        queries = set(self.query_ids)
        return [document for document in self.document_ids if document in queries]


@dataclass(frozen=True)
class Summary:
    """Sizes of a valid collection; only test queries that can be scored and relevant pairs are counted.

    warnings  a line for each kind of gap
    own       the scored queries whose id is also that of a document; an example, "" without any
    """

    documents: int
    queries: int
    test_pairs: int
    train_pairs: int
    warnings: tuple[str, ...] = ()
    own: int = 0
    own_example: str = ""
