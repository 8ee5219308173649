"""A store of two grids, and the command as a person calls it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.plan.plan import Cell
from harness.store.store import Store
from tests.helpers.stores_made import KO, RU, publish_grid


@dataclass(frozen=True)
class Place:
    """A folder with `store`, the results `ko` and `ru`, and their cells."""

    root: Path
    store: Store
    ko: list[Cell]
    ru: list[Cell]

    def keys(self) -> set[str]:
        """Return the keys of the artifacts that the store has."""
        return {path.parent.name for path in self.store.root.glob("*/*/MANIFEST.json")}


def planned(cells: list[Cell]) -> set[str]:
    return {artifact.key for cell in cells for artifact in cell.walk()}


@pytest.fixture(scope="session")
def two_grids(tmp_path_factory) -> Place:
    root = tmp_path_factory.mktemp("place")
    store = Store(root / "store")
    store.create()
    return Place(root, store, publish_grid(store, root / "ko", KO), publish_grid(store, root / "ru", RU))


@pytest.fixture
def place(two_grids, tmp_path, monkeypatch) -> Place:
    """Return a copy of its own, which is the working directory."""
    root = tmp_path / "place"
    shutil.copytree(two_grids.root, root)
    monkeypatch.chdir(root)
    return Place(root, Store(root / "store"), two_grids.ko, two_grids.ru)


@pytest.fixture
def run_store(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run `sembridge-bench store` in this process: (exit code, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main(["store", *arguments])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return code, *capsys.readouterr()

    return run
