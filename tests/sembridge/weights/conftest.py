"""What tests of stored weights share."""

from __future__ import annotations

import pytest

from tests.helpers.families_made import family_folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory) -> str:
    return family_folder(tmp_path_factory.mktemp("bert"), "bert")
