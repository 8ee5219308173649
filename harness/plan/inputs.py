"""A preset's inputs: every folder, file and hub model it names, resolved and checked once each, before anything runs."""

from __future__ import annotations

from harness.plan.collection_source import CollectionSource
from harness.plan.preset import ModelSource, Preset, PresetError
from harness.plan.resolve import (
    check_collection,
    check_dense_model,
    check_model,
    check_reference,
    check_tokenizer,
    resolve,
    resolve_collection,
)
from harness.plan.rows import REFERENCES
from harness.store.artifact import Artifact, Local, Member, Source
from sembridge.nearest import nearest

COLLECTION = "collection:"


def documents(collection: Source) -> Source:
    """The documents of a collection, as text to learn from."""
    match collection:
        case Local(path=path):
            return Local(path / "corpus.jsonl")
        case Member(artifact, path):
            return Member(artifact, f"{path}/corpus.jsonl")
        case Artifact():
            return Member(collection, "corpus.jsonl")
    raise AssertionError("a collection is a folder, or part of an artifact")


class Inputs:
    """The preset's inputs, resolved and checked once each."""

    def __init__(self, preset: Preset) -> None:
        from sembridge.registry import initializer_class

        self.encoders = {
            name: resolve(f"architectures.{name}", source) for name, source in preset.architectures.items()
        }
        for name, source in self.encoders.items():
            check_model(f"architectures.{name}", source)
        self.bridges = {name: resolve(f"bridges.{name}", source) for name, source in preset.bridges.items()}
        for name, source in self.bridges.items() if "dense" in preset.initializers else ():
            check_dense_model(f"bridges.{name}", source)
        chosen = {name: source for name, source in preset.references.items() if name in preset.initializers}
        self.references = {name: resolve(f"references.{name}", source) for name, source in chosen.items()}
        for name, asked in chosen.items():
            check_reference(f"references.{name}", asked, self.references[name])
        self.tokenizers: dict[str, Source] = {}
        self.collections: dict[tuple[str, str], Source] = {}
        self.texts: dict[str, Source | None] = {}
        self.alignments: dict[str, dict[str, Source]] = {}
        for language in preset.languages:
            option = f"--languages {language}"
            self.tokenizers[language] = self._tokenizer(preset, option, language)
            check_tokenizer(option, self.tokenizers[language])
            for name, collection in preset.collections.items():
                needs_pairs = "fine-tuned" in preset.regimes and preset.training.collection in (None, name)
                found = self._collection(f"{option}, collection {name}", name, collection, language, needs_pairs)
                self.collections[name, language] = self.collections[collection.label(name), language] = found
            self.texts[language] = self._text(preset, language)
        self.words = resolve("words", ModelSource(model=preset.words)) if preset.words else None
        rows = [
            initializer_class(name) for name in preset.initializers if name not in [*REFERENCES, *preset.references]
        ]
        if any("aligned" in row.needs for row in rows):  # read by nothing else
            self.alignments = {language: _alignment(preset, language) for language in preset.languages}

    @staticmethod
    def _tokenizer(preset: Preset, option: str, language: str) -> Source:
        if isinstance(preset.tokenizers, str):
            return resolve(option, ModelSource(model=preset.tokenizers), language)
        if language not in preset.tokenizers:
            raise PresetError(f"{option}: no tokenizer for this language; {nearest(language, preset.tokenizers)}")
        return resolve(f"tokenizers.{language}", preset.tokenizers[language], language)

    def _text(self, preset: Preset, language: str) -> Source | None:
        if preset.text is None or not preset.text.startswith(COLLECTION):
            return resolve("text", ModelSource(model=preset.text), language) if preset.text else None
        name = preset.text.removeprefix(COLLECTION)
        if name not in preset.collections:
            raise PresetError(f"text: collection {name!r} is unknown; {nearest(name, preset.collections)}")
        return documents(self.collections[name, language])

    @staticmethod
    def _collection(option: str, name: str, collection: CollectionSource, language: str, needs_pairs: bool) -> Source:
        source = resolve_collection(option if collection.folder else f"collections.{name}", collection, language)
        check_collection(option, source, needs_pairs)
        return source


def _alignment(preset: Preset, language: str) -> dict[str, Source]:
    """The files that aligned vectors are made of, by option, as far as they are given."""
    from baselines.vectors.aligned import read_dictionary
    from baselines.vectors.fasttext import check

    if preset.dictionary is None:
        raise PresetError(
            "wechsel needs a bilingual dictionary: add --set dictionary=FILE, a source word, a tab and a target word on each line"
        )
    if preset.source_text is None and preset.source_vectors is None:
        raise PresetError(
            "wechsel needs word vectors of the source language: add --set source_text=FILE to train them, or --set source_vectors=FILE.bin (fastText)"
        )
    given = {name: getattr(preset, name) for name in ("dictionary", "source_text", "source_vectors", "target_vectors")}
    files = {
        name: resolve(name, ModelSource(model=value), language) for name, value in given.items() if value is not None
    }
    for name, checked in (("dictionary", read_dictionary), ("source_vectors", check), ("target_vectors", check)):
        source = files.get(name)
        if isinstance(source, Local):
            try:
                checked(source.path)
            except (ValueError, OSError) as error:
                raise PresetError(f"{name}: {error}") from None
    return files
