"""Replace `catalog:NAME` in a preset by the options that the catalog's entry stands for."""

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
    """Expand `tokenizers: "catalog:{language}"` to every language whose tokenizer is in the catalog.

    Raises CatalogError.
    """
    pattern = content.get("tokenizers")
    if not isinstance(pattern, str) or not pattern.startswith(PREFIX):
        return content
    if "{language}" not in pattern:
        advice = f"write {PREFIX}{{language}}, or language: {pattern}"
        raise CatalogError(f"tokenizers: {pattern} does not contain {{language}}; {advice}")
    names = {language: pattern.replace("{language}", language) for language in catalog.languages}
    tokenizers = {
        language: {"model": name} for language, name in names.items() if name.removeprefix(PREFIX) in catalog.tokenizers
    }
    if not tokenizers:
        raise CatalogError(
            f"tokenizers: {pattern} matches no tokenizer of the catalog; see the page 'catalog' of the documentation"
        )
    return content | {"tokenizers": tokenizers}


def with_entries(content: dict[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Return a preset's content with every `catalog:NAME` resolved; keys beside a name override its entry's.

    Raises CatalogError.
    """
    resolved = by_language(content, catalog)
    for option, kind in _KIND.items():
        values = resolved.get(option)
        if isinstance(values, dict):
            entries = {name: _resolve(f"{option}.{name}", value, kind, catalog) for name, value in values.items()}
            resolved = resolved | {option: entries}
    return resolved


def refers(content: dict[str, Any]) -> bool:
    """Return whether a preset names an entry; if not, the catalog need not be read."""
    values = [content.get(option) for option in _KIND]
    values += [entry for value in values if isinstance(value, dict) for entry in value.values()]
    return any(_entry_name(value) is not None for value in values)


def _entry_name(value: Any) -> str | None:
    """Return the name behind `catalog:` in a string, or in the model or folder of a mapping; None if there is none."""
    if isinstance(value, dict):
        value = value.get("model", value.get("folder"))
    return value.removeprefix(PREFIX) if isinstance(value, str) and value.startswith(PREFIX) else None


def _resolve(option: str, value: Any, kind: str, catalog: Catalog) -> Any:
    name = _entry_name(value)
    if name is None:
        return value
    try:
        entry = catalog.entry(kind, name)
    except CatalogError as error:
        raise CatalogError(f"{option}: {error}") from None
    overrides = value if isinstance(value, dict) else {}
    overrides = {key: override for key, override in overrides.items() if key not in ("model", "folder")}
    return _preset_options(option, name, entry, overrides.get("remote_code") is True) | overrides


def _preset_options(
    option: str, name: str, entry: Encoder | Tokenizer | Bridge | Reference | Collection, allow_remote_code: bool
) -> dict[str, Any]:
    if isinstance(entry, Collection):
        if "folder" in entry.source:  # nothing is downloaded, so no counts are checked
            return dict(entry.source)
        expected = {language: counts.model_dump(exclude_none=True) for language, counts in entry.counts.items()}
        return entry.source | {"expected": expected}
    if entry.remote_code and not (isinstance(entry, Reference) and allow_remote_code):
        trust = f"if you trust it, add --set {option}.remote_code=true"
        advice = trust if isinstance(entry, Reference) else "choose another"
        rule = "runs code from its repository, which the catalog alone never allows"
        raise CatalogError(f"{option}: {PREFIX}{name} ({entry.id}) {rule}; {advice}")
    source: dict[str, Any] = {"model": entry.id, "revision": entry.revision, "hub": True}
    if isinstance(entry, Bridge):
        prompts = ("prompt", "query_prompt", "document_prompt")
        source |= {prompt: getattr(entry, prompt) for prompt in prompts if getattr(entry, prompt)}
    if isinstance(entry, Reference):
        source["kind"] = entry.kind
    return source
