"""Single files of a model folder or hub repository, read before anything of the model is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def find(model: str, revision: str | None, name: str) -> Path | None:
    """Where a file of a model folder, or of a hub repository (fetched if need be), lies; None if it has none of that name."""
    if Path(model).is_dir():
        path: Any = Path(model) / name
    else:
        from sentence_transformers.util import load_file_path

        path = load_file_path(model, name, revision=revision)
    return Path(path) if path is not None and Path(path).is_file() else None


def read_json(model: str, revision: str | None, name: str) -> Any:
    """The content of a JSON file, None if it is not there. ValueError naming it if it is no JSON."""
    path = find(model, revision, name)
    try:
        return None if path is None else json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}); get the file again") from None


def module_types(model: str, revision: str | None) -> list[str] | None:
    """The classes of a sentence-transformers model's modules, those on the routes of a Router too; None if it has no modules.json."""
    modules = read_json(model, revision, "modules.json")
    if modules is None:
        return None
    router = read_json(model, revision, "router_config.json") or {}
    return [str(module["type"]) for module in modules] + [str(kind) for kind in router.get("types", {}).values()]
