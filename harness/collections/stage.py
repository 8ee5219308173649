"""Stage: a collection from the hub or from ir_datasets, checked and written in BEIR's layout.

Documents stream through: only judged ids and eight bytes per document are in memory.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.collections import beir
from harness.collections.audit import Audit, check_expected
from harness.collections.collection import CollectionError
from harness.collections.irds import ir_streams
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
    queries = _read_queries(name, streams.queries(), {query for query, _ in test} | {query for query, _ in pairs})

    audit = Audit(name)
    missing = {document for _, document in test} | {document for _, document in pairs}
    outside = {document for _, document in pairs} if limit is not None else set()
    judged = {document for _, document in test}
    corpus = _corpus(audit.watch(streams.documents()), judged, limit, missing, outside)
    try:
        beir.write(out, corpus, queries, _flat(test), _flat(pairs))
    except UnicodeEncodeError:
        raise _half_a_character(name, f"document {audit.current!r}") from None
    if missing:
        problem = f"{len(missing)} judged documents, such as {min(missing)!r}, are not in the corpus"
        raise CollectionError(f"{name}: {problem}: check config and split")
    if outside:
        beir.write_train_corpus(out, (document for document in streams.documents() if document[0] in outside))
    if audit.empty:
        logger.warning("%s: %d documents without title and text are left out", name, audit.empty)
    counts = {
        "documents": audit.read,
        "queries": len({query for query, _ in test}),
        "judgements": len(test),
        "relevant": sum(score > 0 for score in test.values()),
        "train_pairs": len(pairs),
        **audit.fingerprints(),
    }
    check_expected(name, counts, parameters.get("expected", {}))
    about = {"origin": dict(parameters), "found": counts, "empty": audit.empty}
    (out / ABOUT).write_text(json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


COLLECTION = Stage("collection", version=1, seconds=120, build=build)


def _read_judgements(name: str, judgements: Judgements) -> Qrels:
    qrels: Qrels = {}
    for query, document, score in judgements:
        if qrels.setdefault((query, document), score) != score:
            problem = f"query {query!r} and document {document!r} are judged twice, and differently"
            raise CollectionError(f"{name}: {problem}: choose another revision")
    return qrels


def _read_queries(name: str, queries: Iterable[tuple[str, str]], judged: set[str]) -> list[tuple[str, str]]:
    """Return the judged queries, in the order of the dataset, each once."""
    texts: dict[str, str] = {}
    for query, text in queries:
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise _half_a_character(name, f"query {query!r}")
        if query in judged and texts.setdefault(query, text) != text:
            raise CollectionError(f"{name}: query {query!r} occurs twice with different texts: choose another revision")
    if missing := judged - texts.keys():
        problem = f"{len(missing)} judged queries, such as {min(missing)!r}, are missing"
        raise CollectionError(f"{name}: {problem}: check config and split")
    return list(texts.items())


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


def _flat(qrels: Qrels) -> Iterator[tuple[str, str, int]]:
    return ((query, document, score) for (query, document), score in qrels.items())
