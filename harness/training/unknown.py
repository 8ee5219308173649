"""Measure how much of the training pairs the encoder's tokenizer does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.training.loop import Pair
from sembridge.encoder.head import reader, tokenize
from sembridge.encoder.modules import side_prompt
from sembridge.search.unknown import UnknownTokens, share
from sembridge.vocabulary.unknown import TokenCount, TokenCounter

_TEXTS = 4096  # tokenized at a time


def unknown_share(encoder: Any, pairs: Sequence[Pair], max_length: int) -> float:
    """Return the share of unknown tokens in the questions and passages of the pairs, each as the training reads it.

    Counted before the first step, because a training that resumes has not tokenized all of its pairs.
    """
    tokens = UnknownTokens()
    for side, texts in (("query", [p.question for p in pairs]), ("document", [p.passage for p in pairs])):
        counter, prompt = TokenCounter(*reader(encoder, side)), side_prompt(encoder, side)
        for start in range(0, len(texts), _TEXTS):
            block = [prompt + text for text in texts[start : start + _TEXTS]]
            tokens.add(side, counter.count(tokenize(encoder, block, side, max_length)))
    return share(TokenCount(*tokens.counts.sum(axis=0).tolist()))
