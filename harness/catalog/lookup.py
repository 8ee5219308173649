"""`catalog:NAME` in a preset: replaced by what the catalog's entry says, in the preset's own words."""

from __future__ import annotations

from typing import Any

from harness.catalog.catalog import Catalog, CatalogError
from harness.catalog.entries import Bridge, Collection, Encoder, Reference, Tokenizer

PREFIX = "catalog:"
_KIND = {
    "architectures": "encoders",
    "tokenizers": "tokenizers",
    "bridges": "bridges",
    "references": "references",
    "collections": "collections",
}


def by_language(content: dict[str, Any], catalog: Catalog) -> dict[str, Any]:
    """`tokenizers: "catalog:{language}"` written out for each language of the catalog that has an entry of that name. Raises CatalogError."""
    given = content.get("tokenizers")
    if not isinstance(given, str) or not given.startswith(PREFIX):
        return content
    if "{language}" not in given:
        raise CatalogError(
            f"tokenizers: {given} has no {{language}} in it; write {PREFIX}{{language}}, or language: {given}"
        )
    references = {language: given.replace("{language}", language) for language in catalog.languages}
    found = {
        language: {"model": name}
        for language, name in references.items()
        if name.removeprefix(PREFIX) in catalog.tokenizers
    }
    if not found:
        raise CatalogError(
            f"tokenizers: {given} names no tokenizer of the catalog in any language; see the page 'catalog' of the documentation"
        )
    return content | {"tokenizers": found}


def with_entries(content: dict[str, Any], catalog: Catalog) -> dict[str, Any]:
    """The content of a preset with every reference resolved; what stands beside a reference overrides the entry. Raises CatalogError."""
    resolved = by_language(content, catalog)
    for option, kind in _KIND.items():
        given = resolved.get(option)
        if isinstance(given, dict):
            entries = {name: _resolved(f"{option}.{name}", value, kind, catalog) for name, value in given.items()}
            resolved = resolved | {option: entries}
    return resolved


def refers(content: dict[str, Any]) -> bool:
    """Whether a preset names an entry: without one the catalog need not be read."""
    values = [content.get(option) for option in _KIND]
    values += [value for given in values if isinstance(given, dict) for value in given.values()]
    return any(_reference(value) is not None for value in values)


def _reference(value: Any) -> str | None:
    """The name behind `catalog:`, given alone or as the model or folder of a longer form."""
    if isinstance(value, dict):
        value = value.get("model", value.get("folder"))
    return value.removeprefix(PREFIX) if isinstance(value, str) and value.startswith(PREFIX) else None


def _resolved(option: str, value: Any, kind: str, catalog: Catalog) -> Any:
    name = _reference(value)
    if name is None:
        return value
    try:
        entry = catalog.entry(kind, name)
    except CatalogError as error:
        raise CatalogError(f"{option}: {error}") from None
    beside = (
        {key: other for key, other in value.items() if key not in ("model", "folder")}
        if isinstance(value, dict)
        else {}
    )
    return _in_preset_words(option, name, entry, beside.get("remote_code") is True) | beside


def _in_preset_words(
    option: str, name: str, entry: Encoder | Tokenizer | Bridge | Reference | Collection, code_asked_for: bool
) -> dict[str, Any]:
    if isinstance(entry, Collection):
        if "folder" in entry.source:  # of a folder nothing is downloaded, so nothing is checked against counts
            return dict(entry.source)
        return entry.source | {
            "expected": {language: counts.model_dump(exclude_none=True) for language, counts in entry.counts.items()}
        }
    if entry.remote_code and not (isinstance(entry, Reference) and code_asked_for):
        instead = (
            f"if you trust it, add --set {option}.remote_code=true"
            if isinstance(entry, Reference)
            else "choose another"
        )
        raise CatalogError(
            f"{option}: {PREFIX}{name} ({entry.id}) runs code from its repository, which is never done on the catalog's word; {instead}"
        )
    source: dict[str, Any] = {"model": entry.id, "revision": entry.revision, "hub": True}
    if isinstance(entry, Bridge):
        source |= {
            name: getattr(entry, name) for name in ("prompt", "query_prompt", "document_prompt") if getattr(entry, name)
        }
    if isinstance(entry, Reference):
        source["kind"] = entry.kind
    return source
