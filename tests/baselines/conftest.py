"""Word vectors of two scripts and a dictionary between them, for the tests against the published code of WECHSEL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from baselines.vectors.fasttext import load, save, train_words
from tests.helpers.vocabularies_made import sentences, words

PAIRS = 20  # of 24 dimensions


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    folder = tmp_path_factory.mktemp("fasttext")
    settings = {"dimension": 24, "epochs": 1, "min_n": 5, "max_n": 5, "buckets": 5000, "min_count": 3}
    for script in ("latin", "hangul"):
        save(train_words(sentences(script), **settings), folder / f"{script}.bin")
    return load(folder / "latin.bin"), load(folder / "hangul.bin")


@pytest.fixture(scope="session")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dictionary") / "en-ko.tsv"
    pairs = zip(words("latin")[:PAIRS], words("hangul")[:PAIRS], strict=True)
    path.write_text("".join(f"{left}\t{right}\n" for left, right in pairs), encoding="utf-8")
    return path
