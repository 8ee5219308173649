"""The catalog read from YAML: the entries that come with the project, and those of a person, which come first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.catalog.entries import KINDS, Bridge, Collection, Encoder, Language, Reference, Tokenizer
from harness.files import yaml_data
from harness.files.validation import complaint
from sembridge.nearest import nearest

DATA = Path(__file__).parent / "data"


class CatalogError(ValueError):
    """One line for a person: the file, the entry, the field, the next step."""


@dataclass(frozen=True)
class Catalog:
    """Entries by name."""

    languages: Mapping[str, Language] = field(default_factory=dict)
    encoders: Mapping[str, Encoder] = field(default_factory=dict)
    tokenizers: Mapping[str, Tokenizer] = field(default_factory=dict)
    bridges: Mapping[str, Bridge] = field(default_factory=dict)
    references: Mapping[str, Reference] = field(default_factory=dict)
    collections: Mapping[str, Collection] = field(default_factory=dict)

    def entry(self, kind: str, name: str) -> Any:
        """Raises CatalogError with the nearest name."""
        entries = getattr(self, kind)
        if name not in entries:
            raise CatalogError(
                f"catalog:{name} is not among the catalog's {kind}; {nearest(name, entries)}, or add it to a file of your own"
            )
        return entries[name]


def load_catalog(files: Iterable[Path] = ()) -> Catalog:
    """The project's entries; those in `files` are added, later files replacing entries of the same kind and name. Raises CatalogError."""
    entries: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for path in [*sorted(DATA.glob("*.yaml")), *files]:
        for kind, found in _read(path).items():
            for name, content in found.items():
                entries[kind][name] = _entry(path, kind, name, content)
    catalog = Catalog(**entries)
    for name, tokenizer in catalog.tokenizers.items():
        _check_language(catalog, f"tokenizers.{name}.language", tokenizer.language)
    for name, collection in catalog.collections.items():
        for language in collection.counts:
            _check_language(catalog, f"collections.{name}.counts", language)
    return catalog


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = yaml_data.read(path.expanduser())
    except yaml_data.YamlError as error:
        raise CatalogError(f"catalog {path}: not valid YAML ({error}); fix the file") from None
    except (OSError, ValueError, RuntimeError) as error:  # ~nobody, a NUL
        reason = getattr(error, "strerror", None) or error
        raise CatalogError(f"catalog {str(path)!r} cannot be read ({reason}); check the path") from None
    if not isinstance(content, dict) or not all(isinstance(entries, dict) for entries in content.values()):
        raise CatalogError(
            f"catalog {path}: a catalog maps kinds ({', '.join(KINDS)}) to names, and names to entries; see the page 'catalog' of the documentation"
        )
    for kind in content:
        if kind not in KINDS:
            raise CatalogError(f"catalog {path}: kind {str(kind)!r} is unknown; {nearest(str(kind), KINDS)}")
    return content


def _entry(path: Path, kind: str, name: Any, content: Any) -> Any:
    where = f"catalog {path}: {kind}.{name}"
    if not isinstance(name, str) or not isinstance(content, dict):
        raise CatalogError(
            f"{where} is not a name with fields below it; see the page 'catalog' of the documentation (codes like no and on need quotes)"
        )
    try:
        return KINDS[kind].model_validate(content)
    except ValidationError as error:
        field, problem, text = complaint(error, KINDS[kind])
        raise CatalogError(f"{where}.{field}{' ' if problem in ('unknown', 'missing') else ': '}{text}") from None


def _check_language(catalog: Catalog, where: str, language: str) -> None:
    if language not in catalog.languages:
        raise CatalogError(
            f"catalog: {where}: language {language!r} is unknown; {nearest(language, catalog.languages)}, or add it to languages"
        )
