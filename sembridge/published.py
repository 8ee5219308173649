"""Replace the published code of SemBridge: with its keyword names, its choices (the `compat` profile), our arithmetic.

from sembridge.published import SemBridge
rows = SemBridge(
    source_embeddings=..., source_tokenizer=..., target_tokenizer=...,
    bridge_model_name_or_path="BAAI/bge-m3", entmax_alpha=4,
)
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
    """Return rows [T, D] of the target tokenizer, T = the largest id it can emit + 1, typed like `source_embeddings`.

    source_embeddings          [S, D], not changed; at least one row for each id of the source tokenizer, others are
                               ignored
    bridge_model_name_or_path  a SentenceTransformer by hub id or folder, a loaded one, or `BridgeVectors` of both
                               vocabularies in the compat profile
    exact_match_all, match_symbols, fuzzy_match_all
                               which target tokens copy a row, see `string_overlap.copied_by_string`; others are mixed
    entmax_alpha               >= 1; the paper's runs use 4
    seed                       of rows neither copied nor mixed: ids without a token, texts with a zero vector
    device                     for a bridge given by name and for the rows; None: the bridge's own choice, and the
                               device of `source_embeddings`
    verbosity                  silent | info: log how many rows are copied and mixed | debug: also log each copied token

    Raises ValueError for `extend_tokenizer` (extending a vocabulary instead of replacing it is not implemented) and for
    what `Transfer` and the bridge cannot work with.
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
    rows = torch.as_tensor(source_embeddings)
    task = Transfer.between(source, target, rows, overlap=overlap, seed=seed)
    bridge = bridge_model_name_or_path
    if not isinstance(bridge, BridgeVectors):
        model = load_bridge(str(bridge), device=device) if isinstance(bridge, (str, Path)) else bridge
        # As published, `encode` adds the model's default prompt and no other.
        prompt = (getattr(model, "prompts", None) or {}).get(getattr(model, "default_prompt_name", None)) or ""
        options: dict[str, Any] = {"prompt": prompt, "batch_size": batch_size}
        sides = [embed_vocabulary(model, side, **options) for side in (source, target)]
        bridge = BridgeVectors(sides[0], sides[1], prompt)
    result = Method(bridge, entmax_alpha)(task)
    if verbosity != "silent":
        _report(task, result, each=verbosity == "debug")
    return torch.from_numpy(result.rows).to(device=rows.device if device is None else device, dtype=rows.dtype)


def _report(task: Transfer, result: Initialization, each: bool) -> None:
    counts = ", ".join(f"{value} {name}" for name, value in result.statistics.items())
    logger.info("SemBridge, compat profile: %s", counts)
    for target_id in np.flatnonzero(task.copied >= 0) if each else ():
        source_token, target_token = task.source.tokens[task.copied[target_id]], task.target.tokens[target_id]
        logger.debug("%r copies %r (%s)", target_token, source_token, task.overlap.rule[target_id])
