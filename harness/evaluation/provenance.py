"""What a number was computed with: versions of the libraries that matter, and the state of this code."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

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
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {"versions": versions, "git": _git_state()}


def _git_state() -> str:
    """Commit, with "+changes" if the work tree differs from it; "unknown" outside a checkout."""
    folder = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=folder, capture_output=True, text=True, timeout=10
        )
        changes = subprocess.run(
            ["git", "status", "--porcelain", "-uno"], cwd=folder, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    if commit.returncode:
        return "unknown"
    return commit.stdout.strip() + ("+changes" if changes.stdout.strip() else "")
