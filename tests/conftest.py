"""What tests of several packages share. The file also makes the modules beside it (`tokenizers_made`, ...) importable from every test folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hub_double import Hub


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], str]:
    """(family, tied) -> the folder of a tiny encoder."""
    from families_made import FAMILIES, family_folder

    return {
        (family, tied): family_folder(tmp_path_factory.mktemp(family), family, tied=tied)
        for family in FAMILIES
        for tied in (True, False)
    }


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub's double, and the settings under which the real client, in this process, talks to it and to nothing else."""
    import hub_double
    from huggingface_hub import constants

    for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with hub_double.serve() as double:
        monkeypatch.setattr(constants, "ENDPOINT", double.url)
        if "transformers.utils.hub" in sys.modules:  # it keeps the address it met first
            monkeypatch.setattr("transformers.utils.hub._hf_api", None)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", double.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield double
