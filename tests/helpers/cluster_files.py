"""The two cluster files with their placeholders replaced."""

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
    """Return the file as YAML; a placeholder becomes its value, or its own name in small letters, /shared `shared`."""
    text = path.read_text(encoding="utf-8")
    text = PLACEHOLDER.sub(lambda match: values.get(match[1], match[1].lower()), text)
    return yaml.safe_load(re.sub(r"(?<![\w/])/shared\b", shared, text))
