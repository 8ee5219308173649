"""Read the few texts of a collection that a page shows, without keeping the others in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import NamedTuple

from harness.collections import jsonl
from harness.collections.collection import CollectionError
from harness.collections.fields import Where, identifier, record, text
from harness.collections.qrels import judgements
from harness.files.bounded import OversizedError, lines
from sembridge.normalization import normalize


class Shown(NamedTuple):
    """Hold the text of a query, and that of the most relevant of its documents ("" if the corpus lacks it)."""

    query: str
    document: str


def read(folder: Path, queries: Container[str]) -> dict[str, Shown]:
    """Return the texts of these queries by id, those that the collection has.

    Of several relevant documents with the highest judgement the first counts. CollectionError if a file cannot be read.
    """
    asked = {line.id: line.text for line in jsonl.queries(folder / "queries.jsonl") if line.id in queries}
    best: dict[str, tuple[int, str]] = {}
    for judgement in judgements(_judged(folder)):
        if judgement.query in asked and judgement.score > best.get(judgement.query, (0, ""))[0]:
            best[judgement.query] = judgement.score, judgement.document
    documents = _documents(folder / "corpus.jsonl", {document for _, document in best.values()})
    return {query: Shown(own, documents.get(best.get(query, (0, ""))[1], "")) for query, own in asked.items()}


def _judged(folder: Path) -> Path:
    test = folder / "qrels" / "test.tsv"
    return test if test.exists() else folder / "qrels.tsv"


def _documents(corpus: Path, wanted: Iterable[str]) -> dict[str, str]:
    """Return title and text of these documents by id.

    Only lines that hold one of the ids somewhere are parsed: a corpus may have millions of others.
    """
    missing = set(wanted)
    if not missing:
        return {}
    forms = {json.dumps(name, ensure_ascii=ascii_alone)[1:-1] for name in missing for ascii_alone in (True, False)}
    holds_one = re.compile(b"|".join(sorted(re.escape(form.encode("utf-8", "surrogatepass")) for form in forms)))
    texts: dict[str, str] = {}
    try:
        with corpus.open("rb") as file:
            for number, line in lines(file):
                if not missing:
                    break
                if not holds_one.search(line):
                    continue
                where = Where(f"{corpus}:{number}", number=number)
                row = record(line.decode("utf-8", "replace"), where)
                if (name := identifier(row, where)) in missing:
                    missing.discard(name)
                    texts[name] = normalize(f"{text(row, 'title', where)} {text(row, 'text', where)}").strip()
    except OSError as error:
        advice = "check the file and who may read it"
        raise CollectionError(f"{corpus}: cannot be read ({error.strerror}): {advice}") from None
    except OversizedError as error:
        raise CollectionError(f"{corpus}:{error.number}: the line is {error}: cut long texts") from None
    return texts
