"""Read, check and write collections in BEIR's layout.

corpus.jsonl        {"_id": ..., "title": ..., "text": ...}     the documents
queries.jsonl       {"_id": ..., "text": ...}                   the queries of all splits
qrels/test.tsv      query-id, corpus-id, score                  (or qrels.tsv beside the corpus)
qrels/train.tsv     the same                                    optional: the positives to train on
train_corpus.jsonl  as corpus.jsonl                             optional: training documents that are not searched
"""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from harness.collections import jsonl
from harness.collections.collection import Collection, CollectionError, Summary
from harness.collections.fields import HEADER
from harness.collections.jsonl import defect
from harness.collections.missing import MOST_MISSING, Missing
from harness.collections.qrels import Judgement, judgements


def load(folder: Path) -> Collection:
    """Read the collection in a folder; it gets the folder's name.

    What the files lack is counted in `gaps`; `check` refuses a folder that lacks too much. Raises CollectionError for
    the first defect: one line with file, line and next step.
    """
    return _read(Path(folder), keep=True)[0]


def load_queries(folder: Path) -> Collection:
    """Do the same as `load`, but keep no document texts in memory, not even those of training pairs; see `stream`."""
    return _read(Path(folder), keep=False)[0]


def stream(folder: Path) -> Iterator[str]:
    """Yield the document texts, in the order of `document_ids`."""
    return (line.text for line in jsonl.documents(Path(folder) / "corpus.jsonl", unique=False))


def training_pairs(folder: Path) -> tuple[tuple[str, str, str], ...]:
    """Return the training pairs of `load`, in the same order, without other documents in memory.

    Intended for a folder that `check` has passed: defects of other documents and of the test split are not noticed.
    """
    folder = Path(folder)
    train, queries = folder / "qrels" / "train.tsv", _queries(folder)
    if not train.exists():
        return ()
    judged = {judgement.document for judgement in judgements(train)}
    lines = jsonl.documents(folder / "corpus.jsonl", unique=False)
    documents = {line.id: line.text for line in lines if line.id in judged}
    tested = {judgement.query for judgement in judgements(_test_file(folder))}
    return _training(folder, documents, queries, tested, keep=True)[0]


def check(folder: Path, most_missing: float = MOST_MISSING) -> Summary:
    """Make every check of `load` and return the collection's sizes; keep no document texts in memory.

    most_missing  raise CollectionError if a larger share of the judged pairs of a split lacks its document or query
    """
    collection, test, train = _read(Path(folder), keep=False)
    test.check(most_missing)
    train.check(most_missing)
    warnings = [test.warning(), train.warning(training=True)]
    if empty := collection.gaps.get("empty_documents"):
        warnings.append(f"{Path(folder) / 'corpus.jsonl'}: {empty} documents without title and text are left out")
    if unscored := collection.gaps.get("unscored_queries"):
        of_all = len(collection.query_ids) + unscored
        warnings.append(f"{test.place}: {unscored} of {of_all} test queries have no relevant document and are left out")
    own = collection.own_documents
    return Summary(
        len(collection.document_ids),
        len(collection.query_ids),
        sum(score > 0 for judged in collection.qrels.values() for score in judged.values()),
        len(collection.training),
        tuple(filter(None, warnings)),
        len(own),
        own[0] if own else "",
    )


def write(
    folder: Path,
    documents: Iterable[tuple[str, str, str]],
    queries: Iterable[tuple[str, str]],
    test: Iterable[tuple[str, str, int]],
    train: Iterable[tuple[str, str, int]] = (),
) -> None:
    """Write a collection; the same arguments give the same bytes. `check(folder)` validates it, this function does not.

    documents  (id, title, text), possibly a stream
    queries    (id, text) of all splits
    test       (query id, document id, score)
    train      the same; if it is empty, a train.tsv in the folder is removed
    """
    folder = Path(folder)
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    _write_lines(folder / "corpus.jsonl", (document_line(*document) for document in documents))
    _write_lines(folder / "queries.jsonl", (_line({"_id": i, "text": text}) for i, text in queries))
    _write_qrels(folder / "qrels" / "test.tsv", test)
    train = list(train)
    if train:
        _write_qrels(folder / "qrels" / "train.tsv", train)
    else:
        (folder / "qrels" / "train.tsv").unlink(missing_ok=True)


def write_train_corpus(folder: Path, documents: Iterable[tuple[str, str, str]]) -> None:
    """Add training documents (id, title, text) that are not searched."""
    _write_lines(Path(folder) / "train_corpus.jsonl", (document_line(*document) for document in documents))


def document_line(identifier: str, title: str, text: str) -> str:
    """Return a document's line in corpus.jsonl, without line end."""
    return _line({"_id": identifier, "title": title, "text": text})


def _read(folder: Path, keep: bool) -> tuple[Collection, Missing, Missing]:
    """Read everything, and count what the test and the training split lack.

    Without `keep`, drop the text of every document as it streams by.
    """
    if not folder.is_dir():
        files = "corpus.jsonl, queries.jsonl and qrels/"
        raise CollectionError(f"{folder}: no such folder: give the folder that holds {files}")
    corpus, empty = folder / "corpus.jsonl", list[str]()
    documents = {line.id: line.text if keep else "" for line in jsonl.documents(corpus, empty=empty)}
    if not documents:
        raise CollectionError(f"{corpus}: the corpus is empty: write one document per line")
    queries = _queries(folder)

    qrels: dict[str, dict[str, int]] = {}
    test = _test_file(folder)
    missing, asked = Missing(str(test)), set()
    for number, query, document, score in judgements(test):
        missing.add(query, document, score, queries, documents, number)
        asked.add(query)
        if query in queries:
            qrels.setdefault(query, {})[document] = score
    # In the order of queries.jsonl, whatever the order of the judgements. A query without a relevant document is left
    # out: no measure is defined for it, and some tools would count it as 0 if it were in the run.
    tested = [query for query in queries if any(score > 0 for score in qrels.get(query, {}).values())]
    if not tested:
        raise missing.none_relevant("add judgements with a score above 0")
    pairs, untrained = _training(folder, documents, queries, asked, keep)
    gaps = {
        "empty_documents": len(empty),
        "judged_pairs": missing.judged if missing.lost else 0,
        "pairs_without_document": missing.documents,
        "pairs_without_query": missing.queries,
        "unscored_queries": len(qrels) - len(tested),
        "pairs_not_trained": untrained.relevant_lost,
    }
    collection = Collection(
        name=folder.absolute().name,
        document_ids=tuple(documents),
        document_texts=tuple(documents.values()) if keep else (),
        query_ids=tuple(tested),
        query_texts=tuple(queries[query] for query in tested),
        qrels={query: qrels[query] for query in tested},
        training=pairs,
        gaps={name: count for name, count in gaps.items() if count},
    )
    return collection, missing, untrained


def _queries(folder: Path) -> dict[str, str]:
    return {line.id: line.text for line in jsonl.queries(folder / "queries.jsonl")}


def _test_file(folder: Path) -> Path:
    split, single = folder / "qrels" / "test.tsv", folder / "qrels.tsv"
    if split.exists() and single.exists():
        raise CollectionError(f"{single}: qrels/test.tsv exists as well: keep the one that judges the test split")
    if single.exists():
        return single
    if not split.exists():
        advice = "add qrels/test.tsv, or qrels.tsv beside the corpus"
        raise CollectionError(f"{split}: no such file: the collection has no test split; {advice}")
    return split


def _training(
    folder: Path, documents: dict[str, str], queries: dict[str, str], tested: Container[str], keep: bool
) -> tuple[tuple[tuple[str, str, str], ...], Missing]:
    """Return the training pairs, and the counts of those that lack a document or a query and are left out."""
    train, extra_file = folder / "qrels" / "train.tsv", folder / "train_corpus.jsonl"
    missing = Missing(str(train))
    if not train.exists():
        return (), missing
    judged: list[Judgement] = []
    for judgement in judgements(train):
        if judgement.query in tested:
            problem = f"query {judgement.query[:80]!r} is in the test split as well"
            raise defect(train, judgement.number, f"{problem}: remove it from one of the two")
        judged.append(judgement)

    outside = {judgement.document for judgement in judged} - documents.keys()
    extra: dict[str, str] = {}
    if outside and extra_file.exists():
        extra = {line.id: line.text if keep else "" for line in jsonl.documents(extra_file) if line.id in outside}
    texts = ChainMap(documents, extra)
    pairs = tuple(
        (queries[query], document, texts[document])
        for number, query, document, score in judged
        if missing.add(query, document, score, queries, texts, number) and score > 0
    )
    return pairs, missing


def _line(record: dict[str, str]) -> str:
    return json.dumps(record, ensure_ascii=False)


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)


def _write_qrels(path: Path, rows: Iterable[tuple[str, str, int]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\t".join(HEADER) + "\n")
        file.writelines(f"{query}\t{document}\t{score}\n" for query, document, score in rows)
