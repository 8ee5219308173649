"""Initializers of a test, registered as those of an installed package are: by entry points in a folder on the path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sembridge.registry import ENTRY_POINTS


def register(site: Path, monkeypatch: pytest.MonkeyPatch, kinds: dict[str, Any]) -> None:
    """Register classes by name, for the test alone; `site` is an empty folder."""
    folder = site / "toys-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"{name} = {kind.__module__}:{kind.__qualname__}" for name, kind in kinds.items()]
    (folder / "entry_points.txt").write_text("\n".join([f"[{ENTRY_POINTS}]", *lines, ""]), encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
