"""Embed the tokens of a vocabulary with a bridge of e5-small's shape: ours against `SentenceTransformer.encode`."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

from experiments.benchmarks.base_encoder import word_tokenizer
from experiments.benchmarks.measure import Row, compare

HELP = "tokens to bridge vectors, e5-small's shape, against SentenceTransformer.encode (float32)"
PROMPT = "query: "
TOGETHER = 1024  # texts, as in the published code of SemBridge
ALIKE = 0.13  # of the texts of a Korean vocabulary of 32,000 read like another one


def rows(quick: bool) -> list[Row]:
    count, rounds = (256, 1) if quick else (2_000, 3)
    from sembridge.encoder.embed import embed

    model, texts = _bridge(small=quick), _texts(count)
    distinct, job = len(set(texts)), f"embed {count:,} tokens with a bridge of 12 layers of 384"

    def ours() -> None:
        embed(model, texts, prompt=PROMPT)

    def theirs() -> None:
        model.encode(texts, prompt=PROMPT, show_progress_bar=False)

    def theirs_together() -> None:
        model.encode(texts, prompt=PROMPT, batch_size=TOGETHER, show_progress_bar=False)

    note = f"{count - distinct:,} of the texts read like another; products in float32 bound the ratio, see Bridge below"
    against = "SentenceTransformer.encode"
    return [
        compare(job, against, ours, theirs, rounds=rounds, goal=5, note=note),
        compare(job, f"{against}, batches of {TOGETHER:,}", ours, theirs_together, rounds=rounds, goal=5, note=note),
    ]


def _bridge(small: bool) -> Any:
    """Return a SentenceTransformer with random weights; its tokenizer cuts texts into words "a" to "z"."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from tokenizers import pre_tokenizers
    from transformers import BertConfig, BertModel

    words = ["query", ":", *map(chr, range(ord("a"), ord("z") + 1))]
    tokenizer = word_tokenizer(words, pre_tokenizers.BertPreTokenizer())
    size, layers = (48, 2) if small else (384, 12)
    shape = {"hidden_size": size, "num_hidden_layers": layers, "intermediate_size": 4 * size}
    with tempfile.TemporaryDirectory() as folder:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            BertModel(BertConfig(vocab_size=len(tokenizer), num_attention_heads=12, **shape)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        modules = [Transformer(folder), Pooling(size), Normalize()]
    return SentenceTransformer(modules=modules, device="cpu")


def _texts(count: int) -> list[str]:
    """Return texts of 2 to 6 tokens (with the prompt and marks: 6 to 10) as often as in a Korean vocabulary."""
    rng = np.random.default_rng(0)
    lengths = rng.choice([2, 3, 4, 5, 6], count, p=[0.15, 0.65, 0.17, 0.026, 0.004])
    texts = [" ".join(map(chr, rng.integers(ord("a"), ord("z") + 1, length))) for length in lengths]
    again = rng.random(count) < ALIKE
    return [texts[rng.integers(0, place)] if place and again[place] else text for place, text in enumerate(texts)]
