"""Read collections by their ir_datasets id.

The package knows their addresses and md5s, and keeps their files in IR_DATASETS_HOME.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.collections.collection import CollectionError
from harness.collections.streams import Streams
from sembridge.extras import require
from sembridge.nearest import nearest


def check_id(name: str) -> None:
    """Raise CollectionError unless the package knows the id and its documents, queries and judgements.

    Downloads nothing.
    """
    require("irds", "a collection of ir_datasets")
    import ir_datasets

    registry = ir_datasets.registry
    if name not in registry:
        family = name.split("/")[0]
        near = [known for known in registry if known.split("/")[0] == family]
        raise CollectionError(
            f"ir_datasets has no {name!r}; {nearest(name, near or {known.split('/')[0] for known in registry})}"
        )
    dataset = ir_datasets.load(name)
    for part, present in (
        ("documents", dataset.has_docs()),
        ("queries", dataset.has_queries()),
        ("judgements", dataset.has_qrels()),
    ):
        if not present:
            below = [known for known in registry if known.startswith(f"{name}/")]
            judged = [known for known in below if ir_datasets.load(known).has_qrels()]
            raise CollectionError(f"ir_datasets {name!r} has no {part}; {nearest(f'{name}/dev', judged)}")


def ir_streams(parameters: Mapping[str, Any]) -> Streams:
    """Return the streams of a dataset.

    parameters: ir_datasets (an id) and optionally train, the id of the training queries and judgements.
    """
    require("irds", "a collection of ir_datasets")
    import ir_datasets

    ids = [parameters[name] for name in ("ir_datasets", "train") if name in parameters]
    for dataset_id in ids:
        check_id(dataset_id)
    datasets = [ir_datasets.load(dataset_id) for dataset_id in ids]
    name = f"ir_datasets {ids[0]!r}"

    def documents() -> Iterator[tuple[str, str, str]]:
        for document in datasets[0].docs_iter():
            if hasattr(document, "text"):
                yield document.doc_id, getattr(document, "title", None) or "", document.text or ""
            else:
                yield document.doc_id, "", document.default_text()

    def queries() -> Iterator[tuple[str, str]]:
        for dataset in datasets:
            yield from ((query.query_id, query.default_text()) for query in dataset.queries_iter())

    def judgements(dataset: Any) -> Iterator[tuple[str, str, int]]:
        return ((judgement.query_id, judgement.doc_id, judgement.relevance) for judgement in dataset.qrels_iter())

    return Streams(
        name,
        lambda: _explain_failures(name, documents()),
        lambda: _explain_failures(name, queries()),
        lambda: _explain_failures(name, judgements(datasets[0])),
        lambda: _explain_failures(name, judgements(datasets[1])) if len(datasets) > 1 else (),
    )


def _explain_failures(name: str, stream: Iterator[Any]) -> Iterator[Any]:
    """Yield the stream; turn a failed download into a CollectionError."""
    import requests
    from ir_datasets.util import HashVerificationError

    again = "run the same command again"
    try:
        yield from stream
    except HashVerificationError:
        problem = "the downloaded file does not have the md5 that the package knows"
        raise CollectionError(f"{name}: {problem}: {again}, or update ir_datasets") from None
    except (requests.RequestException, EOFError, OSError) as error:
        problem = f"the download failed ({type(error).__name__})"
        raise CollectionError(f"{name}: {problem}: {again}, whole files are kept") from None
