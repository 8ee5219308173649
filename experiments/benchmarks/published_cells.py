"""Cells of a grid one after another, with the published pieces: what a script does that knows nothing of stores, and computes each cell by itself.

The reference initializer's algorithm (written from the description in docs/fidelity.md, not from its code), `resize_token_embeddings`,
SparseEncoderTrainer, SparseInformationRetrievalEvaluator. `python -m experiments.benchmarks.published_cells JOB RESULT` reads a job from a JSON file
and writes, for every cell, its scores and the seconds of its pieces.
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

MANY_MARKS = 100  # more tokens than these begin with "##": a WordPiece vocabulary
SEED = 42


def main() -> None:
    start = time.perf_counter()
    import sentence_transformers  # noqa: F401  its import takes seconds, which are a piece of their own

    imports = time.perf_counter() - start
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    cells = [computed(job, cell) for cell in job["cells"]]
    Path(sys.argv[2]).write_text(json.dumps({"imports": imports, "cells": cells}), encoding="utf-8")


def computed(job: dict[str, Any], cell: dict[str, Any]) -> dict[str, Any]:
    """{"scores", "seconds": by piece} of one cell.

    job   `training` as in a preset
    cell  `initializer` (sembridge | mean | random | univariate | multivariate), `alpha`, `regime`, and the folders `encoder`, `tokenizer`,
          `collection`, `bridge` for sembridge and `pairs` for fine-tuned
    """
    from harness.collections import beir

    clock = Clock()
    with clock("load"):
        encoder, tokenizer = loaded(cell["encoder"], cell["tokenizer"])
    rows = encoder[0].model.get_input_embeddings().weight.detach().clone()
    if cell["initializer"] == "sembridge":
        with clock("bridge"):
            spoken, vectors = bridged(cell["bridge"], [encoder.tokenizer, tokenizer])
        with clock("initialize"):
            new = mixed(rows, [encoder.tokenizer, tokenizer], spoken, vectors, cell["alpha"])
    else:
        with clock("initialize"):
            spoken = [texts_of(each) for each in (encoder.tokenizer, tokenizer)]
            copied = copies([encoder.tokenizer, tokenizer], spoken)
            new = drawn(rows, len(tokenizer), copied, cell["initializer"], encoder[0].model.config.initializer_range)
    with clock("transplant"):
        transplanted(encoder, tokenizer, new)
    if cell["regime"] == "fine-tuned":
        with clock("train"):
            pairs = beir.training_pairs(Path(cell["pairs"]))
            trained(encoder, [(query, text) for query, _, text in pairs], job["training"])
    with clock("evaluate"):
        scores = evaluated(encoder, beir.load(Path(cell["collection"])))
    return {"scores": scores, "seconds": clock.seconds}


class Clock:
    """Seconds by the name of what took them."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, piece: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[piece] = time.perf_counter() - start


def loaded(encoder: str, tokenizer: str) -> tuple[Any, Any]:
    from sentence_transformers import SparseEncoder
    from transformers import AutoTokenizer

    return SparseEncoder(encoder), AutoTokenizer.from_pretrained(tokenizer)


def texts_of(tokenizer: Any) -> dict[int, str]:
    """Id -> what the bridge is given: the id decoded; where nothing is left of it, or a special in brackets, the stored token."""
    found = {}
    for token, token_id in tokenizer.get_vocab().items():
        text = tokenizer.decode([token_id]).strip()
        found[token_id] = token if not text or (text.startswith("[") and text.endswith("]")) else text
    return found


def bridged(bridge: str, tokenizers: list[Any]) -> tuple[list[dict[int, str]], list[Any]]:
    """Texts and vectors [V, K] of both vocabularies, rows in the order of the ids."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(bridge)
    spoken = [texts_of(tokenizer) for tokenizer in tokenizers]
    return spoken, [
        model.encode([texts[i] for i in sorted(texts)], batch_size=1024, convert_to_tensor=True) for texts in spoken
    ]


def copies(tokenizers: list[Any], spoken: list[dict[int, str]]) -> dict[int, int]:
    """Target id -> the source id whose row it copies: the same form, else the same in lower case, where a lower-case continuation comes first."""
    same_form: dict[str, int] = {}
    same_key: dict[str, list[int]] = {}
    source, target = (forms(tokenizer, texts) for tokenizer, texts in zip(tokenizers, spoken, strict=True))
    for source_id, form in sorted(source.items()):
        same_form[form] = source_id
        key = form.lstrip("^").lower()
        same_key.setdefault(key, []).insert(
            0 if form == key else len(same_key[key]) if key in same_key else 0, source_id
        )
    found = {}
    for target_id, form in target.items():
        key = form.lstrip("^").lower()
        if form in same_form:
            found[target_id] = same_form[form]
        elif key in same_key:
            found[target_id] = same_key[key][0]
    return found


def forms(tokenizer: Any, texts: dict[int, str]) -> dict[int, str]:
    """Id -> text, with "^" in front where the token begins a word."""
    wordpiece = sum(token.startswith("##") for token in tokenizer.get_vocab()) > MANY_MARKS
    assert wordpiece, f"written for WordPiece vocabularies of more than {MANY_MARKS} continuations"
    return {i: text[2:] if text.startswith("##") else f"^{text}" for i, text in texts.items()}


def mixed(rows: Any, tokenizers: list[Any], spoken: list[dict[int, str]], vectors: list[Any], alpha: float) -> Any:
    """[T, D]: copied where there is a counterpart, else mixed: all cosines in float64 at once, then token by token entmax and a weighted sum."""
    import torch
    from entmax import entmax_bisect

    copied = copies(tokenizers, spoken)
    target_ids = [i for i in sorted(spoken[1]) if i not in copied]
    asked, offered = (
        torch.nn.functional.normalize(each.double(), dim=1) for each in (vectors[1][target_ids], vectors[0])
    )
    donors = rows[sorted(spoken[0])]
    new = torch.zeros(len(tokenizers[1]), rows.shape[1])
    for target_id, similarities in zip(target_ids, asked @ offered.T, strict=True):
        weights = entmax_bisect(similarities, alpha, dim=0)
        carries = weights > 0
        new[target_id] = (donors[carries] * weights[carries, None]).sum(0)
    for target_id, source_id in copied.items():
        new[target_id] = rows[source_id]
    return new


def drawn(rows: Any, size: int, copied: dict[int, int], initializer: str, deviation: float) -> Any:
    """[T, D]: copied where there is a counterpart, else the mean row, or rows drawn around 0, like the source's columns, or like its rows."""
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


def transplanted(encoder: Any, tokenizer: Any, rows: Any) -> None:
    """The rows and the tokenizer into the encoder; bias and special ids stay where they are."""
    import torch

    model = encoder[0].model
    model.resize_token_embeddings(len(tokenizer))
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(rows)
    model.tie_weights()
    encoder[0].processor = tokenizer


def trained(encoder: Any, pairs: list[tuple[str, str]], settings: dict[str, Any]) -> None:
    from datasets import Dataset
    from sentence_transformers import SparseEncoderTrainer, SparseEncoderTrainingArguments
    from sentence_transformers.sparse_encoder.losses import SparseMultipleNegativesRankingLoss, SpladeLoss

    encoder.max_seq_length = min(encoder.max_seq_length, settings["max_length"])
    with tempfile.TemporaryDirectory() as scratch:
        arguments = SparseEncoderTrainingArguments(
            output_dir=scratch, num_train_epochs=settings["epochs"], per_device_train_batch_size=settings["batch_size"],
            learning_rate=settings["learning_rate"], weight_decay=settings["weight_decay"], warmup_steps=settings["warmup"],
            max_grad_norm=settings["max_gradient"], dataloader_drop_last=True, seed=SEED, save_strategy="no", logging_strategy="no",
            report_to="none", disable_tqdm=True, dataloader_pin_memory=False,
        )  # fmt: skip
        loss = SpladeLoss(
            encoder,
            SparseMultipleNegativesRankingLoss(encoder, scale=settings["scale"]),
            document_regularizer_weight=settings["lambda_document"],
            query_regularizer_weight=settings["lambda_query"],
        )
        dataset = Dataset.from_dict({"query": [query for query, _ in pairs], "answer": [answer for _, answer in pairs]})
        SparseEncoderTrainer(model=encoder, args=arguments, train_dataset=dataset, loss=loss).train()


def evaluated(encoder: Any, collection: Any) -> dict[str, float]:
    """nDCG@10, recall@100 and MRR@10."""
    from sentence_transformers.sparse_encoder.evaluation import SparseInformationRetrievalEvaluator

    judged = {
        query: {document for document, gain in documents.items() if gain > 0}
        for query, documents in collection.qrels.items()
    }
    evaluator = SparseInformationRetrievalEvaluator(
        queries=dict(zip(collection.query_ids, collection.query_texts, strict=True)),
        corpus=dict(zip(collection.document_ids, collection.document_texts, strict=True)),
        relevant_docs=judged, mrr_at_k=[10], ndcg_at_k=[10], accuracy_at_k=[10], precision_recall_at_k=[100], map_at_k=[10], write_csv=False,
    )  # fmt: skip
    found = evaluator(encoder)
    return {name: float(found[f"dot_{name}"]) for name in ("ndcg@10", "recall@100", "mrr@10")}


if __name__ == "__main__":
    main()
