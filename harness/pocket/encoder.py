"""Stage: one of the pocket's English sparse encoders, a small masked LM made ready for a training that takes minutes.

Its word embeddings start from a static pretraining on synonyms (see `static`), and its head at the identity: a model of this size learns in two
minutes what expansion is, but not from noise. Written as a plain masked-LM folder, as most sparse encoders on the hub are; the inference-free one
as a sentence-transformers folder.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.pocket.architectures import BODY, FAMILIES, Family, english_text
from harness.pocket.phrasebook import concepts
from harness.store.artifact import Location
from harness.store.stage import Stage

if TYPE_CHECKING:
    import torch

ROW_LENGTH, BIAS = (
    0.5,
    -1.5,
)  # of embedding rows, and of the decoder bias, at the start: a word activates itself and its synonyms, little else


def build(out: Path, parameters: Mapping[str, Any], inputs: Mapping[str, Location]) -> None:
    """parameters: family, seed; inputs: text, tokenizers."""
    import torch

    from harness.pocket import encoder_training, inference_free
    from sembridge.encoder.idf import idf

    family, seed = FAMILIES[parameters["family"]], parameters["seed"]
    tokenizer = family.tokenizer(inputs)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        size = BODY["hidden_size"]
        model = family.model(tokenizer, ROW_LENGTH / size**0.5)  # its own fresh rows are as long as the given ones
        _start_near_identity(model, family, _static_rows(tokenizer, size, seed))
        weights = (
            torch.from_numpy(idf(english_text(inputs), tokenizer, len(tokenizer))) if family.inference_free else None
        )
        encoder_training.train(model, tokenizer, seed, weights)
    if weights is not None:
        inference_free.save(out, model, tokenizer, weights)
        return
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


POCKET_ENCODER = Stage("pocket-encoder", version=1, seconds=90, build=build)


def _static_rows(tokenizer: Any, size: int, seed: int) -> torch.Tensor:
    """[V, size] embeddings in which the synonyms of a concept lie close together."""
    from harness.pocket.static_embeddings import train_static

    phrases = {
        concept.name: _spellings(tokenizer, concept.forms["en"])
        for concept in itertools.chain.from_iterable(concepts().values())
    }
    return train_static(
        lambda texts: tokenizer(texts, add_special_tokens=False)["input_ids"], len(tokenizer), size, [phrases], seed
    )


def _spellings(tokenizer: Any, forms: tuple[str, ...]) -> list[str]:
    """The forms as texts show them; where spaces belong to tokens, a word is other tokens after a space than after a quotation mark."""
    marks = [""] if tokenizer.tokenize(" x") == tokenizer.tokenize("x") else ["", " "]
    return [mark + form for mark in marks for form in forms]


def _start_near_identity(model: Any, family: Family, rows: torch.Tensor) -> None:
    import torch

    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(ROW_LENGTH * torch.nn.functional.normalize(rows, dim=1))
        torch.nn.init.eye_(model.get_parameter(family.dense))
        model.get_parameter(family.bias).fill_(BIAS)
        model.tie_weights()
