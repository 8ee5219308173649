"""Drawing without the settings of whoever runs the tests, and a page that is read as a browser would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.report_page.drawing import same_everywhere


@pytest.fixture(autouse=True)
def plain_drawing() -> Iterator[None]:
    with same_everywhere():
        yield
