"""Put together the record of a cell's transfer, and what its model card says of training and scores."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.cli.refusal import RefusedError
from harness.cli.store.encoder_parts import ENCODER, TOKENIZER, EncoderParts, PartFinder, recorded_inputs_of
from harness.results import measurement
from harness.results.record import MEASURES
from harness.results.scored_cells import ScoredCell
from sembridge.model_card.measured import Measured, Scores, Training
from sembridge.model_card.recipe import Recipe
from sembridge.model_card.record import TransferRecord

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")
_BM25 = "bm25"


def transfer_record(parts: EncoderParts, finder: PartFinder) -> TransferRecord:
    """Return what the rows of a transferred encoder were made of, before any training.

    It is the record that `sembridge-bench transfer` writes for the same method, read from the store.
    """
    from harness.initialization import initialization
    from harness.initialization.needs import needs_of
    from sembridge.encoder.loading import load_encoder, load_tokenizer
    from sembridge.model_card.record import best_cosines
    from sembridge.pipeline import make_task
    from sembridge.registry import initializer_class
    from sembridge.weights.checked_load import dtype, stored_dtype

    made = parts.initialization
    assert made is not None
    parameters = made.manifest["parameters"]
    try:
        kind = initializer_class(parameters["initializer"])
    except ValueError as error:
        raise RefusedError(f"the cell's initializer: {error}; install the package that has it") from None
    encoder, tokenizer = load_encoder(*parts.located[ENCODER]), load_tokenizer(*parts.located[TOKENIZER])
    chosen = {name: parameters[name] for name in ("profile", "overlap", "donors", "seed")}
    task = make_task(encoder, tokenizer, **chosen, nonfinite=parameters.get("nonfinite", "refuse"))
    rows, _ = initialization.load(made.folder, encoder)
    strength, measure = None, ""
    for need in needs_of(kind):
        if need.sides is not None:
            recorded = recorded_inputs_of(made).items()
            inputs = {name: finder.locate(name, how) for name, how in recorded if name not in (ENCODER, TOKENIZER)}
            strength, measure = best_cosines(rows, *need.sides(need.load(inputs))), need.measure
    types = {"source weights": stored_dtype(encoder), "weights": dtype(encoder)}
    return TransferRecord.of(task, rows, cell_recipe(parts, finder, types), strength, measure)


def cell_recipe(
    parts: EncoderParts, finder: PartFinder | None = None, types: Mapping[str, str] | None = None
) -> Recipe:
    """Return the recipe of a cell's encoder; one with its own vocabulary was made from the source alone.

    types  in which the source's file and the encoder hold their weights
    """
    from sembridge import options

    versions = _versions(parts.measurement.folder)
    source = parts.ingredients[ENCODER]
    made = parts.initialization
    if made is None or finder is None:
        return Recipe(source, source, "none: the source's own vocabulary", "its own vocabulary", versions=versions)
    parameters, transplanted = made.manifest["parameters"], parts.maker.manifest["parameters"]
    about = json.loads((made.folder / "about.json").read_text(encoding="utf-8"))
    chosen = (parameters["profile"], parameters["overlap"], parameters["donors"], transplanted["bias"])
    nonfinite = parameters.get("nonfinite", "refuse")
    described: dict[str, Any] = dict(options.described(*chosen, parameters["seed"], nonfinite))
    if "bridge_prompt" in about:
        described["bridge prompt"] = about["bridge_prompt"] or "none"
    return Recipe(
        source=source,
        tokenizer=parts.ingredients[TOKENIZER],
        initializer=parameters["initializer"],
        label=about["label"],
        inputs=finder.ingredients_of(made),
        parameters=dict(parameters["settings"]),
        options={**described, **(types or {})},
        versions=versions,
    )


def measured(cell: ScoredCell, cells: Sequence[ScoredCell], parts: EncoderParts) -> Measured:
    """Return how the cell's encoder was trained, and its scores with those of BM25 beside them."""
    training = None
    if parts.trained is not None:
        figures = json.loads((parts.trained.folder / "about.json").read_text(encoding="utf-8"))["training"]
        parameters = parts.trained.manifest["parameters"]
        settings = {name: value for name, value in parameters["training"].items() if value is not None}
        settings |= {"workers": parameters["workers"], "seed": parameters["seed"]}
        pairs = recorded_inputs_of(parts.trained)["pairs"]["name"]
        training = Training(_shown(pairs), figures["pairs_used"], figures["steps"], settings)
    same = [row for row in cells if (row.language, row.collection) == (cell.language, cell.collection)]
    words = next((row for row in same if row.initializer == _BM25 and row.scores), None)
    name = f"this encoder ({cell.vectors})" if cell.vectors else "this encoder"
    rows = [(name, cell.scores), *([] if words is None else [("BM25 (word matching)", words.scores)])]
    missing = [] if words is not None else ["BM25 was not measured beside it: add bm25 to the grid's initializers."]
    collection = f"{cell.collection} ({cell.language})"
    return Measured(training, Scores(collection, cell.documents, cell.queries, MEASURES, rows, missing))


def language_code(cell: ScoredCell) -> str | None:
    """Return the cell's language if it is a code that a card's front matter may have."""
    return cell.language if _LANGUAGE.fullmatch(cell.language) else None


def _shown(name: str) -> str:
    """Return the name of a collection without the key of the artifact that it lies in, or is."""
    parts = [part for part in name.split("/") if not re.fullmatch(r"[0-9a-f]{32}", part)]
    return "/".join(parts)


def _versions(folder: Path) -> dict[str, str]:
    """Return the versions that the cell was computed with."""
    versions = measurement.load(folder)["provenance"].get("versions", {})
    return {name: str(version) for name, version in versions.items() if version != "not installed"}
