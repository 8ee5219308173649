"""The pocket's texts and tokenizers, built once for all tests of this folder (four seconds), and its encoders after a few steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from harness.pocket import encoder, texts, tokenizers
from harness.pocket.architectures import FAMILIES
from harness.pocket.names import SEED
from harness.store.artifact import Location
from tests.helpers.short_training import cut_short


@contextmanager
def one_thread() -> Iterator[None]:
    """The number of threads decides how sums are cut, and the grid's stages have one thread each. No fixture: session fixtures are made before it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def pocket_text(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pocket-text")
    texts.build(out, {"seed": SEED}, {})
    return out


@pytest.fixture(scope="session")
def pocket_tokenizers(pocket_text, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pocket-tokenizers")
    tokenizers.build(out, {}, {"text": Location(str(pocket_text))})
    return out


@pytest.fixture(scope="session")
def pocket_inputs(pocket_text, pocket_tokenizers) -> dict[str, Location]:
    return {"text": Location(str(pocket_text)), "tokenizers": Location(str(pocket_tokenizers))}


@pytest.fixture(scope="session")
def encoders(pocket_inputs, tmp_path_factory) -> dict[str, Path]:
    """family -> its folder after a few steps; the builds leave the global generator alone."""
    folders = {}
    with cut_short(), one_thread():
        for family in FAMILIES:
            folders[family] = tmp_path_factory.mktemp(family)
            before = torch.get_rng_state()
            encoder.build(folders[family], {"family": family, "seed": SEED}, pocket_inputs)
            assert torch.equal(torch.get_rng_state(), before), family
    return folders
