"""Collections built as the grid builds them."""

import pytest


@pytest.fixture
def built(tmp_path):
    """Build a collection as the grid does; returns its folder."""
    import shutil

    from harness.collections.stage import build
    from harness.plan.collection_source import CollectionSource

    def run(language="ko", **options):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        build(out, CollectionSource(**options).parameters(language), {})
        return out

    return run
