"""Measure the speed of this machine for one cell, in about half a minute: matrix products and small costly stages."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.estimate.costs import Rates, forward
from harness.estimate.sizes import BASE, PASSAGE, QUESTION, Body, Sizes, UnknownError
from harness.plan.preset import Preset
from harness.store.artifact import Source
from sembridge.encoder.head import in_bfloat16
from sembridge.encoder.matmul import linear

VOCABULARY = 30_522
_ENCODING, _TRAINING = 3.0, 6.0  # seconds that these two should take, at a third of the rate of matrix products
_CORPUS = 1_000_000  # documents announced to the search, as many as where scoring takes long; it scores fewer:
_DOCUMENTS, _QUERIES = 16_384, 512  # of 128 and 32 active dimensions
_ALPHA = 6.0  # what alpha auto is likely to be
_FREQUENT = 2000  # dimensions they are drawn from, about as many as texts share; our choice


def calibrate(preset: Preset, encoders: Iterable[Source], sizes: Sizes, say: Callable[[str], None]) -> Rates:
    """Measure rates with the threads of one cell, on the GPU if torch can use one.

    encoders  the largest body among them is measured; BERT-base instead of a larger or an unknown one
    say       is called with a description before each measurement
    """
    body, vocabulary = _shape(encoders, sizes)
    threads, before = max(1, int(preset.resources.cpus_per_cell)), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        auto = "bfloat16" if in_bfloat16(device, "auto") else "float32"
        evaluation, training = (
            auto if precision == "auto" else precision
            for precision in (preset.evaluation.precision, _training_precision(preset))
        )
        precisions = sorted({"float32", evaluation, training}, reverse=True)
        say(f"products of matrices in {' and '.join(precisions)}")
        multiply = {precision: _measure_products(device, precision) for precision in precisions}
        with tempfile.TemporaryDirectory(prefix="sembridge-calibration-") as folder, torch.random.fork_rng():
            say(f"an encoding by a random model ({body.layers} layers of {body.dimension}, {vocabulary:,} tokens)")
            encoder = _random_encoder(Path(folder), body, vocabulary, device)
            token = forward(body.parameters, body.dimension, vocabulary)
            encode = _measure_encoding(encoder, token, multiply[evaluation], evaluation)
            say("a step of its training")
            train = _measure_training(encoder, token, multiply[training], preset)
        del encoder
        fasttext = "focus" in preset.initializers
        say("mixing rows, scoring documents" + (", fastText" if fasttext else ""))
        name = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
        if device.type == "cuda":
            name = torch.cuda.get_device_name()
        words = _measure_words() if fasttext else 0.0
        mix, pairs = _measure_mixing(preset, vocabulary), _measure_scoring(vocabulary)
        return Rates(name, threads, multiply, encode, train, mix, pairs, words, auto)
    finally:
        torch.set_num_threads(before)


def _shape(encoders: Iterable[Source], sizes: Sizes) -> tuple[Body, int]:
    """Return the largest body and vocabulary, at most those of BERT-base."""
    shapes: list[tuple[Body, int]] = []
    for encoder in encoders:
        try:
            shapes.append((sizes.body(encoder), sizes.vocabulary(encoder)))
        except UnknownError:
            shapes.append((BASE, VOCABULARY))
    largest = max((body for body, _ in shapes), key=lambda body: body.parameters, default=BASE)
    vocabulary = max((size for _, size in shapes), default=VOCABULARY)
    return min(largest, BASE, key=lambda body: body.parameters), min(VOCABULARY, vocabulary)


def _training_precision(preset: Preset) -> str:
    return preset.training.precision if "fine-tuned" in preset.regimes else preset.evaluation.precision


def _seconds(device: torch.device, work: Callable[[], Any]) -> float:
    _wait(device)
    start = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


@torch.inference_mode()
def _measure_products(device: torch.device, precision: str) -> float:
    """Return the FLOP/s of the fastest of several products: the slower ones were disturbed."""
    size = 8192 if device.type == "cuda" else 1024
    generator, dtype = torch.Generator(device).manual_seed(0), getattr(torch, precision)
    left, right = (torch.randn(size, size, device=device, generator=generator).to(dtype) for _ in range(2))
    _seconds(device, lambda: linear(left, right))
    best, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < 0.5:
        best = min(best, _seconds(device, lambda: linear(left, right)))
    return 2 * size**3 / best


def _random_encoder(folder: Path, body: Body, vocabulary: int, device: torch.device) -> Any:
    """Return a sparse encoder of that shape, whose tokenizer reads w0, w1, ... as one token each."""
    from huggingface_hub.utils import disable_progress_bars
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer
    from transformers.utils import logging

    from sembridge.encoder.loading import load_encoder

    disable_progress_bars()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += [f"w{i}" for i in range(vocabulary - len(tokens))]
    BertTokenizer(vocab={token: i for i, token in enumerate(tokens)}).save_pretrained(folder)
    config = BertConfig(
        vocab_size=vocabulary, hidden_size=body.dimension, num_hidden_layers=body.layers, intermediate_size=body.inner,
        num_attention_heads=max(1, body.dimension // 64),
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    return load_encoder(str(folder), device=str(device))


def _texts(count: int, tokens: int, vocabulary: int) -> list[str]:
    """Return texts of so many tokens, two special ones among them."""
    generator = np.random.default_rng(0)
    return [" ".join(f"w{i}" for i in generator.integers(0, vocabulary - 10, tokens - 2)) for _ in range(count)]


def _measure_encoding(encoder: Any, token: float, rate: float, precision: str) -> float:
    """Return the share of `rate` (FLOP/s) that encoding passages attains, from texts to sparse vectors.

    token  FLOP of one token
    """
    from sembridge.search.encode import encode
    from sembridge.search.encode_options import EncodeOptions

    device, vocabulary = encoder.device, len(encoder.tokenizer)
    count = _count(_ENCODING, rate, token * PASSAGE, 2048)
    texts = _texts(count, PASSAGE, vocabulary)

    def run(batch: list[str]) -> Callable[[], Any]:
        return lambda: list(encode(encoder, batch, "document", EncodeOptions(precision=precision)))

    _seconds(device, run(texts if device.type == "cuda" else texts[:1]))  # the first call also loads libraries
    return token * PASSAGE * count / _seconds(device, run(texts)) / rate


def _measure_training(encoder: Any, token: float, rate: float, preset: Preset) -> float:
    """Return the share of `rate` (FLOP/s) that a step of the training loop attains, with the optimizer's part."""
    from harness.training.loop import Pair, train

    device, vocabulary = encoder.device, len(encoder.tokenizer)
    flop = 3 * token * (PASSAGE + QUESTION)  # of one pair
    count = max(2, _count(_TRAINING, rate, flop, preset.training.batch_size))
    sides = _texts(count, QUESTION, vocabulary), _texts(count, PASSAGE, vocabulary)
    pairs = [Pair(question, passage, i) for i, (question, passage) in enumerate(zip(*sides, strict=True))]
    changes = {"batch_size": count, "epochs": 1, "max_pairs": None, "precision": _training_precision(preset)}
    settings = preset.training.model_copy(update=changes)
    if device.type == "cuda":
        train(encoder, pairs, settings, 0)
    return flop * count / _seconds(device, lambda: train(encoder, pairs, settings, 0)) / rate


def _count(seconds: float, rate: float, flop: float, most: int) -> int:
    """Return how many pieces of work fit into so much time at a third of the rate, at most `most`."""
    return int(min(most, max(1, seconds * rate / 3 / flop)))


def _measure_mixing(preset: Preset, vocabulary: int) -> float:
    """Return the FLOP/s of mixtures, counted as 2 R S K.

    The vectors' cosines are spread as a bridge's are: mean .45, deviation .07, best about .8.
    """
    from sembridge.mixture.entmax import product_mixture, unit

    rows, dimensions, spread = 256, 1024, 64
    generator = np.random.default_rng(0)

    def vectors(directions: np.ndarray) -> np.ndarray:
        embedded = np.zeros((len(directions), dimensions))
        embedded[:, 0], embedded[:, 1 : 1 + spread] = 0.45**0.5, 0.55**0.5 * unit(directions)
        return embedded

    source = generator.standard_normal((vocabulary, spread))
    target = source[generator.integers(0, vocabulary, rows)] + 1.2 * generator.standard_normal((rows, spread))
    keys, queries, alpha = vectors(source), vectors(target), max(preset.alphas) or _ALPHA
    product_mixture(queries[:2], keys, alpha)  # compile before the measurement
    seconds = _seconds(torch.device("cpu"), lambda: product_mixture(queries, keys, alpha))
    return 2 * rows * vocabulary * dimensions / seconds


def _measure_scoring(vocabulary: int) -> float:
    """Return how many pairs of query and document are scored in a second."""
    from scipy import sparse

    from sembridge.search.exact_search import top_k

    generator = np.random.default_rng(0)

    def vectors(count: int, active: int) -> sparse.csr_array:
        columns = generator.integers(0, min(_FREQUENT, vocabulary), count * active)
        weights = generator.random(count * active, dtype=np.float32)
        return sparse.csr_array((weights, (np.repeat(np.arange(count), active), columns)), shape=(count, vocabulary))

    queries, documents, order = vectors(_QUERIES, 32), vectors(_DOCUMENTS, 128), np.arange(_CORPUS)

    def search(count: int) -> None:
        top = top_k(queries, 100, order)
        for start in range(0, count, 512):
            top.add(start, documents[start : start + 512])
        assert top.best is not None  # scores the documents that are still waiting to be scored together

    search(512)  # compile before the measurement
    return _QUERIES * _DOCUMENTS / _seconds(torch.device("cpu"), lambda: search(_DOCUMENTS))


def _measure_words() -> float:
    """Return the words a second through fastText, with the settings of FOCUS but few hash slots."""
    from baselines.focus import Focus
    from baselines.vectors.fasttext import train

    generator = np.random.default_rng(0)
    corpus = [[f"word{i}" for i in line] for line in generator.integers(0, 2000, (600, 64)).tolist()]
    names = ("dimension", "negative", "min_n", "max_n", "window", "learning_rate", "sample", "seed")
    settings = {name: getattr(Focus, name) for name in names}
    seconds = _seconds(torch.device("cpu"), lambda: train(corpus, **settings, epochs=1, min_count=1, buckets=20_000))
    return 600 * 64 / seconds
