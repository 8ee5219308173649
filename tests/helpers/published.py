"""The published implementations of FOCUS and WECHSEL, importable without fasttext: prepared models take its place."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

MODELS: dict[str, Any] = {}
"""Path -> the result of fasttext.load_model."""


class Model:
    """A fastText model's interface over gensim's KeyedVectors; a word without n-grams has zeros, as in fastText."""

    def __init__(self, vectors: Any) -> None:
        self.vectors = vectors

    def __contains__(self, word: str) -> bool:
        return self.get_word_id(word) != -1

    def __getitem__(self, word: str) -> Any:
        return self.get_word_vector(word)

    def get_word_id(self, word: str) -> int:
        return self.vectors.key_to_index.get(word, -1)

    def get_word_vector(self, word: str) -> Any:
        try:
            return self.vectors.get_vector(word)
        except KeyError:
            return np.zeros(self.vectors.vector_size, dtype=np.float32)

    def get_words(self, include_freq: bool = False, on_unicode_error: str = "strict") -> Any:
        return self.vectors.index_to_key, [1] * len(self.vectors.index_to_key)

    def get_dimension(self) -> int:
        return self.vectors.vector_size


@cache
def package(name: str) -> ModuleType:
    """Import deepfocus or wechsel; fails where it is not installed, because a skipped comparison compares nothing."""
    stand_in, inner, tools = ModuleType("fasttext"), ModuleType("fasttext.FastText"), ModuleType("fasttext.util")
    inner._FastText = Model  # type: ignore[attr-defined]
    stand_in.FastText, stand_in.util, stand_in.load_model = inner, tools, MODELS.__getitem__  # type: ignore[attr-defined]
    modules = {"fasttext": stand_in, "fasttext.FastText": inner, "fasttext.util": tools}
    before = {module: sys.modules.get(module) for module in modules}
    sys.modules.update(modules)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        advice = "`make test` installs what is compared with: pip install --no-deps -r tests/published.txt"
        raise AssertionError(f"{error}; {advice}") from error
    finally:
        for module, old in before.items():
            if old is None:
                del sys.modules[module]
            else:
                sys.modules[module] = old
