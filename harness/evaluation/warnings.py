"""Warn of scores that a reader would misunderstand: a measurement holds the sentences, and every table repeats them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_UNKNOWN = 0.02
"""Share of unknown tokens above which a measurement warns; a tokenizer that fits its language has a tenth of it."""

MOST_ACTIVE = 0.5
"""Share of active dimensions above which a measurement warns; a sparse encoder of a large vocabulary has 1%."""

LARGEST_LOSS = 0.02
"""Share of nDCG@10 that a budget of active dimensions may cost without a warning."""

TOKENIZER = "give the language a tokenizer that was trained on it, on text in NFC (tokenizers.LANGUAGE)"
MODEL = "choose a model that was trained on this language, or leave the row out"

_READ = {"documents": "the documents", "queries": "the queries", "pairs": "the training pairs"}
_SPARSE = {"documents": "doc_active", "queries": "query_active"}


def of_unknown(rates: Mapping[str, float], advice: str) -> list[str]:
    """Return a sentence for each of documents, queries and pairs with too many unknown tokens.

    rates   shares of unknown tokens
    advice  the next step
    """
    return [
        f"{rates[name]:.1%} of the tokens of {read} are unknown to the tokenizer (more than {MOST_UNKNOWN:.0%}), and "
        f"what they say is lost; {advice}"
        for name, read in _READ.items()
        if rates.get(name, 0.0) > MOST_UNKNOWN
    ]


def of_precision(parameters: Mapping[str, Any]) -> list[str]:
    """Return a sentence where the processor takes longer in bfloat16 than in float32, and was told to compute in it.

    parameters  of a stage; nothing is said where they have no precision, or torch can use a GPU
    """
    import torch

    if parameters.get("precision") != "bfloat16" or torch.cuda.is_available():
        return []
    from sembridge.processor import paths

    slow = paths.slow_bfloat16("evaluation.precision")
    return [] if slow is None else [f"{slow} (the scores are those of bfloat16)"]


def of_activity(statistics: Mapping[str, float], dimensions: int) -> list[str]:
    """Return a sentence for documents and for queries that are not sparse.

    statistics  doc_active and query_active; nothing is said of a row without them
    dimensions  the length of the vectors
    """
    return [
        f"{side} have {statistics[name]:,.0f} of {dimensions:,} dimensions active "
        f"({statistics[name] / dimensions:.0%}, more than {MOST_ACTIVE:.0%}), so they are not sparse; fine-tune with a "
        f"larger training.lambda_{parameter}, or choose another initializer"
        for (side, name), parameter in zip(_SPARSE.items(), ("document", "query"), strict=True)
        if statistics.get(name, 0.0) > MOST_ACTIVE * dimensions
    ]
