"""The hub's double, and the settings under which the real client talks to it and to nothing else."""

import hub_double
import pytest


@pytest.fixture
def hub(tmp_path, monkeypatch):
    from huggingface_hub import constants

    for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with hub_double.serve() as double:
        monkeypatch.setattr(constants, "ENDPOINT", double.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", double.url + "/{repo_id}/resolve/{revision}/{filename}")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield double


@pytest.fixture
def built(tmp_path):
    """Build a collection as the grid does; returns its folder."""
    import shutil

    from harness.collections.stage import build
    from harness.grid.collection_source import CollectionSource

    def run(language="ko", **options):
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        build(out, CollectionSource(**options).parameters(language), {})
        return out

    return run
