"""The parts of the GPU table: each yields lines of Markdown as they are measured, until its time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch

from experiments.benchmarks.gpu.cases import Step, backward, heads, tensors
from experiments.benchmarks.gpu.sizes import Sizes
from experiments.benchmarks.gpu.timing import DEVICE, free, in_turn, largest

SIDES = "| job | side | ms | times ours | peak MB |\n| --- | --- | ---: | ---: | ---: |"
T = TypeVar("T")


def head(sizes: Sizes, end: float) -> Iterator[str]:
    """The sparse head alone: forward, and forward and backward."""
    yield SIDES
    for case in _until(end, sizes.heads):
        arguments = tensors(case.texts, case.length, case.size, case.width, case.active)
        upstream = torch.rand(case.texts, case.size, device=DEVICE)
        shape = f"{case.texts} texts of {case.length} tokens, D {case.width}, V {case.size:,}"
        if case.active < 1:
            shape += f", {case.active:.0%} of the outputs active"
        sides = heads(case.compiled)
        with torch.no_grad():
            work = {name: _calling(side, *arguments) for name, side in sides.items()}
            yield from _rows(f"head forward, {shape}", work, sizes.rounds)
        work = {name: _calling(backward, side, arguments, upstream) for name, side in sides.items()}
        yield from _rows(f"head forward and backward, {shape}", work, sizes.rounds)
        del arguments, upstream, work, sides
        free()


def profile(sizes: Sizes, end: float) -> Iterator[str]:
    """Where our head's time goes, by kernel, and the blocks that tuning chose."""
    from sembridge.encoder.triton_kernels import largest_logits

    case = sizes.heads[min(2, len(sizes.heads) - 1)]
    arguments = tensors(case.texts, case.length, case.size, case.width, case.active)
    upstream, ours = torch.rand(case.texts, case.size, device=DEVICE), heads(False)["ours"]
    backward(ours, arguments, upstream)
    with torch.profiler.profile() as seen:
        backward(ours, arguments, upstream)
    key = "self_device_time_total" if DEVICE == "cuda" else "self_cpu_time_total"
    yield f"Head forward and backward, {case.texts} texts of {case.length} tokens, V {case.size:,}, ms by kernel:"
    yield ""
    events = sorted(seen.key_averages(), key=lambda event: -getattr(event, key))[:12]
    for event in events:
        yield f"    {getattr(event, key) / 1e3:9.3f}  {event.count:4}  {event.key[:90]}"
    for chosen, config in largest_logits.cache.items():
        print(f"  (tuned for {chosen[:6]}: {config})", flush=True)


def step(sizes: Sizes, end: float) -> Iterator[str]:
    """A whole training step under autocast with fused AdamW: one body, several heads."""
    yield SIDES
    for case in _until(end, sizes.steps):
        training = Step(case.size, case.pairs, case.length, small=sizes.small)
        work = {name: _calling(training, side) for name, side in heads(case.compiled).items()}
        shape = f"{case.pairs} pairs of {case.length} tokens, V {case.size:,}"
        yield from _rows(f"training step, {shape}", work, sizes.rounds)
        del training, work
        free()


def batch(sizes: Sizes, end: float) -> Iterator[str]:
    """The largest batch of a training step that the card holds."""
    yield "| largest batch of a training step that fits | eager | ours | times |\n| --- | ---: | ---: | ---: |"
    for case in _until(end, sizes.steps):
        training = Step(case.size, 2, case.length, small=sizes.small)
        most = {name: largest(training.of_pairs(side), 2, sizes.most) for name, side in heads(False).items()}
        shape = f"pairs of {case.length} tokens, V {case.size:,}"
        yield f"| {shape} | {most['eager']:,} | {most['ours']:,} | {most['ours'] / max(1, most['eager']):.1f} x |"
        del training
        free()


def search(sizes: Sizes, end: float) -> Iterator[str]:
    """Exact search, on the card and on the processor, to the same bits."""
    from experiments.benchmarks.search import DOCUMENT_TERMS, QUERY_TERMS, WINDOW, vectors
    from sembridge.search.device_search import DeviceTopK
    from sembridge.search.postings import PostingsTopK

    rng = np.random.default_rng(0)
    documents, queries = vectors(sizes.documents, DOCUMENT_TERMS, rng), vectors(sizes.queries, QUERY_TERMS, rng)
    order = rng.permutation(sizes.documents)
    windows = [(start, documents[start : start + WINDOW]) for start in range(0, sizes.documents, WINDOW)]

    def searching(top: Any) -> Any:
        for start, window in windows:
            top.add(start, window)
        return top.best

    yield f"| exact search, {sizes.documents:,} documents, {sizes.queries:,} queries | GPU s | processor s | times |"
    yield "| --- | ---: | ---: | ---: |"
    for k in _until(end, sizes.ks):
        on_card, on_processor = (
            lambda k=k: searching(DeviceTopK(queries, k, order, DEVICE)),
            lambda k=k: searching(PostingsTopK(queries, k, order)),
        )
        there, here = on_card(), on_processor()
        for name in ("scores", "positions", "ranks"):
            if getattr(here, name).tobytes() != getattr(there, name).tobytes():
                raise RuntimeError(f"k {k}: the GPU's {name} differ from the processor's")
        yield _pair(f"k {k}, to the same bits", on_card, on_processor)


def encode(sizes: Sizes, end: float) -> Iterator[str]:
    """Texts to sparse vectors in memory, in bfloat16, against SparseEncoder.encode under autocast."""
    from experiments.benchmarks.base_encoder import base_encoder, lengths, passages
    from sembridge.search.encode import encode_all
    from sembridge.search.encode_options import EncodeOptions

    yield "| encode in bfloat16 | ours s | SparseEncoder.encode s | times |\n| --- | ---: | ---: | ---: |"
    for count, size in _until(end, sizes.passages):
        encoder, texts = base_encoder(size, small=sizes.small).to(DEVICE), passages(size, lengths(count))

        def theirs(encoder: Any = encoder, texts: list[str] = texts) -> Any:
            with torch.autocast(DEVICE, torch.bfloat16):
                return encoder.encode(texts, batch_size=64, show_progress_bar=False, save_to_cpu=True)

        def ours(encoder: Any = encoder, texts: list[str] = texts) -> Any:
            return encode_all(encoder, texts, "document", EncodeOptions(precision="bfloat16"))

        yield _pair(f"{count:,} passages of {np.mean(lengths(count)):.0f} tokens, V {size:,}", ours, theirs)


def mixture(sizes: Sizes, end: float) -> Iterator[str]:
    """Mixtures screened on the card and on the processor, to the same bits."""
    from experiments.benchmarks.initialize import WIDTH, clustered
    from sembridge.mixture.mixture import UnitVectors, screened
    from sembridge.mixture.screening import Screen
    from sembridge.mixture.whole_directions import rounds

    rng = np.random.default_rng(0)
    centers = rng.standard_normal((2500, 90), dtype=np.float32)
    spread = np.sqrt(np.linspace(1.9, 0.1, 90, dtype=np.float32) / (90 * WIDTH))
    axes = rng.standard_normal((90, WIDTH), dtype=np.float32) * spread[:, None]
    common = rng.standard_normal(WIDTH, dtype=np.float32) * np.float32(0.72 / np.sqrt(WIDTH))
    targets, sources = (clustered(count, common, centers, axes, rng) for count in (sizes.targets, sizes.sources))
    queries, donors = UnitVectors(targets, np.arange(len(targets))), UnitVectors(sources, np.arange(len(sources)))

    def mixing(device: str, alpha: float) -> Any:
        left, right = (replace(side, rounded=rounds(alpha)) for side in (queries, donors))  # as methods do
        return screened(left, right, [alpha], Screen(right.points, len(right), None, device))[0]

    yield f"| mixtures, {sizes.targets:,} x {sizes.sources:,} | GPU's screen s | processor's screen s | times |"
    yield "| --- | ---: | ---: | ---: |"
    for alpha in _until(end, sizes.alphas):
        there, here = mixing(DEVICE, alpha), mixing("cpu", alpha)
        if there.data.tobytes() != here.data.tobytes() or not np.array_equal(there.indices, here.indices):
            raise RuntimeError(f"alpha {alpha:g}: the GPU's mixture differs from the processor's")
        sides = (lambda alpha=alpha, device=device: mixing(device, alpha) for device in (DEVICE, "cpu"))
        yield _pair(f"alpha {alpha:g}, to the same bits", *sides, rounds=2)


def _until(end: float, cases: Iterable[T]) -> Iterator[T]:
    """Yield cases until the clock reaches `end`, and say which were left out."""
    for case in cases:
        if time.perf_counter() < end:
            yield case
        else:
            print(f"  (the part's time was up: {case} was not measured)", flush=True)


def _rows(job: str, sides: dict[str, Callable[[], Any]], rounds: int) -> Iterator[str]:
    results = in_turn(sides, rounds)
    for name in sides:
        if name not in results:
            yield f"| {job} | {name} | does not fit | | |"
            continue
        side = results[name]
        ratio = f"{side.times(results['ours']):.1f} x" if "ours" in results else ""
        yield f"| {job} | {name} | {side.ms:.2f} | {ratio} | {side.mb:,.0f} |"
        spread = max(side.rounds) / min(side.rounds)
        print(f"  ({name}: first call {side.first_s:.1f} s, slowest round {spread:.2f} x the fastest)", flush=True)


def _pair(job: str, ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int = 3) -> str:
    from experiments.benchmarks.measure import compare

    row = compare(job, "", ours, theirs, rounds=rounds)
    return f"| {job} | {row.ours:.3f} | {row.theirs:.3f} | {row.ratio:.1f} x |"


def _calling(work: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: work(*arguments)
