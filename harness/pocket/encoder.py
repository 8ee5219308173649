"""Stage: one of the pocket's English sparse encoders, a small masked LM that a training of minutes suffices for.

Its word embeddings start from a static pretraining on synonyms (`static_embeddings`), and its head at the identity: a
model of this size learns expansion in two minutes from there, but not from noise. The stage writes a plain masked-LM
folder, as most sparse encoders on the hub are; the inference-free encoder is a sentence-transformers folder.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.pocket.architectures import ARCHITECTURES, BODY, Architecture, english_text
from harness.pocket.phrasebook import concepts
from harness.store.artifact import Location
from harness.store.stage import Stage

if TYPE_CHECKING:
    import torch

# Length of embedding rows and decoder bias at the start: a word activates itself, its synonyms and little else.
ROW_LENGTH, BIAS = 0.5, -1.5


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """Train the encoder and write its folder. parameters: family (the architecture), seed; inputs: text, tokenizers."""
    import torch

    from harness.pocket import encoder_training, inference_free
    from sembridge.encoder.idf import idf

    architecture, seed = ARCHITECTURES[parameters["family"]], parameters["seed"]
    tokenizer = architecture.tokenizer(inputs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        size = BODY["hidden_size"]
        model = architecture.model(tokenizer, ROW_LENGTH / size**0.5)  # random rows are as long as the pretrained ones
        _start_near_identity(model, architecture, _static_rows(tokenizer, size, seed))
        weights = None
        if architecture.inference_free:
            weights = torch.from_numpy(idf(english_text(inputs), tokenizer, len(tokenizer)))
        encoder_training.train(model, tokenizer, seed, weights)
    if weights is not None:
        inference_free.save(out, model, tokenizer, weights)
        return
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


POCKET_ENCODER = Stage("pocket-encoder", version=1, seconds=90, build=build)


def _static_rows(tokenizer: Any, size: int, seed: int) -> torch.Tensor:
    """Return [V, size] embeddings in which the synonyms of a concept lie close together."""
    from harness.pocket.static_embeddings import train_static

    entries = itertools.chain.from_iterable(concepts().values())
    phrases = {entry.name: _spellings(tokenizer, entry.forms["en"]) for entry in entries}

    def tokenize(texts: list[str]) -> list[list[int]]:
        return tokenizer(texts, add_special_tokens=False)["input_ids"]

    return train_static(tokenize, len(tokenizer), size, [phrases], seed)


def _spellings(tokenizer: Any, forms: tuple[str, ...]) -> list[str]:
    """Return the forms as they occur in texts. Where tokens contain spaces, a word after a space has other tokens than
    one after a quotation mark, so both spellings are returned."""
    marks = [""] if tokenizer.tokenize(" x") == tokenizer.tokenize("x") else ["", " "]
    return [mark + form for mark in marks for form in forms]


def _start_near_identity(model: Any, architecture: Architecture, rows: torch.Tensor) -> None:
    import torch

    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(ROW_LENGTH * torch.nn.functional.normalize(rows, dim=1))
        torch.nn.init.eye_(model.get_parameter(architecture.dense))
        model.get_parameter(architecture.bias).fill_(BIAS)
        model.tie_weights()
