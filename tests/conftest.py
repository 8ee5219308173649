"""What tests of several packages share. The file also makes the modules beside it (`tokenizers_made`, ...) importable from every test folder."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], str]:
    """(family, tied) -> the folder of a tiny encoder."""
    from families_made import FAMILIES, family_folder

    return {(family, tied): family_folder(tmp_path_factory.mktemp(family), family, tied=tied) for family in FAMILIES for tied in (True, False)}
