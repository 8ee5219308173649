"""`python -m experiments.benchmarks.growth`: how our times grow with their inputs; a table of docs/performance.md.

Each size is doubled twice. A time that doubles with it is linear; what remains at small sizes is fixed cost.
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
    """seconds: of one call, after an untimed one."""

    job: str
    grows: str
    size: int
    seconds: float


def main() -> int:
    program = "python -m experiments.benchmarks.growth"
    parser = argparse.ArgumentParser(prog=program, description="Times of growing sizes.")
    help_text = "small sizes, to see that everything runs; nothing is written"
    parser.add_argument("--quick", action="store_true", help=help_text)
    quick = parser.parse_args().quick
    _hide_progress_bars()
    curves = (initializing, searching_documents, searching_queries, encoding, heads, workers)
    points = [point for curve in curves for point in curve(quick)]
    print(table(points))
    if not quick:
        from experiments.benchmarks.__main__ import FIGURES
        from experiments.benchmarks.page import put_for

        put_for(hardware(), FIGURES.with_suffix(".md"), BEGIN, END, table(points))
    return 0


def table(points: Iterable[Point]) -> str:
    lines, before = [HEAD], None
    for point in points:
        same = before is not None and (before.job, before.grows) == (point.job, point.grows)
        times = f"{point.seconds / before.seconds:.2f}" if same and before is not None else ""
        lines.append(f"| {point.job} | {point.grows} | {point.size:,} | {point.seconds:.2f} | {times} |")
        before = point
    return "\n".join(lines)


def curve(job: str, grows: str, sizes: Iterable[int], prepare: Callable[[int], Callable[[], Any]]) -> list[Point]:
    """Return the point of each size. prepare: returns the call to be timed for a size."""
    points = []
    for size in sizes:
        work = prepare(size)
        work()
        points.append(Point(job, grows, size, seconds(work)))
    return points


def doubled(size: int, quick: bool) -> list[int]:
    return [(size // 16 if quick else size) * times for times in (1, 2, 4)]


def initializing(quick: bool) -> list[Point]:
    from experiments.benchmarks.initialize import HIDDEN, WIDTH, clustered, mixing
    from sembridge.mixture.mixture import UnitVectors

    rng, donors = np.random.default_rng(0), 8_192 // (8 if quick else 1)
    centers = rng.standard_normal((500, 90), dtype=np.float32)
    axes = rng.standard_normal((90, WIDTH), dtype=np.float32) / np.float32(300)
    common = rng.standard_normal(WIDTH, dtype=np.float32) * np.float32(0.02)
    offered = UnitVectors(clustered(donors, common, centers, axes, rng), np.arange(donors))
    embedding = rng.standard_normal((donors, HIDDEN), dtype=np.float32)

    def prepare(size: int) -> Callable[[], None]:
        queries = UnitVectors(clustered(size, common, centers, axes, rng), np.arange(size))
        return mixing(queries, offered, embedding, [4.0])

    return curve(f"rows from {donors:,} donors, alpha 4", "new tokens", doubled(8_192, quick), prepare)


def searching_documents(quick: bool) -> list[Point]:
    queries, documents = _search_vectors(quick)
    job = f"search, {queries.shape[0]} queries, k 100"
    return curve(job, "documents", doubled(25_000, quick), lambda size: _search(queries, documents[:size]))


def searching_queries(quick: bool) -> list[Point]:
    queries, documents = _search_vectors(quick)
    job = f"search, {documents.shape[0]:,} documents, k 100"
    return curve(job, "queries", (100, 200, 400), lambda size: _search(queries[:size], documents))


def _search_vectors(quick: bool) -> tuple[Any, Any]:
    """Return queries and documents, of which curves take parts."""
    from experiments.benchmarks.search import DOCUMENT_TERMS, QUERY_TERMS, vectors

    rng = np.random.default_rng(0)
    return vectors(400, QUERY_TERMS, rng), vectors(doubled(25_000, quick)[-1], DOCUMENT_TERMS, rng)


def _search(queries: Any, documents: Any) -> Callable[[], Any]:
    from experiments.benchmarks.search import searching

    return searching(queries, documents, 100, np.arange(documents.shape[0]))


def encoding(quick: bool) -> list[Point]:
    from experiments.benchmarks.base_encoder import base_encoder, lengths, passages
    from sembridge.search.encode import encode_all
    from sembridge.search.encode_options import EncodeOptions

    vocabulary = 30_522
    encoder = base_encoder(vocabulary, small=True)

    def prepare(size: int) -> Callable[[], Any]:
        texts = passages(vocabulary, lengths(size))
        return lambda: encode_all(encoder, texts, "document", EncodeOptions(precision="float32"))

    return curve("encode, 2 layers of 128, V 30,522", "documents", doubled(128, quick), prepare)


def heads(quick: bool) -> list[Point]:
    import torch

    from sembridge.encoder.max_logits import max_logits

    tokens, generator = 64, torch.Generator().manual_seed(0)
    weight = (torch.randn(30_522, 256, generator=generator) * 0.05).requires_grad_()
    bias = torch.full((30_522,), -2.0).requires_grad_()

    def prepare(size: int) -> Callable[[], None]:
        hidden = torch.randn(size * tokens, 256, generator=generator).requires_grad_()

        def both_ways() -> None:
            torch.log1p(torch.relu(max_logits(hidden, [tokens] * size, weight, bias))).sum().backward()

        return both_ways

    job = f"sparse head, forward and backward, {tokens} tokens, 256 wide, V 30,522"
    return curve(job, "batch", doubled(16, quick), prepare)


def workers(quick: bool) -> list[Point]:
    """Share the documents between one and two processes of a thread each."""
    count, points = doubled(128, quick)[-1], []
    job = f"encode {count} documents with a thread each"
    for size in (1, 2):
        with multiprocessing.get_context("spawn").Pool(size, _load, (count // size,)) as pool:
            points += curve(job, "workers", [size], lambda size, pool=pool: _distribute(pool, size))
    return points


def _distribute(pool: Any, size: int) -> Callable[[], Any]:
    return lambda: pool.map(_encode, range(size), chunksize=1)


_loaded: list[Any] = []  # of a worker process: its encoder and its part of the documents


def _load(count: int) -> None:
    import torch

    from experiments.benchmarks.base_encoder import base_encoder, passages

    _hide_progress_bars()
    torch.set_num_threads(1)
    _loaded[:] = base_encoder(30_522, small=True), passages(30_522, [75] * count)


def _encode(_: int) -> None:
    from sembridge.search.encode import encode_all
    from sembridge.search.encode_options import EncodeOptions

    encode_all(*_loaded, "document", EncodeOptions(precision="float32"))


def _hide_progress_bars() -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()


if __name__ == "__main__":
    sys.exit(main())
