"""The two cluster files, with what a person has to fill in filled in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.helpers.paths import ROOT

CLOUD, LOCAL = ROOT / "cluster.yaml", ROOT / "cluster.local.yaml"
PLACEHOLDER = re.compile(r"<([A-Z][A-Z0-9_]*)>")


def placeholders(path: Path) -> set[str]:
    return set(PLACEHOLDER.findall(path.read_text(encoding="utf-8")))


def filled(path: Path, shared: str = "/shared", **values: str) -> dict[str, Any]:
    """The file as YAML: every placeholder replaced, by its own name in small letters if not told; /shared by `shared`."""
    text = PLACEHOLDER.sub(lambda found: values.get(found[1], found[1].lower()), path.read_text(encoding="utf-8"))
    return yaml.safe_load(re.sub(r"(?<![\w/])/shared\b", shared, text))
