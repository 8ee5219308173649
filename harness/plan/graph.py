"""Build the artifact that a cell needs, and all it is made from: dependencies, and the parameters of each artifact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.evaluation.own_documents import RULE
from harness.evaluation.shards import EVALUATION_SHARE, SHARE
from harness.evaluation.stage import EVALUATION
from harness.evaluation.strata import STRATA
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
from harness.results.record import Identity
from harness.store.artifact import Artifact, Source
from harness.training.stage import TRAINED_ENCODER
from sembridge.options import alpha_field


def cell_artifact(preset: Preset, resolved: Inputs, cell: Identity) -> Artifact:
    """Return the artifact whose measurement is the score of the cell."""
    collection = resolved.collections[cell.collection, cell.language]
    settings, own = preset.evaluation, _own_documents(preset, cell)
    if cell.initializer == "bm25":
        return Artifact(BM25, {"k": settings.k, "language": cell.language} | own, {"collection": collection})
    fused = next((name for name in preset.fusion if row_name(name) == cell.initializer), None)
    if fused is not None:
        runs: dict[str, Source] = {
            part: cell_artifact(preset, resolved, replace(cell, initializer=name))
            for part, name in (("bm25", "bm25"), ("row", fused))
        }
        return Artifact(FUSION, {"k": settings.k, "constant": CONSTANT} | own, runs | {"collection": collection})
    if cell.initializer == "dense":
        sources = {"bridge": resolved.bridges[cell.bridge], "collection": collection}
        return Artifact(DENSE, _dense(preset, cell.bridge) | own, sources)
    if cell.initializer in preset.references:
        sources = {"encoder": resolved.references[cell.initializer], "collection": collection}
        return Artifact(REFERENCE, _reference(preset, cell.initializer) | own, sources)
    inputs: dict[str, Source] = {"encoder": resolved.encoders[cell.architecture]}
    parameters: dict[str, Any] = {}
    if cell.initializer != "base":
        inputs["tokenizer"] = resolved.tokenizers[cell.language]
        inputs["initialization"] = _initialization(preset, resolved, cell)
        parameters |= preset.transplant
        if preset.query_weights == "idf" and may_be_inference_free(inputs["encoder"]):
            counted = {"tokenizer": inputs["tokenizer"], "text": _text(resolved, cell)}
            inputs["query_weights"] = Artifact(QUERY_WEIGHTS, {}, counted)
    evaluation = {"k": settings.k, "max_length": settings.max_length, "precision": settings.precision} | own
    if cell.regime == "zero-shot":
        return _evaluation(parameters | evaluation, inputs | {"collection": collection}, settings.shares)
    pairs = resolved.collections[preset.training.collection or cell.collection, cell.language]
    training = preset.training.model_dump(exclude={"collection", "workers", "points"})
    trained_by = parameters | {"training": training, "workers": preset.training.workers, "seed": cell.seed}
    inputs["pairs"] = pairs
    if preset.training.points:
        trained_by |= {"points": preset.training.points, "evaluation": evaluation}
        inputs["collection"] = collection
    trained = Artifact(TRAINED_ENCODER, trained_by, inputs)
    return _evaluation(evaluation, {"trained": trained, "collection": collection}, settings.shares)


def strata_artifact(preset: Preset, resolved: Inputs, cell: Identity) -> Artifact:
    """Return what all cells of a collection and language share: how much of each query stands in its answers."""
    parameters = {"language": cell.language} | _own_documents(preset, cell)
    return Artifact(STRATA, parameters, {"collection": resolved.collections[cell.collection, cell.language]})


def _evaluation(parameters: dict[str, Any], inputs: dict[str, Source], shares: int) -> Artifact:
    """Return an evaluation in one piece, or one merged from shards of the documents.

    A merged evaluation reads only the descriptions (about) of its initialization or training.
    """
    if shares == 1:
        return Artifact(EVALUATION, parameters, inputs)
    described = ("initialization", "trained", "collection")
    merged: dict[str, Source] = {name: inputs[name] for name in described if name in inputs}
    merged |= {
        f"{SHARE}{share:04d}": Artifact(EVALUATION_SHARE, parameters | {"share": share, "shares": shares}, inputs)
        for share in range(shares)
    }
    dropped = {"k": parameters["k"], RULE: True} if RULE in parameters else {}
    return Artifact(EVALUATION, dropped, merged)


def _own_documents(preset: Preset, cell: Identity) -> dict[str, bool]:
    """Return the rule about own documents as a parameter, only where the cell's collection sets it."""
    named = (source for name, source in preset.collections.items() if source.label(name) == cell.collection)
    return {RULE: True} if any(source.ignore_identical_ids for source in named) else {}


def _dense(preset: Preset, bridge: str) -> dict[str, Any]:
    settings, source = preset.evaluation, preset.bridges[bridge]
    read = {"k": settings.k, "max_length": settings.max_length, "precision": settings.precision}
    return read | {"query_prompt": source.query_prompt, "document_prompt": source.document_prompt}


def _reference(preset: Preset, name: str) -> dict[str, Any]:
    settings, source = preset.evaluation, preset.references[name]
    precision = None if source.kind == "milco" else settings.precision  # the code of milco chooses it
    return {
        "kind": source.kind,
        "remote_code": source.remote_code,
        "k": settings.k,
        "max_length": settings.max_length,
        "precision": precision,
    }


def _initialization(preset: Preset, resolved: Inputs, cell: Identity) -> Artifact:
    from sembridge.initializer import NEVER, samples_of
    from sembridge.registry import initializer_class

    kind = initializer_class(cell.initializer)
    seed = preset.seeds[0] if samples_of(kind) == NEVER else cell.seed  # rows that no seed changes are made once
    settings = dict(preset.settings.get(cell.initializer, {}))
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
    if preset.nonfinite != "refuse":  # keys of all others stay as they were
        parameters["nonfinite"] = preset.nonfinite
    return Artifact(INITIALIZATION, parameters, inputs)


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
