"""`python -m experiments.benchmarks.growth`: how our own times grow with the size of what they are given; a table of docs/performance.md.

Each size is doubled twice. A time that doubles with its size is linear in it; what is left at small sizes is fixed cost.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.benchmarks.measure import hardware, seconds

BEGIN, END = "<!-- growth: make bench -->", "<!-- end of growth -->"
HEAD = "| job | grows | size | seconds | times the size before |\n| --- | --- | ---: | ---: | ---: |"


@dataclass(frozen=True)
class Point:
    """seconds: of one call after one that is not timed."""

    job: str
    grows: str
    size: int
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.growth", description="Times of growing sizes."
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, to see that everything runs; nothing is written"
    )
    quick = parser.parse_args().quick
    _quiet()
    found = [
        point
        for curve in (initializing, searching_documents, searching_queries, encoding, heads, workers)
        for point in curve(quick)
    ]
    print(table(found))
    if not quick:
        from experiments.benchmarks.__main__ import FIGURES
        from experiments.benchmarks.page import put

        put(FIGURES.with_suffix(".md"), BEGIN, END, f"On {hardware()}:\n\n{table(found)}")
    return 0


def table(points: Iterable[Point]) -> str:
    lines, before = [HEAD], None
    for point in points:
        same = before is not None and (before.job, before.grows) == (point.job, point.grows)
        times = f"{point.seconds / before.seconds:.2f}" if same and before is not None else ""
        lines.append(f"| {point.job} | {point.grows} | {point.size:,} | {point.seconds:.2f} | {times} |")
        before = point
    return "\n".join(lines)


def curve(job: str, grows: str, sizes: Iterable[int], prepared: Callable[[int], Callable[[], Any]]) -> list[Point]:
    """prepared: for a size, the call to be timed."""
    found = []
    for size in sizes:
        work = prepared(size)
        work()
        found.append(Point(job, grows, size, seconds(work)))
    return found


def doubled(size: int, quick: bool) -> list[int]:
    return [(size // 16 if quick else size) * times for times in (1, 2, 4)]


def initializing(quick: bool) -> list[Point]:
    from experiments.benchmarks.initialize import HIDDEN, WIDTH, clustered, mixing
    from sembridge.mixture.mixture import UnitVectors

    rng, donors = np.random.default_rng(0), 8_192 // (8 if quick else 1)
    centers, axes = (
        rng.standard_normal((500, 90), dtype=np.float32),
        rng.standard_normal((90, WIDTH), dtype=np.float32) / np.float32(300),
    )
    common = rng.standard_normal(WIDTH, dtype=np.float32) * np.float32(0.02)
    offered = UnitVectors(clustered(donors, common, centers, axes, rng), np.arange(donors))
    embedding = rng.standard_normal((donors, HIDDEN), dtype=np.float32)

    def prepared(size: int) -> Callable[[], None]:
        return mixing(
            UnitVectors(clustered(size, common, centers, axes, rng), np.arange(size)), offered, embedding, [4.0]
        )

    return curve(f"rows from {donors:,} donors, alpha 4", "new tokens", doubled(8_192, quick), prepared)


def searching_documents(quick: bool) -> list[Point]:
    queries, documents = _searched(quick)
    job = f"search, {queries.shape[0]} queries, k 100"
    return curve(job, "documents", doubled(25_000, quick), lambda size: _search(queries, documents[:size]))


def searching_queries(quick: bool) -> list[Point]:
    queries, documents = _searched(quick)
    job = f"search, {documents.shape[0]:,} documents, k 100"
    return curve(job, "queries", (100, 200, 400), lambda size: _search(queries[:size], documents))


def _searched(quick: bool) -> tuple[Any, Any]:
    """Queries and documents, of which curves take parts."""
    from experiments.benchmarks.search import DOCUMENT_TERMS, QUERY_TERMS, vectors

    rng = np.random.default_rng(0)
    return vectors(400, QUERY_TERMS, rng), vectors(doubled(25_000, quick)[-1], DOCUMENT_TERMS, rng)


def _search(queries: Any, documents: Any) -> Callable[[], Any]:
    from experiments.benchmarks.search import searching

    return searching(queries, documents, 100, np.arange(documents.shape[0]))


def encoding(quick: bool) -> list[Point]:
    from experiments.benchmarks.base_encoder import base_encoder, lengths, passages
    from harness.retrieval.encode import encode_all
    from harness.retrieval.encode_options import EncodeOptions

    vocabulary = 30_522
    encoder = base_encoder(vocabulary, small=True)

    def prepared(size: int) -> Callable[[], Any]:
        texts = passages(vocabulary, lengths(size))
        return lambda: encode_all(encoder, texts, "document", EncodeOptions(precision="float32"))

    return curve("encode, 2 layers of 128, V 30,522", "documents", doubled(128, quick), prepared)


def heads(quick: bool) -> list[Point]:
    import torch

    from sembridge.encoder.max_logits import max_logits

    tokens, generator = 64, torch.Generator().manual_seed(0)
    weight = (torch.randn(30_522, 256, generator=generator) * 0.05).requires_grad_()
    bias = torch.full((30_522,), -2.0).requires_grad_()

    def prepared(size: int) -> Callable[[], None]:
        hidden = torch.randn(size * tokens, 256, generator=generator).requires_grad_()

        def both_ways() -> None:
            torch.log1p(torch.relu(max_logits(hidden, [tokens] * size, weight, bias))).sum().backward()

        return both_ways

    return curve(
        f"sparse head, forward and backward, {tokens} tokens, 256 wide, V 30,522", "batch", doubled(16, quick), prepared
    )


def workers(quick: bool) -> list[Point]:
    """One and two processes of a thread each share the documents."""
    count, found = doubled(128, quick)[-1], []
    for size in (1, 2):
        with multiprocessing.get_context("spawn").Pool(size, _load, (count // size,)) as pool:
            found += curve(
                f"encode {count} documents with a thread each",
                "workers",
                [size],
                lambda size, pool=pool: _share_out(pool, size),
            )
    return found


def _share_out(pool: Any, size: int) -> Callable[[], Any]:
    return lambda: pool.map(_encode, range(size), chunksize=1)


_loaded: list[Any] = []  # of a worker process: its encoder, and its share of the documents


def _load(count: int) -> None:
    import torch

    from experiments.benchmarks.base_encoder import base_encoder, passages

    _quiet()
    torch.set_num_threads(1)
    _loaded[:] = base_encoder(30_522, small=True), passages(30_522, [75] * count)


def _encode(_: int) -> None:
    from harness.retrieval.encode import encode_all
    from harness.retrieval.encode_options import EncodeOptions

    encode_all(*_loaded, "document", EncodeOptions(precision="float32"))


def _quiet() -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()


if __name__ == "__main__":
    sys.exit(main())
