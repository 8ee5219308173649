"""Read a preset: YAML files, catalog entries, `--set key.path=value`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.catalog.catalog import Catalog, CatalogError, load_catalog
from harness.catalog.lookup import by_language, refers, with_entries
from harness.files import yaml_data
from harness.files.shown import shown
from harness.files.validation import complaint, takes_text
from harness.plan.preset import Preset, PresetError, input_options
from sembridge.nearest import nearest

_DEEPEST = 20


def preset_names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_preset(
    name: str, folder: Path, overrides: Iterable[str] = (), choices: Mapping[str, Any] | None = None
) -> Preset:
    """Read a preset by name (from `folder`) or file, then apply `choices` (whole values) and `overrides` ("a.b=c").

    `choices` narrow architectures, bridges and collections to named ones, and replace lists. Raises PresetError.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.is_file():
        known = nearest(name, preset_names(folder))
        raise PresetError(f"--preset {name!r} is unknown; {known}, or the path of a .yaml file")
    try:
        content = yaml_data.read(path)
    except yaml_data.YamlError as error:
        raise PresetError(f"{path}: not valid YAML ({error}); fix the file") from None
    except OSError as error:
        raise PresetError(f"{path} cannot be read ({error.strerror}); check the file and who may read it") from None
    if not isinstance(content, dict):
        raise PresetError(f"{path}: a preset is a mapping of options; see the page 'presets' of the documentation")
    _check_keys(content)
    choices, overrides = choices or {}, list(overrides)
    content = _expand(content) | ({"catalog": choices["catalog"]} if "catalog" in choices else {})
    for override in overrides:
        if override.partition("=")[0] in ("catalog", "data"):  # catalog entries decide what other overrides can reach
            _set(content, override)
    with _as_preset_error():
        content = by_language(content, _catalog(content)) if refers(content) else content
    pattern = content.get("tokenizers")
    if isinstance(pattern, str) and any(override.startswith("tokenizers.") for override in overrides):
        # the pattern once per language, so that --set can reach the tokenizer of one language
        languages = choices.get("languages") or content.get("languages") or []
        content["tokenizers"] = {name: {"model": pattern} for name in languages if isinstance(name, str)}
    for override in overrides:
        _set(content, override)
    if "stages" in content:  # the name of regimes before version 0.2
        content["regimes"] = content.pop("stages")
    for key, value in choices.items():
        narrowed = _narrow(key, content.get(key), value)
        if key == "collections":  # the others stay: one of them may hold the training pairs
            content["evaluated"] = value
        else:
            content[key] = narrowed
    _check_keys(content)
    content = _insert_data(content)
    with _as_preset_error():
        if refers(content) or content.get("catalog"):
            content = with_entries(content, _catalog(content))
    try:
        return Preset.model_validate(content)
    except ValidationError as error:
        raise PresetError(_explain(error)) from None


@contextmanager
def _as_preset_error() -> Iterator[None]:
    try:
        yield
    except CatalogError as error:
        raise PresetError(str(error)) from None


def _catalog(content: dict) -> Catalog:
    value = _insert_data(content.get("catalog"), content.get("data"))
    files = [value] if isinstance(value, str) else value or []
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise PresetError(f"option 'catalog': {shown(value)} is not valid; give the path of a file, or a list of them")
    return load_catalog(map(Path, files))


def _expand(content: dict) -> dict:
    """Write out short forms (a name alone), so that --set can reach below them."""
    fields = dict.fromkeys(("architectures", "bridges", "references", "tokenizers"), "model")
    expanded = dict(content)
    for key, field in (fields | {"collections": "folder"}).items():
        if isinstance(entries := content.get(key), dict):
            expanded[key] = {
                name: {field: value} if isinstance(value, str) else value for name, value in entries.items()
            }
    return expanded


def _check_keys(content: Any, above: str = "") -> None:
    """Refuse keys that are not text: YAML reads no, on and 7 as something else."""
    if isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(key, str):
                option = shown(f"{above}{key}")
                raise PresetError(f"option {option}: the name {shown(key)} is not text; put it in quotes")
            _check_keys(value, f"{above}{key}.")
    elif isinstance(content, list):
        for value in content:
            _check_keys(value, above)


def _set(content: dict, override: str) -> None:
    """Apply one "a.b=c". The value of a text option is that text; others are read as YAML: numbers, lists, null."""
    path, separator, text = override.partition("=")
    if not separator or not path:
        raise PresetError(f"--set {shown(override)} is not of the form key.path=value")
    target = content
    *parents, last = path.split(".")
    if len(parents) > _DEEPEST:
        reach = f"reaches {len(parents)} levels down, further than any option"
        raise PresetError(f"--set {shown(override)} {reach}; see the page 'presets' of the documentation")
    for parent in parents:
        if target.get(parent) is None:
            target[parent] = {}
        target = target[parent]
        if not isinstance(target, dict):
            raise PresetError(f"--set {shown(override)}: {shown(parent)} is a single value, with nothing below it")
    target[last] = _value(path.split("."), text)


def _value(path: list[str], text: str) -> Any:
    """Return the value of an option: "query: " is a prompt, not the mapping that YAML would make of it."""
    try:
        value = yaml_data.load(text)
    except yaml_data.YamlError:
        return text
    if not takes_text(Preset, path, input_options()):
        return value
    bare = text.strip()  # comments and anchors, as in "#x" and "&x", are text
    quoted = isinstance(value, str) and bare[:1] in ("'", '"') and bare[-1] == bare[0]
    return value if quoted or (value is None and bare.lower() in ("null", "~")) else text


def _narrow(key: str, present: Any, value: Any) -> Any:
    """Reduce a mapping to the entries named in `value`; replace anything else by `value`."""
    if not isinstance(present, dict):
        return value
    for name in value:
        if name not in present:
            raise PresetError(f"--{key} {name!r} is not in this preset; {nearest(name, present)}")
    return {name: present[name] for name in value}


def _insert_data(content: Any, data: str | None = None) -> Any:
    """Replace {data} in every string by the folder given as `data`."""
    if isinstance(content, dict):
        data = content.get("data", data) if data is None else data
        return {key: value if key == "data" else _insert_data(value, data) for key, value in content.items()}
    if isinstance(content, list):
        return [_insert_data(value, data) for value in content]
    if isinstance(content, str) and "{data}" in content:
        if data is None:
            raise PresetError(
                "this preset needs a folder: add --set data=FOLDER (see the page 'own-data' of the documentation)"
            )
        return content.replace("{data}", str(data).rstrip("/"))
    return content


def _explain(error: ValidationError) -> str:
    """Return the first complaint about a preset, as one line."""
    place, kind, text = complaint(error, Preset, further=input_options())
    place = place.removeprefix("inputs.")
    if kind == "refused":
        return text if place in ("", "training") else f"{place}: {text}"
    if kind == "missing":
        return f"option {place!r} is missing; add it with --set {place}=..."
    return f"option {place!r} {text}" if kind == "unknown" else f"option {place!r}: {text}"
