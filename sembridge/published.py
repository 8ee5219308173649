"""A drop-in for the published code of SemBridge: its keyword names, its choices (the `compat` profile), our arithmetic.

from sembridge.published import SemBridge
rows = SemBridge(source_embeddings=..., source_tokenizer=..., target_tokenizer=...,
                 bridge_model_name_or_path="BAAI/bge-m3", entmax_alpha=4)
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sembridge.bridge import BridgeVectors, embed_vocabulary, load_bridge
from sembridge.initializer import Initialization, Transfer
from sembridge.nearest import nearest
from sembridge.semantic_bridge import SemBridge as Method
from sembridge.vocabulary.string_overlap import match_strings
from sembridge.vocabulary.vocabulary import Vocabulary

logger = logging.getLogger(__name__)
VERBOSITIES = ("silent", "info", "debug")


def SemBridge(
    source_embeddings: torch.Tensor,
    source_tokenizer: Any,
    target_tokenizer: Any,
    bridge_model_name_or_path: Any,
    *,
    exact_match_all: bool = True,
    match_symbols: bool = False,
    fuzzy_match_all: bool = False,
    extend_tokenizer: Any = None,
    batch_size: int = 1024,
    entmax_alpha: float = 2.5,
    seed: int = 42,
    device: Any = None,
    verbosity: str = "info",
) -> torch.Tensor:
    """Return rows [T, D] for the target tokenizer, T = its largest id + 1, in the dtype of `source_embeddings`.

    source_embeddings          [S, D], at least as many rows as the source tokenizer has ids; surplus rows are left out.
                               They stay unchanged
    bridge_model_name_or_path  a SentenceTransformer by hub id or folder, a loaded one, or `BridgeVectors` of both
                               vocabularies in the compat profile
    exact_match_all, match_symbols, fuzzy_match_all
                               which target tokens copy a row, see `string_overlap.copied_by_string`; others are mixed
    entmax_alpha               at least 1; the paper's runs use 4
    seed                       for rows that are neither copied nor mixed: ids without a token, texts with a zero vector
    device                     where a bridge given by name runs, and where the rows are put; None: the bridge's own
                               choice, and the device of `source_embeddings`
    verbosity                  silent | info: logs how many rows were copied and mixed | debug: and each copied token

    Raises ValueError for `extend_tokenizer` (a vocabulary can be replaced, not extended) and for what `Transfer` and
    the bridge refuse.
    """
    if extend_tokenizer is not None:
        raise ValueError(
            "extend_tokenizer is not supported: rows are made for a replaced vocabulary only; leave it None and give "
            "the extended tokenizer as target_tokenizer, whose old tokens then copy their rows"
        )
    if verbosity not in VERBOSITIES:
        raise ValueError(f"verbosity {verbosity!r} is unknown; {nearest(verbosity, VERBOSITIES)}")
    source, target = (
        Vocabulary.from_tokenizer(tokenizer, profile="compat") for tokenizer in (source_tokenizer, target_tokenizer)
    )
    overlap = match_strings(source, target, exact=exact_match_all, fuzzy=fuzzy_match_all, symbols=match_symbols)
    given = torch.as_tensor(source_embeddings)
    asked = Transfer.between(source, target, given, overlap=overlap, seed=seed)
    bridge = bridge_model_name_or_path
    if not isinstance(bridge, BridgeVectors):
        model = load_bridge(str(bridge), device=device) if isinstance(bridge, (str, Path)) else bridge
        bridge = BridgeVectors(*(embed_vocabulary(model, side, batch_size=batch_size) for side in (source, target)))
    answer = Method(bridge, entmax_alpha)(asked)
    if verbosity != "silent":
        _report(asked, answer, each=verbosity == "debug")
    return torch.from_numpy(answer.rows).to(device=given.device if device is None else device, dtype=given.dtype)


def _report(asked: Transfer, answer: Initialization, each: bool) -> None:
    logger.info(
        "SemBridge, compat profile: %s", ", ".join(f"{value} {name}" for name, value in answer.statistics.items())
    )
    for target_id in np.flatnonzero(asked.copied >= 0) if each else ():
        source_token, target_token = asked.source.tokens[asked.copied[target_id]], asked.target.tokens[target_id]
        logger.debug("%r copies %r (%s)", target_token, source_token, asked.overlap.rule[target_id])
