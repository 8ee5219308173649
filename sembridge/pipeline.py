"""The whole transfer in one call, for an engineer who wants an encoder in another language."""

from __future__ import annotations

import dataclasses
from typing import Any

from sembridge.encoder import load_encoder, load_tokenizer
from sembridge.initializer import Initialization, Initializer, Transfer
from sembridge.parts import parts
from sembridge.transplant import decoder_rows, source_rows, transplant
from sembridge.vocabulary import Vocabulary


def transfer(source: str, tokenizer: str, initializer: Initializer, *, bias: str = "transfer", overlap: str = "fuzzy", seed: int = 42) -> Any:
    """Take the English sparse encoder `source`, give it the vocabulary of `tokenizer`, initialise the new rows with `initializer`.

    source, tokenizer  hub ids or folders
    bias               decoder bias policy, see `transplant`
    overlap            `exact` or `fuzzy`, see `overlap.match`

    Returns an ordinary sentence-transformers `SparseEncoder`; `save_pretrained` makes an ordinary folder of it.
    """
    encoder, target = load_encoder(source), load_tokenizer(tokenizer)
    return apply(encoder, target, initializer, bias=bias, overlap=overlap, seed=seed)


def question(encoder: Any, tokenizer: Any, *, overlap: str = "fuzzy", seed: int = 42) -> Transfer:
    """The `Transfer` that asks how `encoder` may get the vocabulary of `tokenizer`."""
    return Transfer.between(
        Vocabulary.from_tokenizer(parts(encoder).tokenizer),
        Vocabulary.from_tokenizer(tokenizer),
        source_rows(encoder),
        overlap=overlap,
        seed=seed,
        initializer_range=float(getattr(parts(encoder).model.config, "initializer_range", 0.02)),
    )


def apply(encoder: Any, tokenizer: Any, initializer: Initializer, *, bias: str = "transfer", overlap: str = "fuzzy", seed: int = 42) -> Any:
    """`transfer` for a loaded encoder and tokenizer; changes and returns the encoder."""
    embedding, decoder = answers(encoder, tokenizer, initializer, overlap=overlap, seed=seed)
    return transplant(encoder, tokenizer, embedding, decoder=decoder, bias=bias)


def answers(
    encoder: Any, tokenizer: Any, initializer: Initializer, *, overlap: str = "fuzzy", seed: int = 42
) -> tuple[Initialization, Initialization | None]:
    """The method's answer for the embedding, and for the decoder where the model stores one of its own (None where it shares the embedding)."""
    asked = question(encoder, tokenizer, overlap=overlap, seed=seed)
    initializer = with_tokenizers(initializer, parts(encoder).tokenizer, tokenizer)
    rows = decoder_rows(encoder)
    decoder = None if rows is None else initializer(dataclasses.replace(asked, rows=rows[: len(asked.source)]))
    return initializer(asked), decoder


def with_tokenizers(initializer: Any, source: Any, target: Any) -> Any:
    """Hand the tokenizers to methods that train on text and were not given any."""
    offered = {"tokenizer": target, "target_tokenizer": target, "source_tokenizer": source}
    names = {field.name for field in dataclasses.fields(initializer)}
    wanted = {name: value for name, value in offered.items() if name in names and getattr(initializer, name) is None}
    return dataclasses.replace(initializer, **wanted) if wanted else initializer
