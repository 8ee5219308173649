"""A retrieval collection in memory: documents, test queries with judgements, and pairs to train on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class CollectionError(ValueError):
    """A defect in a collection's files: one line that says where it is and what to do about it."""


@dataclass(frozen=True)
class Collection:
    """What a cell of the grid is evaluated and trained on. N documents, Q queries, both in the order of their files.

    name            for tables, e.g. "miracl-ko"
    document_ids    N ids, unique; a document's index here is its position everywhere
    document_texts  N texts, title + " " + text, stripped, never empty
    query_ids       Q ids, unique: the test queries with at least one relevant document, the only ones that can be scored
    query_texts     Q texts, never empty
    qrels           query id -> document id -> judgement, one entry for each of the Q queries. 0 or less: judged not relevant
    training        (query text, document id, document text) of each positive train judgement; empty if there is no train split.
                    The document need not be in the corpus
    """

    name: str
    document_ids: tuple[str, ...]
    document_texts: tuple[str, ...]
    query_ids: tuple[str, ...]
    query_texts: tuple[str, ...]
    qrels: Mapping[str, Mapping[str, int]]
    training: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Summary:
    """Sizes of a valid collection: documents in the corpus, test queries that can be scored, relevant test pairs, relevant train pairs."""

    documents: int
    queries: int
    test_pairs: int
    train_pairs: int
