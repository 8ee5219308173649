"""The parts of the GPU table: each yields lines of Markdown as they are measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from experiments.benchmarks.gpu_cases import Step, backward, heads, tensors
from experiments.benchmarks.gpu_timing import free, in_turn, largest

VOCABULARIES = (30_522, 119_547, 250_000)
SIDES = "| job | side | ms | times ours | peak MB |\n| --- | --- | ---: | ---: | ---: |"


def head(quick: bool, left: float) -> Iterator[str]:
    """The sparse head alone in bfloat16: forward, and forward and backward."""
    yield SIDES
    shapes = [(32, 256, size, 768, 1.0, True) for size in VOCABULARIES]
    shapes += [(32, 256, 250_000, 768, 0.02, False), (64, 512, 30_522, 384, 1.0, False)]
    shapes += [(64, 512, size, 768, 1.0, False) for size in VOCABULARIES]
    for texts, length, size, width, active, compiled in shapes[:1] if quick else shapes:
        started = time.perf_counter()
        arguments = tensors(texts, length, size, width, active)
        upstream = torch.rand(texts, size, device="cuda")
        sides = heads(compiled and not quick)
        shape = f"{texts} texts of {length} tokens, D {width}, V {size:,}"
        if active < 1:
            shape += f", {active:.0%} active"
        with torch.no_grad():
            yield from _rows(f"head forward, {shape}", {n: _calling(f, *arguments) for n, f in sides.items()}, quick)
        both = {n: _calling(backward, f, arguments, upstream) for n, f in sides.items()}
        yield from _rows(f"head forward and backward, {shape}", both, quick)
        floor = 2 * texts * length * size * width / 790e12 * 1e3
        print(
            f"(floor of the product at 790 TFLOP/s: {floor:.2f} ms; {time.perf_counter() - started:.0f} s)", flush=True
        )
        del arguments, upstream, both, sides
        free()


def step(quick: bool, left: float) -> Iterator[str]:
    """A whole training step under autocast with fused AdamW, BERT-base's body and three heads."""
    yield SIDES
    for size in VOCABULARIES[:1] if quick else VOCABULARIES:
        pairs, length = (8, 64) if quick else (32, 256)
        training = Step(size, pairs, length, small=quick)
        sides = heads(compiled=not quick and size != VOCABULARIES[1])
        work = {name: _calling(training, side) for name, side in sides.items()}
        yield from _rows(f"training step, {pairs} pairs of {length} tokens, V {size:,}", work, quick)
        del training, work, sides
        free()


def batch(quick: bool, left: float) -> Iterator[str]:
    """The largest batch of a training step that the card holds."""
    yield "| largest batch of a training step that fits | eager | ours | times |\n| --- | ---: | ---: | ---: |"
    length = 256
    for size in VOCABULARIES[:1] if quick else VOCABULARIES[::-1]:
        training = Step(size, 2, length, small=quick)
        found = {}
        for name, side in heads(compiled=False).items():
            found[name] = largest(training.of_pairs(side), 2, 64 if quick else 4096)
        ratio = found["ours"] / max(1, found["eager"])
        yield f"| pairs of {length} tokens, V {size:,} | {found['eager']:,} | {found['ours']:,} | {ratio:.1f} x |"
        del training
        free()


def search(quick: bool, left: float) -> Iterator[str]:
    """Exact search, on the card and on the processor, to the same bits."""
    from experiments.benchmarks.search import DOCUMENT_TERMS, QUERY_TERMS, WINDOW, vectors
    from harness.retrieval.device_search import DeviceTopK
    from harness.retrieval.postings import PostingsTopK

    documents_count, queries_count = (20_000, 100) if quick else (200_000, 1_000)
    rng = np.random.default_rng(0)
    documents, queries = vectors(documents_count, DOCUMENT_TERMS, rng), vectors(queries_count, QUERY_TERMS, rng)
    order = rng.permutation(documents_count)
    windows = [(start, documents[start : start + WINDOW]) for start in range(0, documents_count, WINDOW)]

    def searching(kind: Any, k: int) -> Any:
        top = kind(queries, k, order)
        for start, window in windows:
            top.add(start, window)
        return top.best

    yield f"| exact search, {documents_count:,} documents, {queries_count:,} queries | GPU s | processor s | times |"
    yield "| --- | ---: | ---: | ---: |"
    for k in (100,) if quick else (100, 1000):
        there, here = (searching(kind, k) for kind in (DeviceTopK, PostingsTopK))
        for name in ("scores", "positions", "ranks"):
            if getattr(here, name).tobytes() != getattr(there, name).tobytes():
                raise RuntimeError(f"k {k}: the GPU's {name} differ from the processor's")
        yield _pair(
            f"k {k}, to the same bits", lambda k=k: searching(DeviceTopK, k), lambda k=k: searching(PostingsTopK, k)
        )


def encode(quick: bool, left: float) -> Iterator[str]:
    """Texts to sparse vectors in memory, in bfloat16, against SparseEncoder.encode under autocast."""
    from experiments.benchmarks.base_encoder import base_encoder, lengths, passages
    from harness.retrieval.encode import encode_all
    from harness.retrieval.encode_options import EncodeOptions

    yield "| encode in bfloat16 | ours s | SparseEncoder.encode s | times |\n| --- | ---: | ---: | ---: |"
    count = 128 if quick else 2048
    for size in VOCABULARIES[:1] if quick else VOCABULARIES[:2]:
        encoder = base_encoder(size, small=quick).to("cuda")
        texts = passages(size, lengths(count))

        def theirs(encoder: Any = encoder, texts: list[str] = texts) -> Any:
            with torch.autocast("cuda", torch.bfloat16):
                return encoder.encode(texts, batch_size=64, show_progress_bar=False, save_to_cpu=True)

        def mine(encoder: Any = encoder, texts: list[str] = texts) -> Any:
            return encode_all(encoder, texts, "document", EncodeOptions(precision="bfloat16"))

        yield _pair(f"{count:,} passages of {np.mean(lengths(count)):.0f} tokens, V {size:,}", mine, theirs)
        del encoder
        free()


def mixture(quick: bool, left: float) -> Iterator[str]:
    """Mixtures screened on the card against the processor's screen, to the same bits."""
    from experiments.benchmarks.initialize import SOURCE, TARGET, WIDTH, clustered
    from sembridge.mixture.mixture import UnitVectors, screened
    from sembridge.mixture.screening import Screen

    rng = np.random.default_rng(0)
    count, sources_count = (2_048, 8_192) if quick else (TARGET // 6, SOURCE)
    centers = rng.standard_normal((2500, 90), dtype=np.float32)
    spread = np.sqrt(np.linspace(1.9, 0.1, 90, dtype=np.float32) / (90 * WIDTH))
    axes = rng.standard_normal((90, WIDTH), dtype=np.float32) * spread[:, None]
    common = rng.standard_normal(WIDTH, dtype=np.float32) * np.float32(0.72 / np.sqrt(WIDTH))
    targets, sources = (clustered(size, common, centers, axes, rng) for size in (count, sources_count))
    queries, donors = UnitVectors(targets, np.arange(count)), UnitVectors(sources, np.arange(sources_count))

    def mixing(device: str, alpha: float) -> Any:
        return screened(queries, donors, [alpha], Screen(donors.points, len(donors), None, device))[0]

    yield f"| mixtures, {count:,} x {sources_count:,} | GPU screen s | processor's screen s | times |"
    yield "| --- | ---: | ---: | ---: |"
    for alpha in (4.0,) if quick else (4.0, 2.0, 1.5):
        there, here = mixing("cuda", alpha), mixing("cpu", alpha)
        if there.data.tobytes() != here.data.tobytes() or not np.array_equal(there.indices, here.indices):
            raise RuntimeError(f"alpha {alpha:g}: the GPU's mixture differs from the processor's")
        sides = (lambda alpha=alpha, device=device: mixing(device, alpha) for device in ("cuda", "cpu"))
        yield _pair(f"alpha {alpha:g}, to the same bits", *sides, rounds=1 if alpha < 2 else 2)


def _rows(job: str, sides: dict[str, Callable[[], Any]], quick: bool) -> Iterator[str]:
    results = in_turn(sides, 2 if quick else 5)
    for name in sides:
        if name not in results:
            yield f"| {job} | {name} | out of memory | | |"
            continue
        side = results[name]
        ratio = side["ms"] / results["ours"]["ms"] if "ours" in results else float("nan")
        yield f"| {job} | {name} | {side['ms']:.2f} | {ratio:.1f} x | {side['mb']:,.0f} |"
        print(f"  ({name}: first call {side['first_s']:.1f} s, slowest round {side['spread']:.2f} x)", flush=True)


def _pair(job: str, ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int = 3) -> str:
    from experiments.benchmarks.measure import compare

    row = compare(job, "", ours, theirs, rounds=rounds)
    return f"| {job} | {row.ours:.3f} | {row.theirs:.3f} | {row.ratio:.1f} x |"


def _calling(work: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: work(*arguments)
