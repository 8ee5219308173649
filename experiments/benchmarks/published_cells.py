"""Cells of a grid one after another with the published pieces, as a script without a store computes them.

The pieces: the reference initializer's algorithm (written from the description in docs/fidelity.md, not from its code),
`resize_token_embeddings`, SparseEncoderTrainer, SparseInformationRetrievalEvaluator.
`python -m experiments.benchmarks.published_cells JOB RESULT` reads a job from a JSON file and writes the scores and the
seconds of the pieces of every cell.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

MANY_MARKS = 100  # a vocabulary with more "##" tokens than these is WordPiece
SEED = 42


def main() -> None:
    start = time.perf_counter()
    import sentence_transformers  # noqa: F401  the import takes seconds and counts as a piece of its own

    imports = time.perf_counter() - start
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    cells = [compute(job, cell) for cell in job["cells"]]
    Path(sys.argv[2]).write_text(json.dumps({"imports": imports, "cells": cells}), encoding="utf-8")


def compute(job: dict[str, Any], cell: dict[str, Any]) -> dict[str, Any]:
    """Return {"scores", "seconds": by piece} of one cell.

    job   `training` as in a preset
    cell  `initializer` (sembridge | mean | random | univariate | multivariate), `alpha`, `regime`, and the folders
          `encoder`, `tokenizer`, `collection`, `bridge` for sembridge and `pairs` for fine-tuned
    """
    from harness.collections import beir

    clock = Clock()
    with clock("load"):
        encoder, tokenizer = load(cell["encoder"], cell["tokenizer"])
    model = encoder[0].model
    rows = model.get_input_embeddings().weight.detach().clone()
    tokenizers = [encoder.tokenizer, tokenizer]
    if cell["initializer"] == "sembridge":
        with clock("bridge"):
            texts, vectors = embed_vocabularies(cell["bridge"], tokenizers)
        with clock("initialize"):
            new = mix(rows, tokenizers, texts, vectors, cell["alpha"])
    else:
        with clock("initialize"):
            copied = copies(tokenizers, [texts_of(each) for each in tokenizers])
            new = draw(rows, len(tokenizer), copied, cell["initializer"], model.config.initializer_range)
    with clock("transplant"):
        transplant(encoder, tokenizer, new)
    if cell["regime"] == "fine-tuned":
        with clock("train"):
            pairs = beir.training_pairs(Path(cell["pairs"]))
            train(encoder, [(query, text) for query, _, text in pairs], job["training"])
    with clock("evaluate"):
        scores = evaluate(encoder, beir.load(Path(cell["collection"])))
    return {"scores": scores, "seconds": clock.seconds}


class Clock:
    """Measure seconds by the name of a piece of work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, piece: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[piece] = time.perf_counter() - start


def load(encoder: str, tokenizer: str) -> tuple[Any, Any]:
    from sentence_transformers import SparseEncoder
    from transformers import AutoTokenizer

    return SparseEncoder(encoder), AutoTokenizer.from_pretrained(tokenizer)


def texts_of(tokenizer: Any) -> dict[int, str]:
    """Return id -> the bridge's input: the decoded id; for nothing or a special in brackets, the stored token."""
    texts = {}
    for token, token_id in tokenizer.get_vocab().items():
        text = tokenizer.decode([token_id]).strip()
        texts[token_id] = token if not text or (text.startswith("[") and text.endswith("]")) else text
    return texts


def embed_vocabularies(bridge: str, tokenizers: list[Any]) -> tuple[list[dict[int, str]], list[Any]]:
    """Return texts and vectors [V, K] of both vocabularies, rows in the order of the ids."""
    from sentence_transformers import SentenceTransformer

    model, vocabularies = SentenceTransformer(bridge), [texts_of(tokenizer) for tokenizer in tokenizers]
    ordered = [[texts[i] for i in sorted(texts)] for texts in vocabularies]
    return vocabularies, [model.encode(texts, batch_size=1024, convert_to_tensor=True) for texts in ordered]


def copies(tokenizers: list[Any], texts: list[dict[int, str]]) -> dict[int, int]:
    """Return target id -> the source id whose row it copies: of the same form, else of the same form in lower case.

    Of several in lower case, a continuation that is itself in lower case comes first.
    """
    same_form: dict[str, int] = {}
    same_key: dict[str, list[int]] = {}
    source, target = (forms(tokenizer, own) for tokenizer, own in zip(tokenizers, texts, strict=True))
    for source_id, form in sorted(source.items()):
        same_form[form] = source_id
        key = form.lstrip("^").lower()
        ids = same_key.setdefault(key, [])
        ids.insert(0 if form == key else len(ids), source_id)
    copied = {}
    for target_id, form in target.items():
        key = form.lstrip("^").lower()
        if form in same_form:
            copied[target_id] = same_form[form]
        elif key in same_key:
            copied[target_id] = same_key[key][0]
    return copied


def forms(tokenizer: Any, texts: dict[int, str]) -> dict[int, str]:
    """Return id -> text, with "^" in front of tokens that begin a word."""
    wordpiece = sum(token.startswith("##") for token in tokenizer.get_vocab()) > MANY_MARKS
    assert wordpiece, f"written for WordPiece vocabularies of more than {MANY_MARKS} continuations"
    return {i: text[2:] if text.startswith("##") else f"^{text}" for i, text in texts.items()}


def mix(rows: Any, tokenizers: list[Any], texts: list[dict[int, str]], vectors: list[Any], alpha: float) -> Any:
    """Return [T, D]: copied rows, and rows mixed token by token by entmax over all cosines in float64."""
    import torch
    from entmax import entmax_bisect

    copied = copies(tokenizers, texts)
    target_ids = [i for i in sorted(texts[1]) if i not in copied]
    sides = (vectors[1][target_ids], vectors[0])
    queries, keys = (torch.nn.functional.normalize(side.double(), dim=1) for side in sides)
    donors = rows[sorted(texts[0])]
    new = torch.zeros(len(tokenizers[1]), rows.shape[1])
    for target_id, similarities in zip(target_ids, queries @ keys.T, strict=True):
        weights = entmax_bisect(similarities, alpha, dim=0)
        positive = weights > 0
        new[target_id] = (donors[positive] * weights[positive, None]).sum(0)
    for target_id, source_id in copied.items():
        new[target_id] = rows[source_id]
    return new


def draw(rows: Any, size: int, copied: dict[int, int], initializer: str, deviation: float) -> Any:
    """Return [T, D]: copied rows, and others that are the mean row or samples (random, univariate, multivariate)."""
    import torch

    rng, source = np.random.default_rng(SEED), rows.numpy()
    mean, spread = source.mean(axis=0), source.std(axis=0)
    shape = (size, source.shape[1])
    new = {
        "mean": lambda: np.broadcast_to(mean, shape).copy(),
        "random": lambda: deviation * rng.standard_normal(shape),
        "univariate": lambda: mean + spread * rng.standard_normal(shape),
        "multivariate": lambda: rng.multivariate_normal(mean, np.cov(source.T), size, method="cholesky"),
    }[initializer]().astype(np.float32)
    for target_id, source_id in copied.items():
        new[target_id] = source[source_id]
    return torch.from_numpy(new)


def transplant(encoder: Any, tokenizer: Any, rows: Any) -> None:
    """Put the rows and the tokenizer into the encoder; bias and special ids do not move."""
    import torch

    model = encoder[0].model
    model.resize_token_embeddings(len(tokenizer))
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(rows)
    model.tie_weights()
    encoder[0].processor = tokenizer


def train(encoder: Any, pairs: list[tuple[str, str]], settings: dict[str, Any]) -> None:
    from datasets import Dataset
    from sentence_transformers import SparseEncoderTrainer, SparseEncoderTrainingArguments
    from sentence_transformers.sparse_encoder.losses import SparseMultipleNegativesRankingLoss, SpladeLoss

    encoder.max_seq_length = min(encoder.max_seq_length, settings["max_length"])
    silent = {"save_strategy": "no", "logging_strategy": "no", "report_to": "none", "disable_tqdm": True}
    schedule = {"num_train_epochs": settings["epochs"], "warmup_steps": settings["warmup"]}
    schedule |= {"per_device_train_batch_size": settings["batch_size"], "dataloader_drop_last": True}
    optimizer = {name: settings[name] for name in ("learning_rate", "weight_decay")}
    optimizer |= {"max_grad_norm": settings["max_gradient"], "seed": SEED, "dataloader_pin_memory": False}
    lambdas = {f"{side}_regularizer_weight": settings[f"lambda_{side}"] for side in ("document", "query")}
    with tempfile.TemporaryDirectory() as scratch:
        arguments = SparseEncoderTrainingArguments(output_dir=scratch, **schedule, **optimizer, **silent)
        ranking = SparseMultipleNegativesRankingLoss(encoder, scale=settings["scale"])
        loss = SpladeLoss(encoder, ranking, **lambdas)
        dataset = Dataset.from_dict({"query": [query for query, _ in pairs], "answer": [answer for _, answer in pairs]})
        SparseEncoderTrainer(model=encoder, args=arguments, train_dataset=dataset, loss=loss).train()


def evaluate(encoder: Any, collection: Any) -> dict[str, float]:
    """Return nDCG@10, recall@100 and MRR@10."""
    from sentence_transformers.sparse_encoder.evaluation import SparseInformationRetrievalEvaluator

    relevant = {
        query: {document for document, gain in documents.items() if gain > 0}
        for query, documents in collection.qrels.items()
    }
    cutoffs = {f"{measure}_at_k": [10] for measure in ("mrr", "ndcg", "accuracy", "map")}
    evaluator = SparseInformationRetrievalEvaluator(
        queries=dict(zip(collection.query_ids, collection.query_texts, strict=True)),
        corpus=dict(zip(collection.document_ids, collection.document_texts, strict=True)),
        relevant_docs=relevant,
        write_csv=False,
        precision_recall_at_k=[100],
        **cutoffs,
    )
    scores = evaluator(encoder)
    return {name: float(scores[f"dot_{name}"]) for name in ("ndcg@10", "recall@100", "mrr@10")}


if __name__ == "__main__":
    main()
