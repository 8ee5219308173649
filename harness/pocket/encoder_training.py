"""Training of the pocket's English encoders: InfoNCE + FLOPS on questions, answers and passages, and masked words."""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Iterator
from typing import Any

import torch

from harness.files import headway
from harness.pocket.cases import event_families, faq_families
from harness.pocket.inference_free import ACTIVATION, weigh
from harness.pocket.phrasebook import concepts
from harness.pocket.writer import Writer
from harness.training.loss import flops, info_nce
from sembridge.encoder.head import pad, pool

STEPS, WARMUP = 220, 20
CASES = 6  # families of cases, and as many of events, per step; four members each
LEARNING_RATE = 1e-3
MASKED = 0.15
LAMBDA_QUERY, LAMBDA_DOCUMENT = 5e-3, 4e-3
LAMBDA_INFERENCE_FREE = 6e-2  # higher: documents' weights pass log1p twice, and the weights of queries are fixed

logger = logging.getLogger(__name__)
Pair = tuple[str, str]


def train(model: Any, tokenizer: Any, seed: int, query_weights: torch.Tensor | None = None) -> None:
    """Train a masked LM in place; the seed decides which texts it reads and which words are masked.

    query_weights  [V] weight of each query token; None: the model encodes queries too
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / WARMUP, 1.02 - step / STEPS))
    model.train()
    for step, batch in zip(headway.steps(STEPS), _texts(seed), strict=True):
        questions = _padded(tokenizer, [question for question, _ in batch])
        passages = _padded(tokenizer, [passage for _, passage in batch])
        if query_weights is None:
            sides = (questions, passages)
            queries, documents = (pool(model(**texts).logits, texts["attention_mask"]) for texts in sides)
            sparsity = LAMBDA_QUERY * flops(queries) + LAMBDA_DOCUMENT * flops(documents)
        else:
            queries = weigh(query_weights, questions)
            documents = pool(model(**passages).logits, passages["attention_mask"], activation=ACTIVATION)
            sparsity = LAMBDA_INFERENCE_FREE * flops(documents)
        contrast = info_nce(queries, documents, torch.arange(len(batch)), scale=1.0)
        masked = 0.1 * _masked_words(model, tokenizer, questions, generator)
        loss = contrast + min(1.0, (2 * step / STEPS) ** 2) * sparsity + masked
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        active = ((w > 0).sum(1).float().mean() for w in (queries, documents))
        logger.info("step %d: contrast %.3f, sparsity %.3f, active %.0f and %.0f", step, contrast, sparsity, *active)
    model.eval()


def _texts(seed: int) -> Iterator[list[Pair]]:
    """Yield batches of (question, answer) and (question, passage); the members of a family are each other's hard
    negatives."""
    choice, writer, entries = random.Random(f"source {seed}"), Writer("en", seed + 3), concepts()
    for _ in range(STEPS):
        cases = itertools.chain.from_iterable(faq_families(entries, CASES, 10, choice))
        events = itertools.chain.from_iterable(event_families(entries, CASES, 10, choice))
        yield [*map(writer.faq, cases), *((writer.passage_question(event), writer.passage(event)) for event in events)]


def _padded(tokenizer: Any, texts: list[str]) -> dict[str, torch.Tensor]:
    return pad(tokenizer(texts, truncation=True)["input_ids"], tokenizer.pad_token_id)


def _masked_words(
    model: Any, tokenizer: Any, texts: dict[str, torch.Tensor], generator: torch.Generator
) -> torch.Tensor:
    """Return the cross-entropy of predicting masked words: the model stays the masked LM that its folder declares."""
    ids = texts["input_ids"]
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
    chosen = (torch.rand(ids.shape, generator=generator) < MASKED) & ~special
    masked_ids = ids.masked_fill(chosen, tokenizer.mask_token_id)
    logits = model(input_ids=masked_ids, attention_mask=texts["attention_mask"]).logits
    return torch.nn.functional.cross_entropy(logits[chosen], ids[chosen])
