"""Encode the few queries that a page shows with the encoders of a store: what a query became in each of two methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.files.redaction import without_folders, without_secrets
from harness.report_page.store_files import StoreFiles
from harness.store.artifact import Location

MOST = 6
_MODELS = {
    "trained": "trained encoder", "encoder": "source encoder", "tokenizer": "tokenizer", "initialization": "new rows",
    "thresholds": "calibration", "query_weights": "query weights",
}  # fmt: skip
"""The inputs of a stage that make an encoder, and what a sentence calls them."""


class WithoutError(Exception):
    """The encoder of a cell cannot be loaded: a part of a sentence that says why."""


class Weighed(NamedTuple):
    """Hold a token of the target vocabulary, as a person reads it, and its weight in a query."""

    token: str
    weight: float


def heaviest(store: StoreFiles, key: str, texts: Sequence[str]) -> list[list[Weighed]]:
    """Return for each text the heaviest terms of it as a query, as the encoder of a cell gives them.

    What the cell's evaluation did to vectors afterwards (rarity, pruning) is not done. Raises WithoutError.
    """
    from harness.evaluation.encoder_run import encoder_of
    from sembridge.encoder.modules import splade_modules
    from sembridge.model_card.record import TokenNames
    from sembridge.search.encode import encode_all
    from sembridge.search.encode_options import EncodeOptions
    from sembridge.vocabulary.vocabulary import Vocabulary

    parameters, inputs = _recipe(store, key)
    try:
        encoder = encoder_of(parameters, inputs)
        vectors = encode_all(encoder, texts, "query", EncodeOptions.of(parameters))
        shown = TokenNames.of(Vocabulary.from_tokenizer(splade_modules(encoder).tokenizer)).shown
    except (ValueError, LookupError, OSError, RuntimeError, MemoryError) as error:
        reason = without_folders(without_secrets((str(error).splitlines() or [""])[0]))
        raise WithoutError(f"its encoder cannot be read ({reason})") from None
    terms = []
    for row in range(len(texts)):
        own = vectors[[row]]
        order = sorted(zip(-own.data, own.indices, strict=True))[:MOST]
        terms.append([Weighed(shown[i] if i < len(shown) else f"#{i}", float(-weight)) for weight, i in order])
    return terms


def _recipe(store: StoreFiles, key: str) -> tuple[Mapping[str, Any], dict[str, Location]]:
    """Return parameters and inputs of what encoded a cell's queries; only what lies in the store is taken."""
    place = store.of_cell(key)
    described = dict(store.inputs(place)) if place else {}
    stored = next((each for name, each in sorted(described.items()) if name.startswith("vectors-")), None)
    if stored is not None:  # its evaluation read vectors that another stage encoded
        place = store.artifact(stored)
        described = dict(store.inputs(place)) if place else {}
    parameters = store.manifest(place).get("parameters") if place else None
    if not isinstance(parameters, dict):
        raise WithoutError("its evaluation is not in the store")
    inputs = {}
    for name in _MODELS:
        if name in described:
            folder = store.folder(described[name])
            if folder is None:
                raise WithoutError(f"its {_MODELS[name]} is not in the store")
            inputs[name] = Location(str(folder))
    if not inputs.keys() & {"trained", "encoder"}:
        raise WithoutError("it has no encoder")
    return {"bias": None, "special_ids": None, "max_length": None, "precision": "auto", **parameters}, inputs
