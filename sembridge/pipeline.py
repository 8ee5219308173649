"""The whole transfer in one call, for an engineer who wants an encoder in another language."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sembridge.encoder.loading import load_encoder, load_tokenizer
from sembridge.encoder.modules import parts
from sembridge.encoder.transplant import check_options, decoder_rows, source_rows, transplant
from sembridge.initializer import Initialization, Initializer, Transfer
from sembridge.vocabulary.vocabulary import Vocabulary

# What a profile does with what a transplant has to decide besides the rows.
TRANSPLANT: Mapping[str, Mapping[str, str]] = {
    "fixed": {"bias": "transfer", "special_ids": "target"},
    "compat": {"bias": "keep", "special_ids": "keep"},
}


def transfer(
    source: str,
    tokenizer: str,
    initializer: Initializer,
    *,
    bias: str | None = None,
    query_weights: Any = None,
    **asking: Any,
) -> Any:
    """Take the English sparse encoder `source`, give it the vocabulary of `tokenizer`, initialize the new rows with `initializer`.

    source, tokenizer  hub ids or folders
    bias               decoder bias policy, see `transplant`; None: that of the profile (`transfer` for fixed)
    query_weights      [T] for an inference-free encoder, see `transplant`
    asking             profile, overlap, donors, seed: see `question`

    Returns an ordinary sentence-transformers `SparseEncoder`; `save_pretrained` makes an ordinary folder of it.
    """
    return apply(
        load_encoder(source), load_tokenizer(tokenizer), initializer, bias=bias, query_weights=query_weights, **asking
    )


def apply(
    encoder: Any,
    tokenizer: Any,
    initializer: Initializer,
    *,
    bias: str | None = None,
    query_weights: Any = None,
    **asking: Any,
) -> Any:
    """`transfer` for a loaded encoder and tokenizer; changes and returns the encoder."""
    asked = question(encoder, tokenizer, **asking)
    options = transplant_options(asked.source.profile, bias)
    check_options(**options)
    embedding, decoder = answers(encoder, tokenizer, initializer, asked)
    return transplant(encoder, tokenizer, embedding, decoder=decoder, query_weights=query_weights, **options)


def transplant_options(profile: str, bias: str | None = None) -> dict[str, str]:
    """The bias policy and special ids that a profile asks of a transplant; a policy that is given wins."""
    return {**TRANSPLANT[profile], **({} if bias is None else {"bias": bias})}


def question(
    encoder: Any,
    tokenizer: Any,
    *,
    profile: str = "fixed",
    overlap: str = "fuzzy",
    donors: str | None = None,
    seed: int = 42,
) -> Transfer:
    """The `Transfer` that asks how `encoder` may get the vocabulary of `tokenizer`.

    profile  `fixed`, or `compat` for the choices of SemBridge's published code (see docs/fidelity.md)
    overlap  special | exact | fuzzy, see `match.match`
    donors   ordinary | all, see `Transfer.between`
    seed     of everything that is sampled
    """
    found = parts(encoder)
    return Transfer.between(
        Vocabulary.from_tokenizer(found.tokenizer, profile),
        Vocabulary.from_tokenizer(tokenizer, profile),
        source_rows(encoder),
        overlap=overlap,
        seed=seed,
        initializer_range=float(getattr(found.model.config, "initializer_range", 0.02)),
        donors=donors,
    )


def answers(
    encoder: Any, tokenizer: Any, initializer: Initializer, asked: Transfer
) -> tuple[Initialization, Initialization | None]:
    """The method's answer to `asked` for the embedding, and for the decoder where the model stores one of its own (None where it shares the rows)."""
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
