"""Stage: the pocket's English sparse encoder, a small masked LM trained from scratch with InfoNCE + FLOPS, masked-word prediction beside it.

Its word embeddings start from a static pretraining on synonyms (see `static`), and its head at the identity: a model of this size learns in two
minutes what expansion is, but not from noise. Written as a plain masked-LM folder, as most sparse encoders on the hub are.
"""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from harness.grid.artefact import Location
from harness.pocket.cases import event_families, faq_families
from harness.pocket.phrasebook import concepts
from harness.pocket.static import train_static
from harness.pocket.wording import Writer
from harness.training.loss import flops, info_nce
from sembridge.head import pad, pool

STEPS, WARMUP = 220, 20
FAMILIES = 6  # families of four of each kind per step
LEARNING_RATE = 1e-3
MASKED = 0.15
ROW_LENGTH, BIAS = 0.5, -1.5  # of embedding rows, and of the decoder bias, at the start: a word activates itself and its synonyms, little else
LAMBDA_QUERY, LAMBDA_DOCUMENT = 5e-3, 4e-3

logger = logging.getLogger(__name__)
Pair = tuple[str, str]


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """parameters: family, seed; inputs: text, tokenizers."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(inputs["tokenizers"].path / "en")
    seed = parameters["seed"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _model(parameters["family"], tokenizer)
        _start_near_identity(model, _static_rows(tokenizer, model.config.hidden_size, seed))
        _train(model, tokenizer, seed)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _model(family: str, tokenizer: Any) -> Any:
    from transformers import BertConfig, BertForMaskedLM

    assert family == "bert"
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=128, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512,
        max_position_embeddings=tokenizer.model_max_length, pad_token_id=tokenizer.pad_token_id,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        initializer_range=ROW_LENGTH / 128**0.5,  # how long its own fresh rows are
    )  # fmt: skip
    return BertForMaskedLM(config)


def _static_rows(tokenizer: Any, size: int, seed: int) -> torch.Tensor:
    """[V, size] embeddings in which the synonyms of a concept lie close together."""
    phrases = {concept.name: list(concept.forms["en"]) for concept in itertools.chain.from_iterable(concepts().values())}
    return train_static(lambda texts: tokenizer(texts, add_special_tokens=False)["input_ids"], len(tokenizer), size, [phrases], seed)


@torch.no_grad()
def _start_near_identity(model: Any, rows: torch.Tensor) -> None:
    model.get_input_embeddings().weight.copy_(ROW_LENGTH * torch.nn.functional.normalize(rows, dim=1))
    head = model.cls.predictions
    torch.nn.init.eye_(head.transform.dense.weight)
    head.bias.fill_(BIAS)
    model.tie_weights()


def _texts(seed: int) -> Iterator[list[Pair]]:
    """Batches of questions with answers and questions with passages; the siblings of a case are each other's hard negatives."""
    choice, writer, known = random.Random(f"source {seed}"), Writer("en", seed + 3), concepts()
    for _ in range(STEPS):
        cases = itertools.chain.from_iterable(faq_families(known, FAMILIES, 10, choice))
        events = itertools.chain.from_iterable(event_families(known, FAMILIES, 10, choice))
        yield [*map(writer.faq, cases), *((writer.passage_question(event), writer.passage(event)) for event in events)]


def _train(model: Any, tokenizer: Any, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / WARMUP, 1.02 - step / STEPS))
    model.train()
    for step, batch in enumerate(_texts(seed)):
        questions = _padded(tokenizer, [question for question, _ in batch])
        passages = _padded(tokenizer, [passage for _, passage in batch])
        queries, documents = (pool(model(**texts).logits, texts["attention_mask"]) for texts in (questions, passages))
        contrast = info_nce(queries, documents, torch.arange(len(batch)), scale=1.0)
        sparsity = LAMBDA_QUERY * flops(queries) + LAMBDA_DOCUMENT * flops(documents)
        loss = contrast + min(1.0, (2 * step / STEPS) ** 2) * sparsity + 0.1 * _masked_words(model, tokenizer, questions, generator)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        logger.info(
            "step %d: contrast %.3f, sparsity %.3f, active %.0f and %.0f",
            step,
            contrast,
            sparsity,
            *((w > 0).sum(1).float().mean() for w in (queries, documents)),
        )
    model.eval()


def _padded(tokenizer: Any, texts: list[str]) -> dict[str, torch.Tensor]:
    return pad(tokenizer(texts, truncation=True)["input_ids"], tokenizer.pad_token_id)


def _masked_words(model: Any, tokenizer: Any, texts: dict[str, torch.Tensor], generator: torch.Generator) -> torch.Tensor:
    """Cross-entropy of predicting masked words: the model stays the masked LM that its folder says it is."""
    ids = texts["input_ids"]
    chosen = (torch.rand(ids.shape, generator=generator) < MASKED) & (ids >= len(tokenizer.all_special_ids))
    logits = model(input_ids=ids.masked_fill(chosen, tokenizer.mask_token_id), attention_mask=texts["attention_mask"]).logits
    return torch.nn.functional.cross_entropy(logits[chosen], ids[chosen])
