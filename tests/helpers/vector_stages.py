"""Where a stage of vectors reads and writes, and the arrays that it stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from harness.store.artifact import Location
from sembridge.encoder.loading import load_tokenizer
from sembridge.vocabulary.vocabulary import Vocabulary

CYRILLIC = "а б в г д е ж з и й к л м н о п р с т у ф х ц ч ш щ ъ ы ь э ю я"


def location(path: Path) -> Location:
    return Location(str(path))


def fresh(path: Path) -> Path:
    """Return the path of a folder that is created here."""
    path.mkdir()
    return path


def assert_same_arrays(loaded: Any, expected: Any, names: tuple[str, ...]) -> None:
    for name in names:
        left, right = getattr(loaded, name), getattr(expected, name)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


def ids_by_token(folder: Path) -> dict[str, int]:
    """Return the token ids of the tokenizer in a folder."""
    tokens = Vocabulary.from_tokenizer(load_tokenizer(str(folder))).tokens
    return {token: token_id for token_id, token in enumerate(tokens)}
