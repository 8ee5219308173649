"""Encode with what was exported, as its page says: onnxruntime and tokenizers, without torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from scipy import sparse
from tokenizers import Tokenizer

from harness.export.graph.facts import MODEL, OUTPUT, QUERY_TOKENIZER, QUERY_WEIGHTS, TOKENIZER
from harness.export.weights import csr

BATCH = 8
"""Texts that are read together; the shorter ones are padded."""
BUILT_IN = (
    "Where do I find the opening hours?",
    "library",
    "The old bridge across the river was closed for repairs in 1987, and reopened two years later.",
    "비밀번호를 잊어버렸어요. 어떻게 다시 설정하나요?",
    "서울에서 부산까지",
    "Как приготовить борщ без мяса?",
    "¿Dónde está la estación más cercana?",
    "東京の天気",
    "e-mail: name@example.org, +49 30 1234567",
    "A",
    "42",
    "price " * 700,
)
"""Texts to compare with where no others are given: of several scripts, short ones and one of 700 words."""

Vectors = Callable[[Sequence[str]], sparse.csr_array]
"""Texts, their prompt already before them, to vectors [N, V]."""


def graph_vectors(folder: Path, inputs: Sequence[str], dimensions: int) -> Vectors:
    """Return what encodes texts with the graph of an export, on the processor."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(str(folder / MODEL), options, providers=["CPUExecutionProvider"])

    def encode(texts: Sequence[str]) -> sparse.csr_array:
        rows = [sparse.csr_array((0, dimensions), dtype=np.float32)]
        for start in range(0, len(texts), BATCH):
            batch = tokenizer.encode_batch(texts[start : start + BATCH])
            rows.append(sparse.csr_array(_weights(session, batch, inputs, dimensions)))
        return sparse.csr_array(sparse.vstack(rows, format="csr"))

    return encode


def lookup_vectors(folder: Path, dimensions: int) -> Vectors:
    """Return what looks up the tokens of queries in the weights of an export, for an inference-free encoder."""
    tokenizer = Tokenizer.from_file(str(folder / QUERY_TOKENIZER))
    stored = json.loads((folder / QUERY_WEIGHTS).read_text(encoding="utf-8"))
    weights = {int(dimension): weight for dimension, weight in stored.items()}

    def encode(texts: Sequence[str]) -> sparse.csr_array:
        encoded = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        tokens = [sorted({token for token in text.ids if token in weights}) for text in encoded]
        return csr([(row, [weights[token] for token in row]) for row in tokens], dimensions)

    return encode


def _weights(session: Any, batch: Sequence[Any], inputs: Sequence[str], dimensions: int) -> np.ndarray:
    """Return the output of the graph for texts [B, V]; a graph takes no batch without a single token."""
    ids = np.array([text.ids for text in batch], dtype=np.int64)
    if not ids.size:
        return np.zeros((len(batch), dimensions), dtype=np.float32)
    mask = np.array([text.attention_mask for text in batch], dtype=np.int64)
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    (weights,) = session.run([OUTPUT], {name: feed[name] for name in inputs})
    return weights
