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
from harness.files.validation import complaint
from harness.plan.preset import Preset, PresetError, input_options
from sembridge.nearest import nearest

_DEEPEST = 20


def preset_names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_preset(
    name: str, folder: Path, overrides: Iterable[str] = (), choices: Mapping[str, Any] | None = None
) -> Preset:
    """Read a preset by name (from `folder`) or file, apply `choices` (whole values from options) and `overrides` ("a.b=c", in order).

    `choices` narrow architectures, bridges and collections to named ones, and replace the lists. Raises PresetError.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.is_file():
        raise PresetError(
            f"--preset {name!r} is unknown; {nearest(name, preset_names(folder))}, or the path of a .yaml file"
        )
    try:
        content = yaml_data.read(path)
    except yaml_data.YamlError as error:
        raise PresetError(f"{path}: not valid YAML ({error}); fix the file") from None
    except OSError as error:
        raise PresetError(f"{path} cannot be read ({error.strerror}); check the file and who may read it") from None
    if not isinstance(content, dict):
        raise PresetError(f"{path}: a preset is a mapping of options; see the page 'presets' of the documentation")
    _check_keys(content)
    content = _expanded(content) | ({"catalog": choices["catalog"]} if choices and "catalog" in choices else {})
    overrides = list(overrides)
    for override in overrides:
        if override.partition("=")[0] in ("catalog", "data"):  # the entries decide what the others can reach
            _set(content, override)
    with _for_a_preset():
        content = by_language(content, _catalog(content)) if refers(content) else content
    if isinstance(content.get("tokenizers"), str) and any(override.startswith("tokenizers.") for override in overrides):
        # a pattern written out, so that --set can reach the tokenizer of one language
        languages = (choices or {}).get("languages") or content.get("languages") or []
        content["tokenizers"] = {
            language: {"model": content["tokenizers"]} for language in languages if isinstance(language, str)
        }
    for override in overrides:
        _set(content, override)
    if "stages" in content:  # what regimes were called before version 0.2
        content["regimes"] = content.pop("stages")
    for key, value in (choices or {}).items():
        if key == "collections":  # the others stay: one of them may hold the training pairs
            _narrowed(key, content.get(key), value)
            content["evaluated"] = value
        else:
            content[key] = _narrowed(key, content.get(key), value)
    _check_keys(content)
    content = _with_data(content)
    with _for_a_preset():
        if refers(content) or content.get("catalog"):
            content = with_entries(content, _catalog(content))
    try:
        return Preset.model_validate(content)
    except ValidationError as error:
        raise PresetError(_explained(error)) from None


@contextmanager
def _for_a_preset() -> Iterator[None]:
    try:
        yield
    except CatalogError as error:
        raise PresetError(str(error)) from None


def _catalog(content: dict) -> Catalog:
    given = _with_data(content.get("catalog"), content.get("data"))
    files = [given] if isinstance(given, str) else given or []
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise PresetError(f"option 'catalog': {shown(given)} is not valid; give the path of a file, or a list of them")
    return load_catalog(map(Path, files))


def _expanded(content: dict) -> dict:
    """Short forms (a name alone) written out, so that --set can reach below them."""
    field = {
        "architectures": "model",
        "bridges": "model",
        "references": "model",
        "tokenizers": "model",
        "collections": "folder",
    }
    expanded = dict(content)
    for key in field.keys() & content.keys():
        if isinstance(content[key], dict):
            expanded[key] = {
                name: {field[key]: value} if isinstance(value, str) else value for name, value in content[key].items()
            }
    return expanded


def _check_keys(content: Any, above: str = "") -> None:
    """Names are text everywhere: YAML reads no, on and 7 as something else."""
    if isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(key, str):
                raise PresetError(
                    f"option {shown(f'{above}{key}')}: the name {shown(key)} is no text; put it in quotes"
                )
            _check_keys(value, f"{above}{key}.")
    elif isinstance(content, list):
        for value in content:
            _check_keys(value, above)


def _set(content: dict, override: str) -> None:
    """Apply one "a.b=c"; the value is read as YAML, so numbers, lists and null work."""
    path, separator, text = override.partition("=")
    if not separator or not path:
        raise PresetError(f"--set {shown(override)} is not of the form key.path=value")
    target = content
    *parents, last = path.split(".")
    if len(parents) > _DEEPEST:
        raise PresetError(
            f"--set {shown(override)} reaches {len(parents)} levels down, further than any option; see the page 'presets' of the documentation"
        )
    for parent in parents:
        if target.get(parent) is None:
            target[parent] = {}
        target = target[parent]
        if not isinstance(target, dict):
            raise PresetError(f"--set {shown(override)}: {shown(parent)} is a single value, it has nothing below it")
    try:
        target[last] = yaml_data.load(text)
    except yaml_data.YamlError:
        target[last] = text


def _narrowed(key: str, present: Any, value: Any) -> Any:
    """Named entries of a mapping keep their definition; lists are replaced."""
    if not isinstance(present, dict):
        return value
    for name in value:
        if name not in present:
            raise PresetError(f"--{key} {name!r} is not in this preset; {nearest(name, present)}")
    return {name: present[name] for name in value}


def _with_data(content: Any, data: str | None = None) -> Any:
    """Replace {data} in every string by the folder given as `data`."""
    if isinstance(content, dict):
        data = content.get("data", data) if data is None else data
        return {key: value if key == "data" else _with_data(value, data) for key, value in content.items()}
    if isinstance(content, list):
        return [_with_data(value, data) for value in content]
    if isinstance(content, str) and "{data}" in content:
        if data is None:
            raise PresetError(
                "this preset needs a folder: add --set data=FOLDER (see the page 'own-data' of the documentation)"
            )
        return content.replace("{data}", str(data).rstrip("/"))
    return content


def _explained(error: ValidationError) -> str:
    """Return the first complaint about a preset, as one line."""
    place, kind, text = complaint(error, Preset, further=input_options())
    place = place.removeprefix("inputs.")
    if kind == "refused":
        return text if place in ("", "training") else f"{place}: {text}"
    if kind == "missing":
        return f"option {place!r} is missing; add it with --set {place}=..."
    return f"option {place!r} {text}" if kind == "unknown" else f"option {place!r}: {text}"
