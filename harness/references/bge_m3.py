"""Encode with BGE-M3's sparse head (Chen et al. 2024, arXiv 2402.03216, section 3): one weight per token, no expansion.

A linear head with one output reads every last hidden state of the body. The weight of a token id is the largest
relu(head(h)) over its positions; the weight of cls, eos, pad and unk is 0. Queries and documents are encoded alike.

The head is published as sparse_linear.pt, a pickle. torch reads it with `weights_only`, which does not use Python's
unpickler: it builds only tensors and plain containers, and refuses a file that names anything else before it calls
anything. The content must be exactly the two tensors of the head. The rest of the model is safetensors; the head may
be, too: sparse_linear.safetensors is preferred.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from harness.hub.model_files import find, read_json
from sembridge.encoder.head import arithmetic, pad
from sembridge.search.unknown import UnknownTokens
from sembridge.vocabulary.unknown import TokenCounter
from sembridge.weights.check import BODY, check_weights

HEADS = ("sparse_linear.safetensors", "sparse_linear.pt")


@dataclass(frozen=True, eq=False)
class TokenWeights:
    """The model.

    body       a transformers model with hidden states [B, L, D]
    head       linear, D -> 1
    tokenizer  the body's
    limit      tokens kept of a text, special tokens included
    """

    body: Any
    head: torch.nn.Linear
    tokenizer: Any
    limit: int

    @cached_property
    def counter(self) -> TokenCounter:
        """Return what counts the tokenizer's tokens."""
        return TokenCounter(self.tokenizer)


def check(model: str, revision: str | None = None) -> None:
    """Raise ValueError unless a folder or hub repository holds a body in safetensors and a head that fits it."""
    read_head(model, revision)
    if Path(model).is_dir() and not [path for path in Path(model).glob("*.safetensors") if path.name not in HEADS]:
        advice = "convert its weights, the body's are not loaded from a pickle"
        raise ValueError(f"model folder {model!r} has no model.safetensors; {advice}")
    check_weights(model, BODY)


def read_head(model: str, revision: str | None = None) -> dict[str, torch.Tensor]:
    """Return weight [1, D] and bias [1] of the head, float32. Raises ValueError if the file is missing or differs."""
    size = (read_json(model, revision, "config.json") or {}).get("hidden_size")
    if size is None:
        problem = "it has no config.json with a hidden_size"
        raise ValueError(f"{model!r} is not of kind bge-m3: {problem}; give BGE-M3, or drop kind")
    path = next((path for name in HEADS if (path := find(model, revision, name)) is not None), None)
    if path is None:
        advice = "make a dense model a bridge and add the row dense"
        raise ValueError(f"{model!r} is not of kind bge-m3: it has no {HEADS[1]}; {advice}")
    try:
        content = _load_tensors(path)
    except Exception as error:  # torch, zipfile and safetensors raise many types for a wrong or damaged file
        problem = f"it holds more than tensors, or is damaged ({type(error).__name__})"
        raise ValueError(f"{path} is refused: {problem}; get BGE-M3's own file") from None
    expected = {"weight": (1, size), "bias": (1,)}
    tensors = content if isinstance(content, dict) else {}
    shapes = {name: tuple(value.shape) for name, value in tensors.items() if isinstance(value, torch.Tensor)}
    if shapes != expected or len(content) != len(expected):
        problem = f"it holds {shapes or type(content).__name__}, and not the head of this model, {expected}"
        raise ValueError(f"{path} is refused: {problem}; get BGE-M3's own file")
    return {name: value.float() for name, value in content.items()}


def _load_tensors(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def load(model: str, revision: str | None = None, max_length: int | None = None) -> TokenWeights:
    """Load the model; `max_length` None: what the model allows. Raises ValueError like `read_head`."""
    from transformers import AutoModel, AutoTokenizer

    from sembridge.encoder.transplant import usable_positions
    from sembridge.weights.checked_load import FLOAT32, checked_load

    state = read_head(model, revision)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": False}
    weights = {"use_safetensors": True, **FLOAT32, **options}
    body = checked_load(model, lambda: AutoModel.from_pretrained(model, **weights), "last_hidden_state").to(device)
    tokenizer = AutoTokenizer.from_pretrained(model, **options)
    head = torch.nn.Linear(state["weight"].shape[1], 1)
    head.load_state_dict(state)
    limits = (max_length, tokenizer.model_max_length, usable_positions(body))
    limit = min(length for length in limits if length is not None)
    return TokenWeights(body, head.eval().to(device), tokenizer, limit)


@torch.inference_mode()
def encode(
    model: TokenWeights,
    texts: list[str],
    side: str,
    *,
    precision: str,
    batch_size: int,
    unknown: UnknownTokens | None = None,
) -> sp.csr_array:
    """Return the weight of each token id in each text, [N, V] float32, with V the rows of the body's embedding.

    Queries and documents are encoded alike; `unknown` counts the tokens of each side.
    """
    tokenizer = model.tokenizer
    special = tokenizer.cls_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id
    silent = sorted({token_id for token_id in special if token_id is not None})
    token_ids = tokenizer(texts, truncation=True, max_length=model.limit)["input_ids"]
    if unknown is not None:
        unknown.add(side, model.counter.count(token_ids))
    order = sorted(range(len(texts)), key=lambda i: (len(token_ids[i]), i))
    rows = []
    for start in range(0, len(order), batch_size):
        members = [token_ids[i] for i in order[start : start + batch_size]]
        batch = pad(members, tokenizer.pad_token_id, model.body.device)
        with arithmetic(model.body.device, precision):
            weights = torch.relu(model.head(model.body(**batch).last_hidden_state)).squeeze(-1).float()
        by_token = weights.new_zeros(len(weights), model.body.config.vocab_size)
        by_token.scatter_reduce_(1, batch["input_ids"], weights, "amax")
        by_token[:, silent] = 0
        rows.append(sp.csr_array(by_token.cpu().numpy()))
    return sp.csr_array(sp.vstack(rows, format="csr")[np.argsort(order)])
