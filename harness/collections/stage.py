"""Stage: a collection from a hub or from ir_datasets, checked and written in BEIR's layout.

Documents stream through; of a corpus of any size only judged ids and eight bytes per document are in memory.
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
    """parameters: those of `CollectionSource`, for one language. Raises CollectionError, in one line."""
    streams = ir_streams(parameters) if "ir_datasets" in parameters else hub_streams(parameters)
    name, limit = streams.name, parameters.get("limit")
    test, train = _judged(name, streams.test()), _judged(name, streams.train())
    pairs = {pair: score for pair, score in train.items() if score > 0}
    both = {query for query, _ in test} & {query for query, _ in train}
    if both:
        raise CollectionError(
            f"{name}: query {min(both)!r} is in the test and in the training split: choose other splits"
        )
    queries = _queries(name, streams.queries(), {query for query, _ in test} | {query for query, _ in pairs})

    audit = Audit(name)
    missing = {document for _, document in test} | {document for _, document in pairs}
    outside = {document for _, document in pairs} if limit is not None else set()
    kept = _kept(audit.watch(streams.documents()), {document for _, document in test}, limit, missing, outside)
    try:
        beir.write(out, kept, queries, _lines(test), _lines(pairs))
    except UnicodeEncodeError:
        raise CollectionError(
            f"{name}: document {audit.current!r} has half a surrogate pair, which is no character: choose another revision"
        ) from None
    if missing:
        raise CollectionError(
            f"{name}: {len(missing)} judged documents, such as {min(missing)!r}, are not in the corpus: check config and split"
        )
    if outside:
        beir.write_train_corpus(out, (document for document in streams.documents() if document[0] in outside))
    if audit.empty:
        logger.warning("%s: %d documents without title and text are left out", name, audit.empty)
    found = {
        "documents": audit.read,
        "queries": len({query for query, _ in test}),
        "judgements": len(test),
        "relevant": sum(score > 0 for score in test.values()),
        "train_pairs": len(pairs),
        **audit.fingerprints(),
    }
    check_expected(name, found, parameters.get("expected", {}))
    about = {"origin": dict(parameters), "found": found, "empty": audit.empty}
    (out / ABOUT).write_text(json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


COLLECTION = Stage("collection", version=1, seconds=120, build=build)


def _judged(name: str, judgements: Judgements) -> Qrels:
    judged: Qrels = {}
    for query, document, score in judgements:
        if judged.setdefault((query, document), score) != score:
            raise CollectionError(
                f"{name}: query {query!r} and document {document!r} are judged twice, and differently: choose another revision"
            )
    return judged


def _queries(name: str, queries: Iterable[tuple[str, str]], asked: set[str]) -> list[tuple[str, str]]:
    """The judged queries, in the order of the dataset, each once."""
    found: dict[str, str] = {}
    for query, text in queries:
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise CollectionError(
                f"{name}: query {query!r} has half a surrogate pair, which is no character: choose another revision"
            )
        if query in asked and found.setdefault(query, text) != text:
            raise CollectionError(f"{name}: query {query!r} occurs twice with different texts: choose another revision")
    if missing := asked - found.keys():
        raise CollectionError(
            f"{name}: {len(missing)} judged queries, such as {min(missing)!r}, are not there: check config and split"
        )
    return list(found.items())


def _kept(
    documents: Documents, judged: set[str], limit: int | None, missing: set[str], outside: set[str]
) -> Iterator[tuple[str, str, str]]:
    """The documents to search. What was seen leaves `missing`; what is kept leaves `outside`."""
    others = 0
    for document in documents:
        missing.discard(document[0])
        if limit is not None and document[0] not in judged:
            if others == limit:
                continue
            others += 1
        outside.discard(document[0])
        yield document


def _lines(judged: Qrels) -> Iterator[tuple[str, str, int]]:
    return ((query, document, score) for (query, document), score in judged.items())
