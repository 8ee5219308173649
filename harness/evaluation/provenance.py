"""Record what a number was computed with: versions of the relevant libraries, and the git state of this code."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "sembridge-bench",
    "torch",
    "transformers",
    "sentence-transformers",
    "tokenizers",
    "ray",
    "scipy",
    "numpy",
    "gensim",
    "bm25s",
)


@cache
def provenance() -> dict[str, object]:
    """Return {"versions": library -> version, "git": the state of the checkout}."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {"versions": versions, "git": _git_state()}


def _git_state() -> str:
    """Return the commit, with "+changes" if the work tree differs from it; "unknown" outside a checkout."""
    options: dict[str, Any] = {"cwd": Path(__file__).parent, "capture_output": True, "text": True, "timeout": 10}
    try:
        commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], **options)
        changes = subprocess.run(["git", "status", "--porcelain", "-uno"], **options)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    if commit.returncode:
        return "unknown"
    return commit.stdout.strip() + ("+changes" if changes.stdout.strip() else "")
