"""Resolve and check a preset's inputs: every folder, file and hub model it names, once each, before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from harness.initialization.needs import BRIDGE, TEXT, Need, Option, needs_of
from harness.initialization.settings import field_values
from harness.plan.collection_checks import check_collection
from harness.plan.collection_source import CollectionSource
from harness.plan.model_checks import (
    check_contents,
    check_dense_model,
    check_encoder_folder,
    check_model,
    check_reference,
    check_tokenizer,
)
from harness.plan.preset import ModelSource, Preset, PresetError
from harness.plan.resolve import bridge_prompt, dense_prompts_warning, resolve, resolve_collection, resolve_pinned
from harness.plan.rows import REFERENCES
from harness.store.artifact import Artifact, Local, Member, Source
from sembridge.nearest import nearest

COLLECTION = "collection:"


def documents(collection: Source) -> Source:
    """Return the documents of a collection, as text to learn from."""
    match collection:
        case Local(path=path):
            return Local(path / "corpus.jsonl")
        case Member(artifact, path):
            return Member(artifact, f"{path}/corpus.jsonl")
        case Artifact():
            return Member(collection, "corpus.jsonl")
    raise AssertionError("a collection is a folder, or part of an artifact")


def chosen(
    need: Need, initializer: str, available: Collection[str], settings: Mapping[str, Any] = MappingProxyType({})
) -> list[Option]:
    """Return the options that a need reads for an initializer with settings; PresetError where one is missing."""
    from sembridge.registry import initializer_class

    def spell(option: Option) -> str:
        return "--set bridges.NAME.model=FOLDER" if option == BRIDGE else f"--set {option.name}={option.kind}"

    try:
        fields = field_values(initializer_class(initializer), settings)
        return need.choose(available, initializer, spell, fields)
    except ValueError as error:
        raise PresetError(str(error)) from None


def _options_read(preset: Preset) -> list[Option]:
    """Return the options that the preset's rows read, and `text`; files and bridges of no row need not exist."""
    from sembridge.registry import initializer_class

    available = {TEXT.name, *preset.inputs, *([BRIDGE.name] if preset.bridges else [])}
    read = {TEXT.name: TEXT}  # query weights are counted in it
    for name in preset.initializers:
        if name not in REFERENCES and name not in preset.references:
            settings = preset.settings.get(name, {})
            for need in needs_of(initializer_class(name)):
                read |= {option.name: option for option in chosen(need, name, available, settings)}
    return list(read.values())


class Inputs:
    """Hold the preset's inputs, resolved and checked once each.

    files     language -> option -> the file it names
    prompts   bridge -> what precedes every token it embeds; None: the bridge's own, which is read when it is loaded
    warnings  what local collections lack, and bridges that are read without the prompt they expect
    """

    def __init__(self, preset: Preset) -> None:
        self.encoders = {
            name: resolve(f"architectures.{name}", source) for name, source in preset.architectures.items()
        }
        for name, source in self.encoders.items():
            check_model(f"architectures.{name}", source)
        self.bridges = {name: resolve(f"bridges.{name}", source) for name, source in preset.bridges.items()}
        prompts = {
            name: bridge_prompt(f"bridges.{name}", preset.bridges[name], source)
            for name, source in self.bridges.items()
        }
        self.prompts = {name: prompt for name, (prompt, _) in prompts.items()}
        dense = self.bridges if "dense" in preset.initializers else {}
        for name, source in dense.items():
            check_dense_model(f"bridges.{name}", source)
        references = {name: source for name, source in preset.references.items() if name in preset.initializers}
        self.references = {name: resolve(f"references.{name}", source) for name, source in references.items()}
        for name, reference in references.items():
            check_reference(f"references.{name}", reference, self.references[name])
        self.tokenizers: dict[str, Source] = {}
        self.collections: dict[tuple[str, str], Source] = {}
        self.files: dict[str, dict[str, Source]] = {}
        read = _options_read(preset)
        # Rows without a token vector of a bridge, such as `mean`, do not depend on its prompt.
        doubts = [warning for _, warning in prompts.values()] if BRIDGE in read else []
        doubts += [dense_prompts_warning(f"bridges.{name}", preset.bridges[name], dense[name]) for name in dense]
        self.warnings = [warning for warning in doubts if warning]
        options = [option for option in read if option.name in preset.inputs]
        for language in preset.languages:
            option = f"--languages {language}"
            self.tokenizers[language] = self._tokenizer(preset, option, language)
            check_tokenizer(option, self.tokenizers[language])
            for name, collection in preset.collections.items():
                needs_pairs = "fine-tuned" in preset.regimes and preset.training.collection in (None, name)
                where = f"{option}, collection {name}"
                source = self._collection(where, name, collection, language, needs_pairs)
                self.collections[name, language] = self.collections[collection.label(name), language] = source
            self.files[language] = {option.name: self._file(preset, option, language) for option in options}
        # Last, because it takes the seconds that importing transformers takes.
        used = self.bridges if BRIDGE in read else dense
        for name, source in self.encoders.items():
            check_contents(f"architectures.{name}", "encoder", source)
        for name, source in used.items():
            check_contents(f"bridges.{name}", "bridge", source)
        for name in (option.name for option in options if option.is_model):
            for source in {files[name].key: files[name] for files in self.files.values()}.values():
                check_contents(name, "donor", source)
        for language, source in self.tokenizers.items():
            check_contents(f"--languages {language}", "tokenizer", source)

    @staticmethod
    def _tokenizer(preset: Preset, option: str, language: str) -> Source:
        if isinstance(preset.tokenizers, str):
            return resolve(option, ModelSource(model=preset.tokenizers), language)
        if language not in preset.tokenizers:
            raise PresetError(f"{option}: no tokenizer for this language; {nearest(language, preset.tokenizers)}")
        return resolve(f"tokenizers.{language}", preset.tokenizers[language], language)

    def _file(self, preset: Preset, option: Option, language: str) -> Source:
        value = preset.inputs[option.name]
        if option == TEXT and value.startswith(COLLECTION):
            name = value.removeprefix(COLLECTION)
            if name not in preset.collections:
                raise PresetError(f"text: collection {name!r} is unknown; {nearest(name, preset.collections)}")
            return documents(self.collections[name, language])
        if option.is_model:
            source = resolve_pinned(option.name, value, language)
            check_encoder_folder(option.name, source)
            return source
        source = resolve(option.name, ModelSource(model=value), language)
        if option.check is not None and isinstance(source, Local):
            try:
                option.check(source.path)
            except (ValueError, OSError) as error:
                raise PresetError(f"{option.name}: {error}") from None
        return source

    def _collection(
        self, option: str, name: str, collection: CollectionSource, language: str, needs_pairs: bool
    ) -> Source:
        source = resolve_collection(option if collection.folder else f"collections.{name}", collection, language)
        self.warnings += check_collection(option, name, collection, source, needs_pairs)
        return source
