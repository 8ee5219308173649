"""Read the catalog from YAML: the entries of the project, and the user's own files, which take precedence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
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
    """Entries by kind and name."""

    languages: Mapping[str, Language] = field(default_factory=dict)
    encoders: Mapping[str, Encoder] = field(default_factory=dict)
    tokenizers: Mapping[str, Tokenizer] = field(default_factory=dict)
    bridges: Mapping[str, Bridge] = field(default_factory=dict)
    references: Mapping[str, Reference] = field(default_factory=dict)
    collections: Mapping[str, Collection] = field(default_factory=dict)

    def entry(self, kind: str, name: str) -> Any:
        """Return the entry. Raises CatalogError with the nearest name."""
        entries = getattr(self, kind)
        if name not in entries:
            advice = f"{nearest(name, entries)}, or add it to a file of your own"
            raise CatalogError(f"catalog:{name} is not among the catalog's {kind}; {advice}")
        return entries[name]


def load_catalog(files: Iterable[Path] = ()) -> Catalog:
    """Read the project's entries, then `files`; a later entry replaces one of the same kind and name.

    Raises CatalogError.
    """
    entries: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for content in [*map(_shipped, sorted(DATA.glob("*.yaml"))), *map(_entries, files)]:
        for kind, named in content.items():
            entries[kind] |= named
    catalog = Catalog(**entries)
    for name, tokenizer in catalog.tokenizers.items():
        _check_language(catalog, f"tokenizers.{name}.language", tokenizer.language)
    for name, collection in catalog.collections.items():
        for language in collection.counts:
            _check_language(catalog, f"collections.{name}.counts", language)
    return catalog


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of a file, by kind and name. Raises CatalogError."""
    return {
        kind: {name: _entry(path, kind, name, content) for name, content in contents.items()}
        for kind, contents in _read(path).items()
    }


_shipped = cache(_entries)  # a plan asks for these files many times, and they do not change


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = yaml_data.read(path.expanduser())
    except yaml_data.YamlError as error:
        raise CatalogError(f"catalog {path}: not valid YAML ({error}); fix the file") from None
    except (OSError, ValueError, RuntimeError) as error:  # the last two: a NUL in the path, an unknown ~user
        reason = getattr(error, "strerror", None) or error
        raise CatalogError(f"catalog {str(path)!r} cannot be read ({reason}); check the path") from None
    if not isinstance(content, dict) or not all(isinstance(entries, dict) for entries in content.values()):
        rule = f"a catalog maps kinds ({', '.join(KINDS)}) to names, and names to entries"
        raise CatalogError(f"catalog {path}: {rule}; see the page 'catalog' of the documentation")
    for kind in content:
        if kind not in KINDS:
            raise CatalogError(f"catalog {path}: kind {str(kind)!r} is unknown; {nearest(str(kind), KINDS)}")
    return content


def _entry(path: Path, kind: str, name: Any, content: Any) -> Any:
    where = f"catalog {path}: {kind}.{name}"
    if not isinstance(name, str) or not isinstance(content, dict):
        advice = "see the page 'catalog' of the documentation (codes like no and on need quotes)"
        raise CatalogError(f"{where} is not a name with fields below it; {advice}")
    try:
        return KINDS[kind].model_validate(content)
    except ValidationError as error:
        field, problem, text = complaint(error, KINDS[kind])
        raise CatalogError(f"{where}.{field}{' ' if problem in ('unknown', 'missing') else ': '}{text}") from None


def _check_language(catalog: Catalog, where: str, language: str) -> None:
    if language not in catalog.languages:
        advice = f"{nearest(language, catalog.languages)}, or add it to languages"
        raise CatalogError(f"catalog: {where}: language {language!r} is unknown; {advice}")
