"""Describe what a transfer was made from: a hub id, a folder, a file, or an object loaded from one."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from sembridge.model_card.license import hub_license, stated_license
from sembridge.model_card.recipe import Ingredient

_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "modules.json", "README.md")


def ingredient_of(model: Any, revision: str | None = None) -> Ingredient:
    """Return the name, revision and license of a model; a path is never written down, only its last part.

    model     hub id, folder or file; or a loaded model or tokenizer, which knows where it comes from
    revision  of a hub id; where it is not given, or is a branch, the commit in the hub's cache is written down
    """
    name = str(model) if isinstance(model, (str, PathLike)) else _name_of(model)
    if not name:
        return Ingredient("unnamed")
    path = Path(name).expanduser()
    if path.exists():
        return Ingredient(path.resolve().name, license=stated_license(path / "README.md"))
    if name.count("/") > 1 or name.startswith(("/", ".", "~")):
        return Ingredient(path.name)
    revision = _cached_commit(name, revision) or revision
    return Ingredient(name, revision, hub_license(name, revision))


def _name_of(model: Any) -> str:
    """Return what a loaded model or tokenizer was loaded from; "" if it does not say."""
    for part in (model, getattr(model, "transformers_model", None)):
        if name := getattr(part, "name_or_path", None):
            return str(name)
    return getattr(getattr(model, "model_card_data", None), "base_model", None) or ""


def _cached_commit(name: str, revision: str | None) -> str | None:
    from huggingface_hub import try_to_load_from_cache

    cached = (try_to_load_from_cache(name, file, revision=revision or "main") for file in _FILES)
    return next((Path(path).parent.name for path in cached if isinstance(path, str)), None)
