"""Find the files of a hub repository that a model needs, and those in the hub's cache, without contacting the hub."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

# parts of a model that are read: HEAD is BGE-M3's sparse head, CODE the code in the model's repository
TOKENIZER, WHOLE, HEAD, CODE = "tokenizer", "whole", "head", "code"
WEIGHTS_FILE = re.compile(r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")
TOKENIZER_FILE = re.compile(r"(tokenizer\.json|vocab\.(txt|json)|.*\.(model|spm))")
_SETTINGS = re.compile(r"(.*\.(json|model|spm)|vocab\.txt|merges\.txt|query_token_weights\.txt)")
HEAD_FILE = re.compile(r"sparse_linear\.(safetensors|pt)")
_CODE_FILE = re.compile(r".*\.(py|bin|safetensors)")
_EXPORTS = ("onnx", "openvino")  # the same weights for other libraries: not downloaded


def model_files(files: Iterable[str], parts: AbstractSet[str]) -> list[str]:
    """Return those of a model's files that loading it downloads.

    These are settings, tokenizer and, with WHOLE, model.safetensors, in one file or several; the head with HEAD; with
    CODE all modules and weights, because the code may load any of them.
    """
    paths = [path for path in sorted(files) if not path.startswith(".") and path.split("/")[0] not in _EXPORTS]
    needed = []
    for path in paths:
        folder, name = path.rpartition("/")[::2]
        if (CODE in parts and _CODE_FILE.fullmatch(name)) or (HEAD in parts and HEAD_FILE.fullmatch(path)):
            needed.append(path)
        elif WEIGHTS_FILE.fullmatch(name):
            single = f"{folder}/model.safetensors".lstrip("/")
            if WHOLE in parts and (path == single or single not in paths):
                needed.append(path)
        elif _SETTINGS.fullmatch(name):
            needed.append(path)
    return needed


def model_is_cached(name: str, revision: str, parts: AbstractSet[str]) -> bool:
    """Return whether a model's configuration, tokenizer and the given parts are in the cache."""
    # a Router has its config.json in the folders of its modules
    config = cached(name, "config.json", "model", revision) or cached(name, "router_config.json", "model", revision)
    if config is None:
        return False
    from pathlib import Path

    folder = Path(config).parent
    files = model_files((path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()), parts)
    if not any(TOKENIZER_FILE.fullmatch(path.rsplit("/", 1)[-1]) for path in files):
        return False
    if HEAD in parts and not any(map(HEAD_FILE.fullmatch, files)):
        return False
    if CODE in parts:
        return all(any(path.endswith(ends) for path in files) for ends in (".py", (".bin", ".safetensors")))
    return WHOLE not in parts or any(path.endswith("model.safetensors") for path in files) or _has_all_shards(files)


def _has_all_shards(paths: Iterable[str]) -> bool:
    """Return whether all of model-00001-of-00003.safetensors and so on are there."""
    totals = [int(match[1]) for path in paths if (match := re.search(r"-of-(\d+)\.safetensors$", path))]
    return bool(totals) and len(totals) == totals[0]


def is_cached(name: str, path: str, kind: str, revision: str) -> bool:
    return cached(name, path, kind, revision) is not None


def cached(name: str, path: str, kind: str, revision: str) -> str | None:
    """Return where the hub's cache has a file of a repository; None if it does not."""
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(name, path, repo_type=kind, revision=revision)
    return file if isinstance(file, str) else None
