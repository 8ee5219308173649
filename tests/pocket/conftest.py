"""The pocket's texts and tokenizers, built once for all tests of this folder (four seconds)."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.grid.artefact import Location
from harness.pocket import tokenizers, world
from harness.pocket.parts import SEED


@pytest.fixture(scope="session")
def pocket_text(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pocket-text")
    world.build(out, {"seed": SEED}, {})
    return out


@pytest.fixture(scope="session")
def pocket_tokenizers(pocket_text, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pocket-tokenizers")
    tokenizers.build(out, {}, {"text": Location(str(pocket_text))})
    return out
