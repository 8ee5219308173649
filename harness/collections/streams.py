"""Describe what every source of a collection provides: streams of documents, queries and judgements."""

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
    """The streams of a collection; each call starts one from its beginning.

    name       for messages
    documents  (id, title, text) of the corpus
    queries    (id, text) of at least both splits
    test       (query id, document id, score)
    train      the same, empty without a training split
    """

    name: str
    documents: Callable[[], Documents]
    queries: Callable[[], Iterable[tuple[str, str]]]
    test: Callable[[], Judgements]
    train: Callable[[], Judgements]


def hub_streams(parameters: Mapping[str, Any]) -> Streams:
    """Return the streams of a hub dataset, after downloading all its files, so that no stream can break off.

    parameters: hub, revision, kind, config, and optionally split, train, judgements (hub, revision).
    """
    layout = LAYOUTS[parameters["kind"]](parameters)
    files = [*layout.test, *layout.train, *layout.queries, *layout.corpus]
    paths = {file: file.repository.fetch(file.path) for file in files}

    def chain(read: Callable[..., Iterator[Any]], files: list[File]) -> Callable[[], Iterator[Any]]:
        return lambda: (record for file in files for record in read(paths[file], f"{file.repository.name}/{file.path}"))

    return Streams(
        f"hub dataset {parameters['hub']!r}",
        chain(rows.documents, layout.corpus),
        chain(rows.queries, layout.queries),
        chain(rows.judgements, layout.test),
        chain(rows.judgements, layout.train),
    )
