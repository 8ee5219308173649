"""The artifact that answers a cell, and all it is made from: what depends on what, and which parameters decide it."""

from __future__ import annotations

from typing import Any

from harness.evaluation.shards import EVALUATION_SHARE, SHARE
from harness.evaluation.stage import EVALUATION
from harness.initialization.aligned_vectors import ALIGNED_VECTORS, FASTTEXT
from harness.initialization.auxiliary_vectors import AUXILIARY_VECTORS
from harness.initialization.bridge_vectors import BRIDGE_VECTORS
from harness.initialization.initialization import INITIALIZATION
from harness.initialization.query_weights import QUERY_WEIGHTS
from harness.initialization.subword_vectors import SUBWORD_VECTORS
from harness.plan.inputs import Inputs, documents
from harness.plan.preset import Preset, PresetError
from harness.plan.resolve import may_be_inference_free, tokenizer_of
from harness.references.bm25 import BM25
from harness.references.dense import DENSE
from harness.references.sparse_models import REFERENCE
from harness.results.record import Identity
from harness.store.artifact import Artifact, Member, Source
from harness.training.stage import TRAINED_ENCODER

SOURCE_LANGUAGE = "en"


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

    encoder, tokenizer = given.encoders[cell.architecture], given.tokenizers[cell.language]
    needs = initializer_class(cell.initializer).needs
    settings = dict(preset.settings.get(cell.initializer, {}))
    inputs: dict[str, Source] = {"encoder": encoder, "tokenizer": tokenizer}
    if cell.alpha is not None:
        settings["alpha"] = cell.alpha
    if "bridge" in needs:
        reading = {"prompt": preset.bridges[cell.bridge].prompt, "profile": preset.profile}
        for side, of in (("bridge_source", tokenizer_of(encoder)), ("bridge_target", tokenizer)):
            inputs[side] = Artifact(BRIDGE_VECTORS, reading, {"bridge": given.bridges[cell.bridge], "tokenizer": of})
    if "text" in needs:
        inputs["text"] = _text(given, cell)
    if "auxiliary" in needs:
        from baselines.focus import TRAINING_PARAMETERS

        training = {name: settings.pop(name) for name in TRAINING_PARAMETERS if name in settings}
        inputs["auxiliary"] = Artifact(
            AUXILIARY_VECTORS, training, {"tokenizer": tokenizer, "text": _text(given, cell)}
        )
    if "words" in needs:
        inputs["words"] = _subword_vectors(preset, given, cell, encoder, tokenizer)
    if "aligned" in needs:
        inputs["aligned"] = _aligned_vectors(given, cell, encoder, tokenizer, settings)
    parameters = {"initializer": cell.initializer, "settings": settings, "seed": cell.seed}
    parameters |= {"profile": preset.profile, "overlap": preset.overlap, "donors": preset.donors}
    return Artifact(INITIALIZATION, parameters, inputs)


def _subword_vectors(preset: Preset, given: Inputs, cell: Identity, encoder: Source, tokenizer: Source) -> Artifact:
    if given.words is not None:
        return Artifact(SUBWORD_VECTORS, {}, {"source": encoder, "target": tokenizer, "words": given.words})
    if not preset.bridges:
        raise PresetError(
            f"initializer {cell.initializer!r} needs word vectors: add --set words=FILE (word2vec text format) or a bridge"
        )
    name, source = next(iter(given.bridges.items()))
    parameters = {"prompt": preset.bridges[name].prompt, "language": cell.language}
    return Artifact(
        SUBWORD_VECTORS,
        parameters,
        {"source": encoder, "target": tokenizer, "bridge": source, "text": _text(given, cell)},
    )


def _aligned_vectors(
    given: Inputs, cell: Identity, encoder: Source, tokenizer: Source, settings: dict[str, Any]
) -> Artifact:
    """Takes the settings of the training out of `settings`."""
    from baselines.vectors.fasttext import TRAINING_PARAMETERS

    training = {name: settings.pop(name) for name in TRAINING_PARAMETERS if name in settings}
    files = given.alignments[cell.language]

    def trained(text: Source, language: str) -> Source:
        return Member(Artifact(FASTTEXT, {**training, "language": language}, {"text": text}), "model.bin")

    inputs = {
        "source": tokenizer_of(encoder),
        "target": tokenizer,
        "dictionary": files["dictionary"],
        "source_words": files.get("source_vectors") or trained(files["source_text"], SOURCE_LANGUAGE),
        "target_words": files.get("target_vectors") or trained(_text(given, cell), cell.language),
    }
    return Artifact(ALIGNED_VECTORS, {}, inputs)


def _text(given: Inputs, cell: Identity) -> Source:
    """Target-language text: the preset's, or the documents of the collection at hand."""
    text = given.texts[cell.language]
    if text is not None:
        return text
    return documents(given.collections[cell.collection, cell.language])
