"""Stage: a collection from the hub or from ir_datasets, checked and written in BEIR's layout.

Documents stream through: only judged ids and eight bytes per document are in memory.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.collections import beir
from harness.collections.audit import Audit, check_expected
from harness.collections.collection import CollectionError
from harness.collections.irds import ir_streams
from harness.collections.missing import MOST_MISSING, Missing
from harness.collections.streams import Documents, Judgements, hub_streams
from harness.store.artifact import Location
from harness.store.stage import Stage

logger = logging.getLogger(__name__)
ABOUT = "about.json"

Qrels = dict[tuple[str, str], int]


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Fetch, check and write a collection. Raises CollectionError, in one line.

    parameters: those of `CollectionSource`, for one language.
    """
    streams = ir_streams(parameters) if "ir_datasets" in parameters else hub_streams(parameters)
    name, limit = streams.name, parameters.get("limit")
    test, train = _read_judgements(name, streams.test()), _read_judgements(name, streams.train())
    pairs = {pair: score for pair, score in train.items() if score > 0}
    both = {query for query, _ in test} & {query for query, _ in train}
    if both:
        problem = f"query {min(both)!r} is in the test and in the training split"
        raise CollectionError(f"{name}: {problem}: choose other splits")
    judged_queries = {query for query, _ in test} | {query for query, _ in pairs}
    queries = _read_queries(name, streams.queries(), judged_queries)

    audit = Audit(name)
    missing = {document for _, document in test} | {document for _, document in pairs}
    outside = {document for _, document in pairs} if limit is not None else set()
    texts = dict(queries)
    scored = {query for (query, _), score in test.items() if score > 0 and query in texts}
    own: list[str] = []
    judged = {document for _, document in test}
    corpus = _corpus(audit.watch(streams.documents()), judged, limit, missing, outside)
    try:
        beir.write(out, _watched(corpus, scored, own), queries, _flat(test), _flat(pairs))
    except UnicodeEncodeError:
        raise _half_a_character(name, f"document {audit.current!r}") from None
    warnings = _check_missing(name, parameters, texts, (test, pairs), missing)
    if outside - missing:
        beir.write_train_corpus(out, (document for document in streams.documents() if document[0] in outside))
    if audit.empty:
        warnings.append(f"{name}: {audit.empty} documents without title and text are left out")
    for warning in warnings:
        logger.warning(warning)
    counts = {
        "documents": audit.read,
        "queries": len({query for query, _ in test}),
        "judgements": len(test),
        "relevant": sum(score > 0 for score in test.values()),
        "train_pairs": len(pairs),
        **audit.fingerprints(),
    }
    check_expected(name, counts, parameters.get("expected", {}))
    about = {"origin": dict(parameters), "found": counts, "empty": audit.empty, "warnings": warnings}
    about["own"] = {"queries": len(own), "example": own[0] if own else ""}
    (out / ABOUT).write_text(json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


COLLECTION = Stage("collection", version=2, seconds=120, build=build)


def _read_judgements(name: str, judgements: Judgements) -> Qrels:
    qrels: Qrels = {}
    for query, document, score in judgements:
        if qrels.setdefault((query, document), score) != score:
            problem = f"query {query!r} and document {document!r} are judged twice, and differently"
            raise CollectionError(f"{name}: {problem}: choose another revision")
    return qrels


def _read_queries(name: str, queries: Iterable[tuple[str, str]], judged: set[str]) -> list[tuple[str, str]]:
    """Return the judged queries that have a text, in the order of the dataset, each once."""
    texts: dict[str, str] = {}
    for query, text in queries:
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise _half_a_character(name, f"query {query!r}")
        if query in judged and texts.setdefault(query, text) != text:
            raise CollectionError(f"{name}: query {query!r} occurs twice with different texts: choose another revision")
    return [(query, text) for query, text in texts.items() if text.strip()]


def _check_missing(
    name: str,
    parameters: Mapping[str, Any],
    queries: Container[str],
    splits: tuple[Qrels, Qrels],
    missing: Container[str],
) -> list[str]:
    """Return a warning for each split with judged pairs whose document or query is missing.

    missing: ids of judged documents. Raises CollectionError for too many.
    """
    warnings = []
    for split, qrels in zip(("test", "training"), splits, strict=True):
        counts = Missing(f"{name}, {split} split")
        documents = {document for _, document in qrels if document not in missing}
        for (query, document), score in qrels.items():
            counts.add(query, document, score, queries, documents)
        counts.check(parameters.get("most_missing", MOST_MISSING))
        if split == "test" and not any(score > 0 and query in queries for (query, _), score in qrels.items()):
            raise counts.none_relevant("check config and split")
        if counts.lost:
            warnings.append(counts.warning(training=split == "training"))
    return warnings


def _half_a_character(name: str, record: str) -> CollectionError:
    problem = f"{record} has half a surrogate pair, which is not a character"
    return CollectionError(f"{name}: {problem}: choose another revision")


def _corpus(
    documents: Documents, judged: set[str], limit: int | None, missing: set[str], outside: set[str]
) -> Iterator[tuple[str, str, str]]:
    """Yield the documents to search: all, or the judged ones and `limit` others.

    Every document read is removed from `missing`; every document yielded is removed from `outside`.
    """
    others = 0
    for document in documents:
        missing.discard(document[0])
        if limit is not None and document[0] not in judged:
            if others == limit:
                continue
            others += 1
        outside.discard(document[0])
        yield document


def _watched(documents: Documents, queries: Container[str], own: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the documents; add the ids that are also those of queries to `own`."""
    for document in documents:
        if document[0] in queries:
            own.append(document[0])
        yield document


def _flat(qrels: Qrels) -> Iterator[tuple[str, str, int]]:
    return ((query, document, score) for (query, document), score in qrels.items())
