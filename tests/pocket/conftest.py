"""The pocket's texts, tokenizers (built once, four seconds) and encoders after a few steps, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from harness.pocket import encoder, texts, tokenizers
from harness.pocket.architectures import ARCHITECTURES
from harness.pocket.names import SEED
from harness.store.artifact import Location
from tests.helpers.short_training import cut_short


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread, as the grid's stages do: the number of threads decides the order of sums. Not a fixture, because
    session fixtures are set up before it."""
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
    """Return architecture -> its folder after a few steps; the builds must not touch the global generator."""
    folders = {}
    with cut_short(), one_thread():
        for architecture in ARCHITECTURES:
            folders[architecture] = tmp_path_factory.mktemp(architecture)
            before = torch.get_rng_state()
            encoder.build(folders[architecture], {"family": architecture, "seed": SEED}, pocket_inputs)
            assert torch.equal(torch.get_rng_state(), before), architecture
    return folders
