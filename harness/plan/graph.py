"""The artifact that answers a cell, and all it is made from: what depends on what, and which parameters decide it."""

from __future__ import annotations

from typing import Any

from harness.evaluation.shards import EVALUATION_SHARE, SHARE
from harness.evaluation.stage import EVALUATION
from harness.initialization.initialization import INITIALIZATION
from harness.initialization.needs import BRIDGE, TEXT, Materials, Need, needs_of
from harness.initialization.query_weights import QUERY_WEIGHTS
from harness.plan.inputs import Inputs, chosen, documents
from harness.plan.preset import Preset
from harness.plan.resolve import may_be_inference_free
from harness.references.bm25 import BM25
from harness.references.dense import DENSE
from harness.references.sparse_models import REFERENCE
from harness.results.record import Identity
from harness.store.artifact import Artifact, Source
from harness.training.stage import TRAINED_ENCODER


def cell_artifact(preset: Preset, given: Inputs, cell: Identity) -> Artifact:
    collection = given.collections[cell.collection, cell.language]
    settings = preset.evaluation
    if cell.initializer == "bm25":
        return Artifact(BM25, {"k": settings.k, "language": cell.language}, {"collection": collection})
    if cell.initializer == "dense":
        return Artifact(
            DENSE, _dense(preset, cell.bridge), {"bridge": given.bridges[cell.bridge], "collection": collection}
        )
    if cell.initializer in preset.references:
        return Artifact(
            REFERENCE,
            _reference(preset, cell.initializer),
            {"encoder": given.references[cell.initializer], "collection": collection},
        )
    inputs: dict[str, Source] = {"encoder": given.encoders[cell.architecture]}
    parameters: dict[str, Any] = {}
    if cell.initializer != "base":
        inputs["tokenizer"] = given.tokenizers[cell.language]
        inputs["initialization"] = _initialization(preset, given, cell)
        parameters |= preset.transplant
        if preset.query_weights == "idf" and may_be_inference_free(inputs["encoder"]):
            inputs["query_weights"] = Artifact(
                QUERY_WEIGHTS, {}, {"tokenizer": inputs["tokenizer"], "text": _text(given, cell)}
            )
    evaluation = {"k": settings.k, "max_length": settings.max_length, "precision": settings.precision}
    if cell.regime == "zero-shot":
        return _evaluation(parameters | evaluation, inputs | {"collection": collection}, settings.shares)
    pairs = given.collections[preset.training.collection or cell.collection, cell.language]
    training = preset.training.model_dump(exclude={"collection", "workers", "points"})
    trained_by = parameters | {"training": training, "workers": preset.training.workers, "seed": cell.seed}
    inputs["pairs"] = pairs
    if preset.training.points:
        trained_by |= {"points": preset.training.points, "evaluation": evaluation}
        inputs["collection"] = collection
    trained = Artifact(TRAINED_ENCODER, trained_by, inputs)
    return _evaluation(evaluation, {"trained": trained, "collection": collection}, settings.shares)


def _evaluation(parameters: dict[str, Any], inputs: dict[str, Source], shares: int) -> Artifact:
    """In one piece, or put together from shares of the documents; then the initialization or the training is only asked what it says of itself."""
    if shares == 1:
        return Artifact(EVALUATION, parameters, inputs)
    found: dict[str, Source] = {
        name: inputs[name] for name in ("initialization", "trained", "collection") if name in inputs
    }
    found |= {
        f"{SHARE}{share:04d}": Artifact(EVALUATION_SHARE, parameters | {"share": share, "shares": shares}, inputs)
        for share in range(shares)
    }
    return Artifact(EVALUATION, {}, found)


def _dense(preset: Preset, bridge: str) -> dict[str, Any]:
    settings, source = preset.evaluation, preset.bridges[bridge]
    read = {"k": settings.k, "max_length": settings.max_length, "precision": settings.precision}
    return read | {"query_prompt": source.query_prompt, "document_prompt": source.document_prompt}


def _reference(preset: Preset, name: str) -> dict[str, Any]:
    settings, source = preset.evaluation, preset.references[name]
    precision = None if source.kind == "milco" else settings.precision  # which is its code's choice
    return {
        "kind": source.kind,
        "remote_code": source.remote_code,
        "k": settings.k,
        "max_length": settings.max_length,
        "precision": precision,
    }


def _initialization(preset: Preset, given: Inputs, cell: Identity) -> Artifact:
    from sembridge.registry import initializer_class

    kind = initializer_class(cell.initializer)
    settings = dict(preset.settings.get(cell.initializer, {}))
    if cell.alpha is not None:
        settings["alpha"] = cell.alpha
    inputs: dict[str, Source] = {
        "encoder": given.encoders[cell.architecture],
        "tokenizer": given.tokenizers[cell.language],
    }
    for need in needs_of(kind):
        training = {name: settings.pop(name) for name in need.training() if name in settings}
        inputs |= need.inputs(_materials(preset, given, cell, need, training))
    parameters = {"initializer": cell.initializer, "settings": settings, "seed": cell.seed}
    parameters |= {"profile": preset.profile, "overlap": preset.overlap, "donors": preset.donors}
    return Artifact(INITIALIZATION, parameters, inputs)


def _materials(preset: Preset, given: Inputs, cell: Identity, need: Need, training: dict[str, Any]) -> Materials:
    bridge = cell.bridge or next(iter(given.bridges), "")
    available = given.files[cell.language] | {TEXT.name: _text(given, cell)}
    if bridge:
        available[BRIDGE.name] = given.bridges[bridge]
    return Materials(
        encoder=given.encoders[cell.architecture],
        tokenizer=given.tokenizers[cell.language],
        sources={option.name: available[option.name] for option in chosen(need, cell.initializer, available)},
        training=training,
        prompt=preset.bridges[bridge].prompt if bridge else "",
        language=cell.language,
        profile=preset.profile,
    )


def _text(given: Inputs, cell: Identity) -> Source:
    """Target-language text: the preset's, or the documents of the collection at hand."""
    text = given.files[cell.language].get(TEXT.name)
    return documents(given.collections[cell.collection, cell.language]) if text is None else text
