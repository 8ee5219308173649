"""Collections by their ir_datasets id. The package knows where they are and their md5s; it keeps them in IR_DATASETS_HOME."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.collections.collection import CollectionError
from harness.collections.streams import Streams
from sembridge.extras import require
from sembridge.nearest import nearest


def check_id(name: str) -> None:
    """CollectionError unless there is such an id, and it has what a collection needs. Fetches nothing."""
    require("irds", "a collection of ir_datasets")
    import ir_datasets

    if name not in ir_datasets.registry:
        start = name.split("/")[0]
        near = [known for known in ir_datasets.registry if known.split("/")[0] == start]
        raise CollectionError(
            f"ir_datasets has no {name!r}; {nearest(name, near or {known.split('/')[0] for known in ir_datasets.registry})}"
        )
    dataset = ir_datasets.load(name)
    for what, has in (
        ("documents", dataset.has_docs()),
        ("queries", dataset.has_queries()),
        ("judgements", dataset.has_qrels()),
    ):
        if not has:
            within = [
                known
                for known in ir_datasets.registry
                if known.startswith(f"{name}/") and ir_datasets.load(known).has_qrels()
            ]
            raise CollectionError(f"ir_datasets {name!r} has no {what}; {nearest(f'{name}/dev', within)}")


def ir_streams(parameters: Mapping[str, Any]) -> Streams:
    """parameters: ir_datasets, and where given train, the id of the training queries and judgements."""
    require("irds", "a collection of ir_datasets")
    import ir_datasets

    ids = [parameters[name] for name in ("ir_datasets", "train") if name in parameters]
    for name in ids:
        check_id(name)
    datasets = [ir_datasets.load(name) for name in ids]
    what = f"ir_datasets {ids[0]!r}"

    def documents() -> Iterator[tuple[str, str, str]]:
        for document in datasets[0].docs_iter():
            if hasattr(document, "text"):
                yield document.doc_id, getattr(document, "title", None) or "", document.text or ""
            else:
                yield document.doc_id, "", document.default_text()

    def queries() -> Iterator[tuple[str, str]]:
        for dataset in datasets:
            yield from ((query.query_id, query.default_text()) for query in dataset.queries_iter())

    def judgements(of: Any) -> Iterator[tuple[str, str, int]]:
        return ((judgement.query_id, judgement.doc_id, judgement.relevance) for judgement in of.qrels_iter())

    return Streams(
        what,
        lambda: _fetched(what, documents()),
        lambda: _fetched(what, queries()),
        lambda: _fetched(what, judgements(datasets[0])),
        lambda: _fetched(what, judgements(datasets[1])) if len(datasets) > 1 else (),
    )


def _fetched(what: str, stream: Iterator[Any]) -> Iterator[Any]:
    """The stream; if its download fails, the error in our words."""
    import requests
    from ir_datasets.util import HashVerificationError

    try:
        yield from stream
    except HashVerificationError:
        raise CollectionError(
            f"{what}: what arrived is not the file whose md5 the package knows: run the same command again, or update it"
        ) from None
    except (requests.RequestException, EOFError, OSError) as error:
        raise CollectionError(
            f"{what}: the download failed ({type(error).__name__}): run the same command again, whole files are kept"
        ) from None
