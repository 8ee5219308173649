"""Read single files of a model folder or hub repository, before the model is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.files import json_data
from harness.files.shown import shown


def find(model: str, revision: str | None, name: str) -> Path | None:
    """Return the path of a model's file, downloaded if necessary; None if the folder or repository does not have it."""
    if Path(model).is_dir():
        path: Any = Path(model) / name
    else:
        from sentence_transformers.util import load_file_path

        path = load_file_path(model, name, revision=revision)
    return Path(path) if path is not None and Path(path).is_file() else None


def read_json(model: str, revision: str | None, name: str, kind: type = dict) -> Any:
    """Return the content of a JSON file, None if it does not exist. ValueError if it is not JSON, or not of `kind`."""
    path = find(model, revision, name)
    try:
        content = None if path is None else json_data.read(path)
    except json_data.JsonError as error:
        raise ValueError(f"{path} is not JSON ({error}); get the file again") from None
    if content is not None and not isinstance(content, kind):
        raise ValueError(f"{path} holds no JSON {'object' if kind is dict else kind.__name__}; get the file again")
    return content


def architectures(settings: dict[str, Any]) -> list[str]:
    """Return the architectures that a config.json names; none if it names none in a valid form."""
    names = settings.get("architectures")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def module_types(model: str, revision: str | None) -> list[str] | None:
    """Return the classes of a sentence-transformers model's modules, also of a Router's; None without modules.json."""
    modules = read_json(model, revision, "modules.json", list)
    if modules is None:
        return None
    router = read_json(model, revision, "router_config.json") or {}
    routes = router.get("types", {})
    if not all(isinstance(module, dict) and "type" in module for module in modules) or not isinstance(routes, dict):
        raise ValueError(f"modules.json or router_config.json of {model!r} names no modules; get the files again")
    for folder in [str(module.get("path", "")) for module in modules] + list(routes):
        if folder.startswith("/") or ".." in folder.replace("\\", "/").split("/"):
            problem = f"has a module in {shown(folder)}, outside of its folder"
            raise ValueError(f"{model!r} {problem}; get the model again from its maker")
    return [str(module["type"]) for module in modules] + [str(kind) for kind in routes.values()]
