"""Encode passages with an encoder of BERT-base's shape: float32, and bfloat16 where it is fast, against `encode`."""

from __future__ import annotations

from functools import partial

from experiments.benchmarks.base_encoder import base_encoder, lengths, passages
from experiments.benchmarks.measure import Ours, Row, compare_all

HELP = "passages to sparse vectors, BERT-base shape, against SparseEncoder.encode (float32)"


def rows(quick: bool) -> list[Row]:
    return [row for vocabulary in (30_522, 119_547) for row in _rows(vocabulary, quick)]


def _rows(vocabulary: int, quick: bool) -> list[Row]:
    from sembridge.processor import paths
    from sembridge.search.encode import encode_all, length_batches
    from sembridge.search.encode_options import EncodeOptions

    count, rounds = (16, 1) if quick else (96, 2)
    sizes = sorted(lengths(count))
    encoder, texts = base_encoder(vocabulary, small=quick), passages(vocabulary, lengths(count))
    batches = length_batches(range(count), [range(size) for size in sizes])
    padded = sum(len(batch) * sizes[batch[-1]] for batch in batches)
    note = f"{1 - sum(sizes) / padded:.0%} of our tokens are pads"
    job = f"encode {count} passages of {sum(sizes) / count:.0f} tokens, V {vocabulary:,}"

    def ours(precision: str) -> None:
        encode_all(encoder, texts, "document", EncodeOptions(precision=precision))

    def theirs() -> None:
        encoder.encode(texts, show_progress_bar=False)

    against = "SparseEncoder.encode, float32"
    sides = [
        Ours(f"{job}, {precision}", partial(ours, precision), goal, note)
        for precision, goal in (("float32", 2.5), ("bfloat16", 4.0))
        if precision == "float32" or paths.bfloat16_slower() is None  # nobody chooses it where it takes longer
    ]
    return compare_all(sides, against, theirs, rounds=rounds)
