"""`python -m experiments.benchmarks.stream --documents 2000000`: an evaluation whose memory grows with ids only.

It is the grid's own stage, from a collection on disk to a run and its scores, over generated documents. The encoder is
as small as possible, so that the documents and not the model take the time. Three sizes run in a process each; the
counts of the result are checked against what was generated.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.benchmarks.measure import hardware, peak_mb, seconds
from harness.evaluation.measurement import MEASUREMENT, RUN

QUERIES, KEPT, TOKENS = 20, 100, 8
WORDS = [
    f"{first}{second}"
    for first in ("ka", "lo", "mi", "nu", "pe", "ra", "so", "tu")
    for second in ("bel", "dor", "fin", "gas", "hul", "jim")
]


@dataclass(frozen=True)
class Streamed:
    """peak_mb: MB (10^6 bytes) by which the evaluation raised the peak; None if the system does not count them."""

    documents: int
    seconds: float
    peak_mb: float | None


def main() -> int:
    program, description = (
        "python -m experiments.benchmarks.stream",
        "Memory and speed of an evaluation as a corpus grows.",
    )
    parser = argparse.ArgumentParser(prog=program, description=description)
    help_text = "of the largest collection; the others have 1/4 and 1/16 of them"
    parser.add_argument("--documents", type=int, default=2_000_000, metavar="N", help=help_text)
    largest = parser.parse_args().documents
    if largest < 16 * KEPT:
        parser.error(f"--documents {largest} is too few; give {16 * KEPT} or more")
    print(hardware())
    print(f"{'documents':>12}{'seconds':>10}{'documents/s':>14}{'peak MB':>10}")
    for documents in (largest // 16, largest // 4, largest):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            result = pool.apply(streamed, (documents,))
        peak = "unknown" if result.peak_mb is None else f"{result.peak_mb:.0f}"
        print(f"{documents:>12,}{result.seconds:>10.1f}{documents / result.seconds:>14,.0f}{peak:>10}", flush=True)
    return 0


def streamed(documents: int) -> Streamed:
    """Generate a collection, evaluate on it, check the counts."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)  # small products: more threads would wait for each other
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder, 16 * KEPT)
        evaluate(folder, folder / "first", 16 * KEPT)  # imports and buffers, which occur once
        generate(folder, documents)
        taken: list[float] = []
        peak = peak_mb(lambda: taken.append(seconds(lambda: evaluate(folder, folder / "out", documents))))
    return Streamed(documents, taken[0], peak)


def generate(folder: Path, documents: int, words: int = 5) -> None:
    """Write a tiny encoder, and a collection of `documents` random texts of which the first answer a query each."""
    from harness.collections import beir

    write_encoder(folder / "encoder")
    queries = [(f"q{i}", f"{WORDS[i]} {WORDS[-1 - i]}") for i in range(QUERIES)]
    judgments = [(f"q{i}", f"d{i:07d}", 1) for i in range(QUERIES)]
    beir.write(folder / "collection", texts(documents, words), queries, judgments)


def texts(documents: int, words: int) -> Iterator[tuple[str, str, str]]:
    rng = random.Random(1)
    for number in range(documents):
        yield f"d{number:07d}", "", " ".join(rng.choices(WORDS, k=words))


def write_encoder(folder: Path) -> None:
    """Write a masked LM of one layer and 16 dimensions with random weights and a bias that keeps its vectors sparse."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    from harness.pocket.tokenizers import wordpiece

    tokenizer = wordpiece(WORDS, 200, lowercase=True)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 16}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shape = {"vocab_size": len(tokenizer), "max_position_embeddings": 16, **sizes}
        model = BertForMaskedLM(BertConfig(initializer_range=0.3, **shape))
    with torch.no_grad():
        model.cls.predictions.bias -= 1
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def evaluate(folder: Path, out: Path, documents: int) -> None:
    """Run the stage; AssertionError if it missed documents, or if the run has another size or range than expected."""
    from harness.evaluation import stage
    from harness.store.artifact import Location

    out.mkdir()
    inputs = {name: Location(str(folder / name)) for name in ("encoder", "collection")}
    stage.build(out, {"k": KEPT, "max_length": TOKENS, "precision": "float32"}, inputs)
    measurement = json.loads((out / MEASUREMENT).read_text(encoding="utf-8"))
    assert (measurement["documents"], measurement["queries"]) == (documents, QUERIES), measurement
    with gzip.open(out / RUN, "rt", encoding="utf-8") as run:
        ranked = [int(line.split()[2].removeprefix("d")) for line in run]
    assert len(ranked) == QUERIES * KEPT, f"{len(ranked)} lines, not {QUERIES} queries of {KEPT} documents"
    spans = min(ranked) < documents / 4 and documents * 3 / 4 < max(ranked) < documents
    assert spans, "the run does not reach through the whole collection"


if __name__ == "__main__":
    sys.exit(main())
