"""The plan: from a preset to cells, and from cells to the artefacts still missing. Pure: it reads files and computes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.grid.artefact import Artefact, Local, Member, Source
from harness.grid.preset import CollectionSource, ModelSource, Preset, PresetError
from harness.grid.sources import check_collection, check_model, check_tokenizer, resolve, tokenizer_of
from harness.grid.store import Store
from harness.results.record import Identity
from sembridge.nearest import nearest

REFERENCES = ("base", "bm25")
SOURCE_LANGUAGE = "en"
# The option that gives the input of the same name to a method.
GIVEN_BY = {"bridge": "bridges", "words": "words", "text": "text", "auxiliary": "text", "aligned": "dictionary"}


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: who it is, how tables call it, and the artefact that answers it."""

    identity: Identity
    label: str
    reference: bool
    artefact: Artefact


@dataclass(frozen=True)
class Method:
    """One row of the tables before languages: an initializer (or reference) with one bridge and one alpha, where it has them."""

    name: str
    bridge: str = ""
    alpha: float | None = None
    label: str = ""


def plan(preset: Preset) -> list[Cell]:
    """Every cell of the grid, in the order the tables show them. Raises PresetError before anything is computed."""
    methods = _methods(preset)
    checked = _Inputs(preset)
    cells = []
    for architecture in preset.architectures:
        for language in preset.languages:
            for collection in preset.evaluated or preset.collections:
                for stage in preset.stages:
                    for method in methods:
                        for seed in preset.seeds:
                            identity = Identity(language, architecture, collection, method.name, method.bridge, method.alpha, stage, seed)
                            artefact = _cell_artefact(preset, checked, identity)
                            cells.append(Cell(identity, method.label or method.name, method.name in REFERENCES, artefact))
    return cells


def missing(cells: Iterable[Cell], store: Store) -> list[Artefact]:
    """Artefacts the store lacks for these cells, inputs first, each once. What a finished cell was made from is not missed."""
    found: dict[str, Artefact] = {}
    for cell in cells:
        if store.has(cell.artefact):
            continue
        for artefact in cell.artefact.walk():
            if not store.has(artefact):
                found.setdefault(artefact.key, artefact)
    return list(found.values())


class _Inputs:
    """The preset's inputs, resolved and checked once each."""

    def __init__(self, preset: Preset) -> None:
        from sembridge.initializer import initializer_class

        self.encoders = {name: resolve(f"architectures.{name}", source) for name, source in preset.architectures.items()}
        for name, source in self.encoders.items():
            check_model(f"architectures.{name}", source)
        self.bridges = {name: resolve(f"bridges.{name}", source) for name, source in preset.bridges.items()}
        self.tokenizers: dict[str, Source] = {}
        self.collections: dict[tuple[str, str], Source] = {}
        self.texts: dict[str, Source | None] = {}
        self.alignments: dict[str, dict[str, Source]] = {}
        for language in preset.languages:
            option = f"--languages {language}"
            self.tokenizers[language] = self._tokenizer(preset, option, language)
            check_tokenizer(option, self.tokenizers[language])
            for name, collection in preset.collections.items():
                needs_pairs = "fine-tuned" in preset.stages and preset.training.collection in (None, name)
                self.collections[name, language] = self._collection(f"{option}, collection {name}", collection, language, needs_pairs)
            self.texts[language] = resolve("text", ModelSource(model=preset.text), language) if preset.text else None
        self.words = resolve("words", ModelSource(model=preset.words)) if preset.words else None
        if any("aligned" in initializer_class(name).needs for name in preset.initializers if name not in REFERENCES):  # read by nothing else
            self.alignments = {language: _alignment(preset, language) for language in preset.languages}

    @staticmethod
    def _tokenizer(preset: Preset, option: str, language: str) -> Source:
        if isinstance(preset.tokenizers, str):
            return resolve(option, ModelSource(model=preset.tokenizers), language)
        if language not in preset.tokenizers:
            raise PresetError(f"{option}: no tokenizer for this language; {nearest(language, preset.tokenizers)}")
        return resolve(option, preset.tokenizers[language], language)

    @staticmethod
    def _collection(option: str, collection: CollectionSource, language: str, needs_pairs: bool) -> Source:
        source = resolve(option, ModelSource(model=collection.folder), language)
        check_collection(option, source, needs_pairs)
        return source


def _alignment(preset: Preset, language: str) -> dict[str, Source]:
    """The files that aligned vectors are made of, by option, as far as they are given."""
    from baselines.aligned import read_dictionary
    from baselines.fasttext import check

    if preset.dictionary is None:
        raise PresetError("wechsel needs a bilingual dictionary: add --set dictionary=FILE, a source word, a tab and a target word on each line")
    if preset.source_text is None and preset.source_vectors is None:
        raise PresetError(
            "wechsel needs word vectors of the source language: add --set source_text=FILE to train them, or --set source_vectors=FILE.bin (fastText)"
        )
    given = {name: getattr(preset, name) for name in ("dictionary", "source_text", "source_vectors", "target_vectors")}
    files = {name: resolve(name, ModelSource(model=value), language) for name, value in given.items() if value is not None}
    for name, checked in (("dictionary", read_dictionary), ("source_vectors", check), ("target_vectors", check)):
        source = files.get(name)
        if isinstance(source, Local):
            try:
                checked(source.path)
            except (ValueError, OSError) as error:
                raise PresetError(f"{name}: {error}") from None
    return files


def _methods(preset: Preset) -> list[Method]:
    from sembridge.initializer import available, initializer_class

    known = [*available(), *REFERENCES]
    for name in [*preset.initializers, *preset.settings]:
        if name not in known:
            raise PresetError(f"initializer {name!r} is unknown; {nearest(name, known)}")
    for name in preset.settings.keys() & set(REFERENCES):
        raise PresetError(f"settings.{name}: {name} has no settings; remove them")
    methods = []
    for name in preset.initializers:
        if name in REFERENCES:
            methods.append(Method(name))
            continue
        kind = initializer_class(name)
        if "bridge" in kind.needs and not preset.bridges:
            raise PresetError(f"initializer {name!r} needs a bridge and the preset has none; add --set bridges.NAME.model=FOLDER")
        takes_alpha = "alpha" in {field.name for field in dataclasses.fields(kind)}
        for bridge in preset.bridges if "bridge" in kind.needs else [""]:
            for alpha in preset.alphas if takes_alpha else [None]:
                built = _built(kind, preset.settings.get(name, {}), {} if alpha is None else {"alpha": alpha}, preset.words)
                methods.append(Method(name, bridge, alpha, _label(built, preset.overlap)))
    trained_on = preset.training.collection
    if "fine-tuned" in preset.stages and trained_on is not None and trained_on not in preset.collections:
        raise PresetError(f"training.collection {trained_on!r} is unknown; {nearest(trained_on, preset.collections)}")
    return methods


def _label(initializer: Any, overlap: str) -> str:
    """What tables call a method; with the overlap where the method was published with another one."""
    label = getattr(initializer, "label", initializer.name)
    return label if getattr(initializer, "published_overlap", overlap) == overlap else f"{label} (overlap {overlap})"


def _built(kind: Any, settings: dict[str, Any], swept: dict[str, Any], words: str | None) -> Any:
    """The initializer with its settings, without prepared inputs: wrong settings show here, and how the method calls its rows."""
    fields = {field.name for field in dataclasses.fields(kind)}
    training = _training_parameters(kind)
    for name in settings:
        if name not in fields | training:
            raise PresetError(f"settings.{kind.name}.{name} is unknown; {nearest(name, fields | training)}")
        if name in swept or name in kind.needs:
            option = "alphas" if name in swept else GIVEN_BY.get(name, name)
            raise PresetError(f"settings.{kind.name}.{name} is given by the grid; use the option {option} instead")
    given: dict[str, Any] = {}
    if "words" in kind.needs:  # without a file they will be the bridge's
        from baselines.words import BRIDGE, WordVectors

        given["words"] = words or WordVectors((), np.empty((0, 1)), BRIDGE)
    try:
        return kind(**{name: value for name, value in settings.items() if name not in training - fields}, **swept, **given)
    except (TypeError, ValueError) as error:
        raise PresetError(f"settings of initializer {kind.name!r}: {error}") from None


def _training_parameters(kind: Any) -> set[str]:
    """Settings of a method that shape the vectors made for it, not the method itself."""
    if "aligned" not in kind.needs:
        return set()
    from baselines.fasttext import TRAINING_PARAMETERS

    return set(TRAINING_PARAMETERS)


def _cell_artefact(preset: Preset, given: _Inputs, cell: Identity) -> Artefact:
    collection = given.collections[cell.collection, cell.language]
    settings = preset.evaluation
    if cell.initializer == "bm25":
        return Artefact("bm25", {"k": settings.k, "language": cell.language}, {"collection": collection})
    inputs: dict[str, Source] = {"encoder": given.encoders[cell.architecture]}
    parameters: dict[str, Any] = {}
    if cell.initializer != "base":
        inputs["tokenizer"] = given.tokenizers[cell.language]
        inputs["initialization"] = _initialization(preset, given, cell)
        parameters["bias"] = preset.bias
    evaluation = parameters | {"k": settings.k, "max_length": settings.max_length, "precision": settings.precision}
    if cell.stage == "zero-shot":
        return Artefact("evaluation", evaluation, inputs | {"collection": collection})
    pairs = given.collections[preset.training.collection or cell.collection, cell.language]
    training = preset.training.model_dump(exclude={"collection", "workers"})
    trained = Artefact(
        "trained-encoder", parameters | {"training": training, "workers": preset.training.workers, "seed": cell.seed}, inputs | {"pairs": pairs}
    )
    return Artefact("evaluation", {k: v for k, v in evaluation.items() if k != "bias"}, {"trained": trained, "collection": collection})


def _initialization(preset: Preset, given: _Inputs, cell: Identity) -> Artefact:
    from sembridge.initializer import initializer_class

    encoder, tokenizer = given.encoders[cell.architecture], given.tokenizers[cell.language]
    needs = initializer_class(cell.initializer).needs
    settings = dict(preset.settings.get(cell.initializer, {}))
    inputs: dict[str, Source] = {"encoder": encoder, "tokenizer": tokenizer}
    if cell.alpha is not None:
        settings["alpha"] = cell.alpha
    if "bridge" in needs:
        prompt = preset.bridges[cell.bridge].prompt
        for side, of in (("bridge_source", tokenizer_of(encoder)), ("bridge_target", tokenizer)):
            inputs[side] = Artefact("bridge-vectors", {"prompt": prompt}, {"bridge": given.bridges[cell.bridge], "tokenizer": of})
    if "text" in needs:
        inputs["text"] = _text(given, cell)
    if "auxiliary" in needs:
        from baselines.focus import TRAINING_PARAMETERS

        training = {name: settings.pop(name) for name in TRAINING_PARAMETERS if name in settings}
        inputs["auxiliary"] = Artefact("auxiliary-vectors", training, {"tokenizer": tokenizer, "text": _text(given, cell)})
    if "words" in needs:
        inputs["words"] = _subword_vectors(preset, given, cell, encoder, tokenizer)
    if "aligned" in needs:
        inputs["aligned"] = _aligned_vectors(given, cell, encoder, tokenizer, settings)
    parameters = {"initializer": cell.initializer, "settings": settings, "overlap": preset.overlap, "seed": cell.seed}
    return Artefact("initialization", parameters, inputs)


def _subword_vectors(preset: Preset, given: _Inputs, cell: Identity, encoder: Source, tokenizer: Source) -> Artefact:
    if given.words is not None:
        return Artefact("subword-vectors", {}, {"source": encoder, "target": tokenizer, "words": given.words})
    if not preset.bridges:
        raise PresetError(f"initializer {cell.initializer!r} needs word vectors: add --set words=FILE (word2vec text format) or a bridge")
    name, source = next(iter(given.bridges.items()))
    parameters = {"prompt": preset.bridges[name].prompt, "language": cell.language}
    return Artefact("subword-vectors", parameters, {"source": encoder, "target": tokenizer, "bridge": source, "text": _text(given, cell)})


def _aligned_vectors(given: _Inputs, cell: Identity, encoder: Source, tokenizer: Source, settings: dict[str, Any]) -> Artefact:
    """Takes the settings of the training out of `settings`."""
    from baselines.fasttext import TRAINING_PARAMETERS

    training = {name: settings.pop(name) for name in TRAINING_PARAMETERS if name in settings}
    files = given.alignments[cell.language]

    def trained(text: Source, language: str) -> Source:
        return Member(Artefact("fasttext", {**training, "language": language}, {"text": text}), "model.bin")

    inputs = {
        "source": tokenizer_of(encoder),
        "target": tokenizer,
        "dictionary": files["dictionary"],
        "source_words": files.get("source_vectors") or trained(files["source_text"], SOURCE_LANGUAGE),
        "target_words": files.get("target_vectors") or trained(_text(given, cell), cell.language),
    }
    return Artefact("aligned-vectors", {}, inputs)


def _text(given: _Inputs, cell: Identity) -> Source:
    """Target-language text: the preset's, or the documents of the collection at hand."""
    text = given.texts[cell.language]
    if text is not None:
        return text
    collection = given.collections[cell.collection, cell.language]
    match collection:
        case Local(path=path):
            return Local(path / "corpus.jsonl")
        case Member(artefact, path):
            return Member(artefact, f"{path}/corpus.jsonl")
    raise PresetError(f"initializer {cell.initializer!r} needs target-language text: add --set text=FILE")
