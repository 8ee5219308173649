"""Measure what this machine does for one cell, in about half a minute: products of matrices, and small real pieces of the costly stages."""

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
_ENCODING, _TRAINING = 3.0, 6.0  # seconds these two should take, at a third of the rate of matrix products
_CORPUS = 1_000_000  # documents that are said to come: many, as where scoring takes long, but only these are scored:
_DOCUMENTS, _QUERIES, _FREQUENT = (
    16_384,
    512,
    2000,
)  # of 128 and 32 active dimensions, drawn from as many as texts share; ours


def calibrate(preset: Preset, encoders: Iterable[Source], sizes: Sizes, say: Callable[[str], None]) -> Rates:
    """Rates with the threads of one cell, on the GPU if torch can use one.

    encoders  whose largest body is measured, as BERT-base if it is larger, or not known
    say       is told what is measured, before it is
    """
    body, vocabulary = _shape(encoders, sizes)
    threads, before = max(1, int(preset.resources.cpus_per_cell)), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        auto = "bfloat16" if in_bfloat16(device, "auto") else "float32"
        wanted = {auto if one == "auto" else one for one in (preset.evaluation.precision, _training_precision(preset))}
        precisions = sorted({"float32"} | wanted, reverse=True)
        say(f"products of matrices in {' and '.join(precisions)}")
        multiply = {precision: _products(device, precision) for precision in precisions}
        evaluation = auto if preset.evaluation.precision == "auto" else preset.evaluation.precision
        with tempfile.TemporaryDirectory(prefix="sembridge-calibration-") as folder, torch.random.fork_rng():
            say(f"an encoding by a random model ({body.layers} layers of {body.dimension}, {vocabulary:,} tokens)")
            encoder = _random_encoder(Path(folder), body, vocabulary, device)
            token = forward(body.parameters, body.dimension, vocabulary)
            encode = _encoding(encoder, token, multiply[evaluation], evaluation)
            training = _training_precision(preset)
            say("a step of its training")
            train = _training(encoder, token, multiply[auto if training == "auto" else training], training, preset)
        del encoder
        say("mixing rows, scoring documents" + (", fastText" if "focus" in preset.initializers else ""))
        name = (
            torch.cuda.get_device_name()
            if device.type == "cuda"
            else f"CPU, {threads} thread{'s' if threads > 1 else ''}"
        )
        words = _words() if "focus" in preset.initializers else 0.0
        return Rates(
            name, threads, multiply, encode, train, _mixing(preset, vocabulary), _scoring(vocabulary), words, auto
        )
    finally:
        torch.set_num_threads(before)


def _shape(encoders: Iterable[Source], sizes: Sizes) -> tuple[Body, int]:
    found: list[tuple[Body, int]] = []
    for encoder in encoders:
        try:
            found.append((sizes.body(encoder), sizes.vocabulary(encoder)))
        except UnknownError:
            found.append((BASE, VOCABULARY))
    body = max((one for one, _ in found), key=lambda one: one.parameters, default=BASE)
    return min(body, BASE, key=lambda one: one.parameters), min(
        VOCABULARY, max((size for _, size in found), default=VOCABULARY)
    )


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
def _products(device: torch.device, precision: str) -> float:
    """FLOP/s, the best of some: the others were disturbed."""
    size = 8192 if device.type == "cuda" else 1024
    generator = torch.Generator(device).manual_seed(0)
    left, right = (
        torch.randn(size, size, device=device, generator=generator).to(getattr(torch, precision)) for _ in range(2)
    )
    _seconds(device, lambda: linear(left, right))
    best, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < 0.5:
        best = min(best, _seconds(device, lambda: linear(left, right)))
    return 2 * size**3 / best


def _random_encoder(folder: Path, body: Body, vocabulary: int, device: torch.device) -> Any:
    """A sparse encoder of that shape, whose tokenizer reads w0, w1, ... as a token each."""
    from huggingface_hub.utils import disable_progress_bars
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer
    from transformers.utils import logging

    from sembridge.encoder.loading import load_encoder

    disable_progress_bars()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    BertTokenizer(
        vocab={token: i for i, token in enumerate([*specials, *_made_words(vocabulary - len(specials))])}
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=vocabulary, hidden_size=body.dimension, num_hidden_layers=body.layers, intermediate_size=body.inner,
        num_attention_heads=max(1, body.dimension // 64),
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    return load_encoder(str(folder), device=str(device))


def _made_words(count: int) -> list[str]:
    return [f"w{i}" for i in range(count)]


def _texts(count: int, tokens: int, vocabulary: int) -> list[str]:
    """Texts of so many tokens, two special ones among them."""
    generator = np.random.default_rng(0)
    return [" ".join(f"w{i}" for i in generator.integers(0, vocabulary - 10, tokens - 2)) for _ in range(count)]


def _encoding(encoder: Any, token: float, rate: float, precision: str) -> float:
    """Share of `rate` that encoding passages attains, from texts to sparse vectors."""
    from harness.retrieval.encode import encode
    from harness.retrieval.encode_options import EncodeOptions

    device, vocabulary = encoder.device, len(encoder.tokenizer)
    count = _fitting(_ENCODING, rate, token * PASSAGE, 2048)
    texts = _texts(count, PASSAGE, vocabulary)

    def run(chosen: list[str]) -> Callable[[], Any]:
        return lambda: list(encode(encoder, chosen, "document", EncodeOptions(precision=precision)))

    _seconds(device, run(texts if device.type == "cuda" else texts[:1]))  # the first time libraries are loaded
    return token * PASSAGE * count / _seconds(device, run(texts)) / rate


def _training(encoder: Any, token: float, rate: float, precision: str, preset: Preset) -> float:
    """Share of `rate` that a step of the training loop attains, the optimizer's included."""
    from harness.training.loop import Pair, train

    device, vocabulary = encoder.device, len(encoder.tokenizer)
    count = max(2, _fitting(_TRAINING, rate, 3 * token * (PASSAGE + QUESTION), preset.training.batch_size))
    sides = _texts(count, QUESTION, vocabulary), _texts(count, PASSAGE, vocabulary)
    pairs = [Pair(question, passage, i) for i, (question, passage) in enumerate(zip(*sides, strict=True))]
    settings = preset.training.model_copy(
        update={"batch_size": count, "epochs": 1, "max_pairs": None, "precision": precision}
    )
    if device.type == "cuda":
        train(encoder, pairs, settings, 0)
    return (
        3 * token * (PASSAGE + QUESTION) * count / _seconds(device, lambda: train(encoder, pairs, settings, 0)) / rate
    )


def _fitting(seconds: float, rate: float, flop: float, most: int) -> int:
    """How many pieces of work fit into so much time at a third of the rate."""
    return int(min(most, max(1, seconds * rate / 3 / flop)))


def _mixing(preset: Preset, vocabulary: int) -> float:
    """FLOP/s of mixtures, counted as 2 R S K, of vectors whose cosines are spread as a bridge's are: mean .45, deviation .07, best about .8."""
    from sembridge.mixture.entmax import product_mixture, unit

    rows, dimensions, spread = 256, 1024, 64
    generator = np.random.default_rng(0)

    def vectors(own: np.ndarray) -> np.ndarray:
        made = np.zeros((len(own), dimensions))
        made[:, 0], made[:, 1 : 1 + spread] = 0.45**0.5, 0.55**0.5 * unit(own)
        return made

    donors = generator.standard_normal((vocabulary, spread))
    queries = donors[generator.integers(0, vocabulary, rows)] + 1.2 * generator.standard_normal((rows, spread))
    offers, asked, alpha = vectors(donors), vectors(queries), max(preset.alphas)
    product_mixture(asked[:2], offers, alpha)  # what is compiled is compiled now
    return (
        2
        * rows
        * vocabulary
        * dimensions
        / _seconds(torch.device("cpu"), lambda: product_mixture(asked, offers, alpha))
    )


def _scoring(vocabulary: int) -> float:
    """Pairs of query and document scored in a second."""
    from scipy import sparse

    from harness.retrieval.search import top_k

    generator = np.random.default_rng(0)

    def made(count: int, active: int) -> sparse.csr_array:
        columns = generator.integers(0, min(_FREQUENT, vocabulary), count * active)
        weights = generator.random(count * active, dtype=np.float32)
        return sparse.csr_array((weights, (np.repeat(np.arange(count), active), columns)), shape=(count, vocabulary))

    queries, documents, order = made(_QUERIES, 32), made(_DOCUMENTS, 128), np.arange(_CORPUS)

    def search(count: int) -> None:
        found = top_k(queries, 100, order)
        for start in range(0, count, 512):
            found.add(start, documents[start : start + 512])
        assert found.best is not None  # documents may have waited to be scored together

    search(512)  # what is compiled is compiled now
    return _QUERIES * _DOCUMENTS / _seconds(torch.device("cpu"), lambda: search(_DOCUMENTS))


def _words() -> float:
    """Words a second through fastText, under the settings of FOCUS but with few hash slots."""
    from baselines.focus import Focus
    from baselines.vectors.fasttext import train

    generator = np.random.default_rng(0)
    corpus = [[f"word{i}" for i in line] for line in generator.integers(0, 2000, (600, 64)).tolist()]
    settings = {
        name: getattr(Focus, name)
        for name in ("dimension", "negative", "min_n", "max_n", "window", "learning_rate", "sample", "seed")
    }
    seconds = _seconds(torch.device("cpu"), lambda: train(corpus, **settings, epochs=1, min_count=1, buckets=20_000))
    return 600 * 64 / seconds
