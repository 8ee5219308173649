"""Which files of a hub repository a model needs, and whether they are in the hub's cache. Nothing here asks the hub."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

TOKENIZER, WHOLE, HEAD, CODE = (
    "tokenizer",
    "whole",
    "head",
    "code",
)  # what is read of a model: HEAD is BGE-M3's, CODE its repository's own
WEIGHTS_FILE = re.compile(r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")
TOKENIZER_FILE = re.compile(r"(tokenizer\.json|vocab\.(txt|json)|.*\.(model|spm))")
_SETTINGS = re.compile(r"(.*\.(json|model|spm)|vocab\.txt|merges\.txt|query_token_weights\.txt)")
HEAD_FILE = re.compile(r"sparse_linear\.(safetensors|pt)")
_OF_CODE = re.compile(r".*\.(py|bin|safetensors)")
_EXPORTS = ("onnx", "openvino")  # the same weights for other libraries: not downloaded


def model_files(files: Iterable[str], parts: AbstractSet[str]) -> list[str]:
    """Of a model's files those that loading it downloads: settings, tokenizer and, if it is read WHOLE, model.safetensors, whole or in parts; the
    head of HEAD; of a model that is CODE all modules and weights, for what it loads is its own choice."""
    paths = [path for path in sorted(files) if not path.startswith(".") and path.split("/")[0] not in _EXPORTS]
    found = []
    for path in paths:
        folder, name = path.rpartition("/")[::2]
        if (CODE in parts and _OF_CODE.fullmatch(name)) or (HEAD in parts and HEAD_FILE.fullmatch(path)):
            found.append(path)
        elif WEIGHTS_FILE.fullmatch(name):
            whole = f"{folder}/model.safetensors".lstrip("/")
            if WHOLE in parts and (path == whole or whole not in paths):
                found.append(path)
        elif _SETTINGS.fullmatch(name):
            found.append(path)
    return found


def model_is_cached(name: str, revision: str, parts: AbstractSet[str]) -> bool:
    """Whether its configuration, its tokenizer and what else is read of it are in the cache. Asks no hub."""
    found_one = (
        cached(name, file, "model", revision) for file in ("config.json", "router_config.json")
    )  # a Router's own lie in its parts' folders
    config = next(filter(None, found_one), None)
    if config is None:
        return False
    from pathlib import Path

    folder = Path(config).parent
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    found = model_files(here, parts)
    if not any(TOKENIZER_FILE.fullmatch(path.rsplit("/", 1)[-1]) for path in found):
        return False
    if HEAD in parts and not any(HEAD_FILE.fullmatch(path) for path in found):
        return False
    if CODE in parts:
        return any(path.endswith(".py") for path in found) and any(
            path.endswith((".bin", ".safetensors")) for path in found
        )
    return WHOLE not in parts or any(path.endswith("model.safetensors") for path in found) or _all_parts(found)


def _all_parts(paths: Iterable[str]) -> bool:
    """Whether model-00001-of-00003.safetensors comes with the two others."""
    totals = [int(match[1]) for path in paths if (match := re.search(r"-of-(\d+)\.safetensors$", path))]
    return bool(totals) and len(totals) == totals[0]


def is_cached(name: str, path: str, kind: str, revision: str) -> bool:
    return cached(name, path, kind, revision) is not None


def cached(name: str, path: str, kind: str, revision: str) -> str | None:
    """Where the hub's cache has a file of a repository. Asks no hub."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, path, repo_type=kind, revision=revision)
    return found if isinstance(found, str) else None
