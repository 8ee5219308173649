"""What every origin of a collection gives: streams of documents, queries and judgements, to be read one record at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.collections import rows
from harness.collections.layout import LAYOUTS, File

Documents = Iterable[tuple[str, str, str]]
Judgements = Iterable[tuple[str, str, int]]


@dataclass(frozen=True)
class Streams:
    """Each function starts its stream anew.

    name       for messages
    documents  (id, title, text) of the corpus
    queries    (id, text) of both splits at least
    test       (query id, document id, score)
    train      the same, empty without training split
    """

    name: str
    documents: Callable[[], Documents]
    queries: Callable[[], Iterable[tuple[str, str]]]
    test: Callable[[], Judgements]
    train: Callable[[], Judgements]


def hub_streams(parameters: Mapping[str, Any]) -> Streams:
    """A dataset of the hub. All its files are fetched here, so that a stream does not end in the middle of a download.

    parameters: hub, revision, kind, config, and where given split, train, judgements (hub, revision).
    """
    layout = LAYOUTS[parameters["kind"]](parameters)
    paths = {
        file: file.repository.fetch(file.path)
        for file in [*layout.test, *layout.train, *layout.queries, *layout.corpus]
    }

    def chained(read: Callable[..., Iterator[Any]], files: list[File]) -> Callable[[], Iterator[Any]]:
        return lambda: (record for file in files for record in read(paths[file], f"{file.repository.name}/{file.path}"))

    return Streams(
        f"hub dataset {parameters['hub']!r}",
        chained(rows.documents, layout.corpus),
        chained(rows.queries, layout.queries),
        chained(rows.judgements, layout.test),
        chained(rows.judgements, layout.train),
    )
