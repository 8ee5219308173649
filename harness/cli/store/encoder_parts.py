"""Find what the encoder of a cell was made from, in the store and in folders that a person names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cli.refusal import RefusedError
from harness.evaluation.shards import SHARE
from harness.evaluation.vectors import VECTORS_OF
from harness.initialization.initialization import INITIALIZATION
from harness.references.fusion import FUSION
from harness.references.sparse_models import REFERENCE
from harness.store.artifact import Location, content_digest
from harness.store.integrity import damage
from harness.store.inventory import Entry, Inventory, key_of, recorded_inputs
from harness.store.store import Store
from sembridge.model_card.license import hub_license, stated_license
from sembridge.model_card.recipe import Ingredient

ENCODER, TOKENIZER = "encoder", "tokenizer"
_OPTIONS = {ENCODER: "--source", TOKENIZER: "--tokenizer"}
_VOCABULARIES = (ENCODER, TOKENIZER, "source", "target", "own")  # inputs of stages that the recipe names apart


@dataclass(frozen=True)
class EncoderParts:
    """What the encoder of a cell was made from.

    measurement     of the cell
    trained         the fine-tuned encoder; None for a zero-shot cell
    maker           the artifact whose parameters and inputs say how the encoder is put together
    initialization  None for the source encoder with its own vocabulary
    located         the inputs of the maker, as far as they are read here
    ingredients     the source and the tokenizer, by `ENCODER` and `TOKENIZER`
    """

    measurement: Entry
    trained: Entry | None
    maker: Entry
    initialization: Entry | None
    located: Mapping[str, Location]
    ingredients: Mapping[str, Ingredient]


class PartFinder:
    """Find the parts of one cell; what is missing is refused with the way to have it again."""

    def __init__(self, store: Store, key: str, folders: Mapping[str, Path | None]) -> None:
        """Prepare; `folders` are the user's own, by `ENCODER` and `TOKENIZER`."""
        self._store, self._key, self._folders = store, key, folders
        self.inventory = Inventory.of(store)

    def parts(self) -> EncoderParts:
        measurement = self._intact(self._key)
        if measurement.stage == REFERENCE.name:
            advice = "it is a ready model that the grid only measured; use that itself"
            raise RefusedError(f"CELL {self._key[:12]} has no encoder of this project: {advice}")
        if measurement.stage == FUSION.name:
            advice = "it joins the rankings of bm25 and another row; choose that row"
            raise RefusedError(f"CELL {self._key[:12]} has no encoder: {advice}")
        trained = self._intact(measurement.inputs["trained"]) if "trained" in measurement.inputs else None
        maker = trained or measurement
        if ENCODER not in dict(recorded_inputs(maker.manifest)):  # shards or vectors read the encoder
            pieces = (key for name, key in maker.inputs.items() if name.startswith((SHARE, VECTORS_OF)))
            maker = self._intact(min(pieces))
        initialization = None
        if INITIALIZATION.name in maker.inputs:
            initialization = self._intact(maker.inputs[INITIALIZATION.name])
        read = [ENCODER]
        if initialization is not None:
            read += [TOKENIZER, INITIALIZATION.name, "query_weights", "thresholds"]
        inputs = {name: described for name, described in recorded_inputs(maker.manifest) if name in read}
        for option in (name for name in (ENCODER, TOKENIZER) if self._folders[name] is not None):
            if option not in inputs or key_of(inputs[option]) or inputs[option].get("revision"):
                made_of = inputs[option]["name"] if option in inputs else "its own"
                raise RefusedError(f"{_OPTIONS[option]} has no effect: the cell's {option} is {made_of}; leave it out")
        located = {name: self.locate(name, described) for name, described in sorted(inputs.items())}
        ingredients = {
            name: self._ingredient(inputs[name], located[name]) for name in (ENCODER, TOKENIZER) if name in inputs
        }
        return EncoderParts(measurement, trained, maker, initialization, located, ingredients)

    def locate(self, name: str, described: Mapping[str, Any]) -> Location:
        """Return where to read a recorded input; RefusedError where it is not there any more."""
        if (key := key_of(described)) is not None:
            entry = self._intact(key)
            inner = described["name"].partition(key)[2].strip("/")
            return Location(str(entry.folder / inner) if inner else str(entry.folder))
        if described.get("revision"):
            return Location(described["name"], described["revision"])
        return Location(str(self._own(name, described)))

    def ingredients_of(self, entry: Entry) -> dict[str, Ingredient]:
        """Return by role what an initialization was made from besides source and tokenizer: bridge, text, words."""
        roles: dict[str, Ingredient] = {}
        for reader, name, described in self._leaves(entry, ""):
            ingredient = self._ingredient(described, None)
            role = name.replace("_", " ")
            if roles.get(role, ingredient) != ingredient:
                role = f"{reader.replace('_', ' ')} {role}"
            roles[role] = ingredient
        return roles

    def _leaves(self, entry: Entry, reader: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for name, described in sorted(recorded_inputs(entry.manifest)):
            below = self.inventory.artifacts.get(key_of(described) or "")
            if below is not None and recorded_inputs_of(below) and not below.stage.startswith("pocket-"):
                yield from self._leaves(below, name)
            elif name not in _VOCABULARIES:
                yield reader, name, described

    def _own(self, name: str, described: Mapping[str, Any]) -> Path:
        """Return a folder of the user's, checked to hold what it held when the grid ran."""
        option, folder = _OPTIONS.get(name, f"--{name}"), self._folders.get(name)
        was = f"the cell's {'source encoder' if name == ENCODER else name} is the folder {described['name']!r} of yours"
        if folder is None:
            raise RefusedError(f"{was}, whose place the store does not record; add {option} DIR")
        if not folder.is_dir():
            raise RefusedError(f"{option} {str(folder)!r} is not a folder; {was}")
        if described.get("content") is None:
            advice = "compute the cell again with --store in another folder"
            raise RefusedError(f"{was}, and an earlier version did not record what it held; {advice}")
        if content_digest(folder.resolve()) != described["content"]:
            raise RefusedError(f"{option} {str(folder)!r} does not hold what it held when the grid ran; {was}")
        return folder.resolve()

    def _ingredient(self, described: Mapping[str, Any], location: Location | None) -> Ingredient:
        if (key := key_of(described)) is not None:
            return Ingredient(self._name(key, described["name"].partition(key)[2].strip("/")))
        if revision := described.get("revision"):
            return Ingredient(described["name"], revision, hub_license(described["name"], revision))
        license = None if location is None else stated_license(location.path / "README.md")
        return Ingredient(Path(described["name"]).name, license=license)

    def _name(self, key: str, inner: str) -> str:
        """Return the name of an artifact or a part of one; that of the pocket as commands take it."""
        entry = self.inventory.artifacts.get(key)
        if entry is None or not entry.stage.startswith("pocket-"):
            return "/".join(filter(None, [entry.stage if entry else key, inner]))
        kind = entry.stage.removeprefix("pocket-")
        folder = {"encoder": "encoders", "tokenizers": "tokenizers", "text": "", "dictionary": "dictionary"}.get(
            kind, kind
        )
        inner = inner or str((entry.manifest.get("parameters") or {}).get("family", ""))
        return f"pocket:{'/'.join(filter(None, [folder, inner]))}"

    def _recorded_name(self, key: str) -> str:
        """Return `stage/key` of a missing artifact, as what was made from it records it."""
        readers = self.inventory.readers.get(key, [])
        names = (described["name"] for reader in readers for _, described in recorded_inputs(reader.manifest))
        parts = next((name.split("/") for name in names if key in name), ["artifact", key])
        return "/".join(parts[parts.index(key) - 1 :][:2])

    def _intact(self, key: str) -> Entry:
        """Return an artifact that is whole; RefusedError with the commands that make it again."""
        entry = self.inventory.artifacts.get(key)
        if entry is None:
            what = f"{self._recorded_name(key)}, which the cell was made from, is not in the store {self._store.root}"
        elif reason := damage(entry.folder, key):
            what = f"{entry.name}, which the cell was made from, is damaged ({reason})"
        else:
            return entry
        above = (self.inventory.made_from(key) - {key}) & (self.inventory.closure([self._key])[0] | {self._key})
        gone = [self.inventory.artifacts[k].folder for k in sorted(above) if k in self.inventory.artifacts]
        again = f"run the grid's command again with --store {self._store.root}"
        if entry is None and not gone:
            raise RefusedError(f"{what}; name the store of that run with --store DIR, or {again}")
        remove = " ".join(map(str, [*([entry.folder] if entry else []), *gone]))
        raise RefusedError(f"{what}; to have it again: rm -r {remove}; then {again}, which computes what is missing")


def recorded_inputs_of(entry: Entry) -> dict[str, dict[str, Any]]:
    """Return the recorded inputs of an artifact by name."""
    return dict(recorded_inputs(entry.manifest))
