"""Build the artifact that a cell needs, and all it is made from: dependencies, and the parameters of each artifact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.evaluation.own_documents import RULE
from harness.evaluation.shards import EVALUATION_SHARE, SHARE
from harness.evaluation.stage import EVALUATION
from harness.evaluation.strata import STRATA
from harness.evaluation.vectors import VECTORS, VECTORS_OF
from harness.initialization.bias_thresholds import BIAS_THRESHOLDS
from harness.initialization.initialization import INITIALIZATION
from harness.initialization.needs import BRIDGE, TEXT, Materials, Need, needs_of
from harness.initialization.query_weights import QUERY_WEIGHTS
from harness.plan.inputs import Inputs, chosen, documents
from harness.plan.preset import Preset
from harness.plan.resolve import may_be_inference_free
from harness.references.bm25 import BM25
from harness.references.dense import DENSE
from harness.references.fusion import CONSTANT, FUSION, row_name
from harness.references.sparse_models import REFERENCE
from harness.references.vectors import REFERENCE_VECTORS
from harness.results.record import Identity
from harness.retrieval.vector_options import AS_ENCODED, VectorOptions
from harness.store.artifact import Artifact, Source
from harness.training.stage import TRAINED_ENCODER
from sembridge.options import AUTO, CALIBRATED, alpha_field, settings_for


def cell_artifact(preset: Preset, resolved: Inputs, cell: Identity, vectors: VectorOptions = AS_ENCODED) -> Artifact:
    """Return the artifact whose measurement is the score of the cell. vectors: what becomes of its sparse vectors."""
    collection = resolved.collections[cell.collection, cell.language]
    settings, own = preset.evaluation, _own_documents(preset, cell)
    if cell.initializer == "bm25":
        return Artifact(BM25, {"k": settings.k, "language": cell.language} | own, {"collection": collection})
    fused = next((name for name in preset.fusion if row_name(name) == cell.initializer), None)
    if fused is not None:
        runs: dict[str, Source] = {
            part: cell_artifact(preset, resolved, replace(cell, initializer=name), vectors)
            for part, name in (("bm25", "bm25"), ("row", fused))
        }
        return Artifact(FUSION, {"k": settings.k, "constant": CONSTANT} | own, runs | {"collection": collection})
    if cell.initializer == "dense":
        sources = {"bridge": resolved.bridges[cell.bridge], "collection": collection}
        return Artifact(DENSE, _dense(preset, cell.bridge) | own, sources)
    if cell.initializer in preset.references:
        sources = {"encoder": resolved.references[cell.initializer], "collection": collection}
        return _reference(preset, cell.initializer, own, sources, vectors)
    inputs: dict[str, Source] = {"encoder": resolved.encoders[cell.architecture]}
    parameters: dict[str, Any] = {}
    if cell.initializer != "base":
        inputs["tokenizer"] = resolved.tokenizers[cell.language]
        inputs["initialization"] = _initialization(preset, resolved, cell)
        parameters |= preset.transplant(_preferred_bias(cell.initializer))
        if preset.query_weights == "idf" and may_be_inference_free(inputs["encoder"]):
            counted = {"tokenizer": inputs["tokenizer"], "text": _text(resolved, cell)}
            inputs["query_weights"] = Artifact(QUERY_WEIGHTS, {}, counted)
        if parameters["bias"] == CALIBRATED:
            read = {"max_length": settings.max_length, "precision": settings.precision}
            text = {"text": _text(resolved, cell)}
            inputs["thresholds"] = Artifact(BIAS_THRESHOLDS, parameters | read, inputs | text)
    evaluation = {"k": settings.k, "max_length": settings.max_length, "precision": settings.precision} | own
    if cell.regime == "zero-shot":
        return _evaluation(parameters | evaluation, inputs | {"collection": collection}, settings.shares, vectors)
    pairs = resolved.collections[preset.training.collection or cell.collection, cell.language]
    training = preset.training.model_dump(exclude={"collection", "workers", "points"})
    trained_by = parameters | {"training": training, "workers": preset.training.workers, "seed": cell.seed}
    inputs["pairs"] = pairs
    if preset.training.points:
        trained_by |= {"points": preset.training.points, "evaluation": evaluation}
        inputs["collection"] = collection
    trained = Artifact(TRAINED_ENCODER, trained_by, inputs)
    return _evaluation(evaluation, {"trained": trained, "collection": collection}, settings.shares, vectors)


def strata_artifact(preset: Preset, resolved: Inputs, cell: Identity) -> Artifact:
    """Return what all cells of a collection and language share: how much of each query stands in its answers."""
    parameters = {"language": cell.language} | _own_documents(preset, cell)
    return Artifact(STRATA, parameters, {"collection": resolved.collections[cell.collection, cell.language]})


def _evaluation(parameters: dict[str, Any], inputs: dict[str, Source], shares: int, vectors: VectorOptions) -> Artifact:
    """Return an evaluation in one piece, one merged from shards of the documents, or one of stored vectors.

    The last two read only the descriptions (about) of their initialization or training.
    """
    changed = vectors.parameters
    if shares == 1 and not changed:
        return Artifact(EVALUATION, parameters, inputs)
    described = ("initialization", "trained", "collection")
    merged: dict[str, Source] = {name: inputs[name] for name in described if name in inputs}
    ranking = {name: parameters[name] for name in ("k", RULE) if name in parameters}
    name, stage = (VECTORS_OF, VECTORS) if changed else (SHARE, EVALUATION_SHARE)
    if changed:  # vectors do not depend on what is searched in them
        parameters = {name: value for name, value in parameters.items() if name not in ranking}
    merged |= {
        f"{name}{share:04d}": Artifact(stage, parameters | {"share": share, "shares": shares}, inputs)
        for share in range(shares)
    }
    if changed:
        return Artifact(EVALUATION, ranking | changed, merged)
    return Artifact(EVALUATION, ranking if RULE in ranking else {}, merged)


def _own_documents(preset: Preset, cell: Identity) -> dict[str, bool]:
    """Return the rule about own documents as a parameter, only where the cell's collection sets it."""
    named = (source for name, source in preset.collections.items() if source.label(name) == cell.collection)
    return {RULE: True} if any(source.ignore_identical_ids for source in named) else {}


def _dense(preset: Preset, bridge: str) -> dict[str, Any]:
    settings, source = preset.evaluation, preset.bridges[bridge]
    read = {"k": settings.k, "max_length": settings.max_length, "precision": settings.precision}
    return read | {"query_prompt": source.query_prompt, "document_prompt": source.document_prompt}


def _reference(
    preset: Preset, name: str, own: dict[str, bool], inputs: dict[str, Source], vectors: VectorOptions
) -> Artifact:
    settings, source = preset.evaluation, preset.references[name]
    precision = None if source.kind == "milco" else settings.precision  # the code of milco chooses it
    encoding = {
        "kind": source.kind,
        "remote_code": source.remote_code,
        "max_length": settings.max_length,
        "precision": precision,
    }
    if not vectors.parameters:
        return Artifact(REFERENCE, {"k": settings.k} | encoding | own, inputs)
    stored = Artifact(REFERENCE_VECTORS, encoding, inputs)
    ranking = {"kind": source.kind, "k": settings.k} | own | vectors.parameters
    return Artifact(REFERENCE, ranking, {"collection": inputs["collection"], f"{VECTORS_OF}0000": stored})


def _initialization(preset: Preset, resolved: Inputs, cell: Identity) -> Artifact:
    from sembridge.bridging.method import BridgeMethod
    from sembridge.initializer import NEVER, bias_of, samples_of
    from sembridge.mixture.whole_directions import rounds
    from sembridge.registry import initializer_class

    kind = initializer_class(cell.initializer)
    seed = preset.seeds[0] if samples_of(kind) == NEVER else cell.seed  # rows that no seed changes are made once
    bias = preset.transplant(bias_of(kind))["bias"]
    settings = settings_for(kind, bias) | preset.settings.get(cell.initializer, {})
    if cell.alpha is not None:
        settings["alpha"] = alpha_field(cell.alpha)
    inputs: dict[str, Source] = {
        "encoder": resolved.encoders[cell.architecture],
        "tokenizer": resolved.tokenizers[cell.language],
    }
    for need in needs_of(kind):
        training = {name: settings.pop(name) for name in need.training() if name in settings}
        inputs |= need.inputs(_materials(preset, resolved, cell, need, training))
    parameters = {"initializer": cell.initializer, "settings": settings, "seed": seed}
    parameters |= {"profile": preset.profile, "overlap": preset.overlap, "donors": preset.donors}
    # Only what makes other rows than in stores of before is added, so that keys of all others stay as they were.
    if preset.nonfinite != "refuse":
        parameters["nonfinite"] = preset.nonfinite
    if issubclass(kind, BridgeMethod) and rounds(settings.get("alpha", AUTO)):
        parameters["directions"] = "rounded"
    return Artifact(INITIALIZATION, parameters, inputs)


def _preferred_bias(initializer: str) -> str | None:
    from sembridge.initializer import bias_of
    from sembridge.registry import initializer_class

    return bias_of(initializer_class(initializer))


def _materials(preset: Preset, resolved: Inputs, cell: Identity, need: Need, training: dict[str, Any]) -> Materials:
    bridge = cell.bridge or next(iter(resolved.bridges), "")
    available = resolved.files[cell.language] | {TEXT.name: _text(resolved, cell)}
    if bridge:
        available[BRIDGE.name] = resolved.bridges[bridge]
    options = chosen(need, cell.initializer, available, preset.settings.get(cell.initializer, {}))
    return Materials(
        encoder=resolved.encoders[cell.architecture],
        tokenizer=resolved.tokenizers[cell.language],
        sources={option.name: available[option.name] for option in options},
        training=training,
        prompt=resolved.prompts[bridge] if bridge else "",
        language=cell.language,
        profile=preset.profile,
    )


def _text(resolved: Inputs, cell: Identity) -> Source:
    """Return target-language text: the preset's, or else the documents of the cell's collection."""
    text = resolved.files[cell.language].get(TEXT.name)
    return documents(resolved.collections[cell.collection, cell.language]) if text is None else text
