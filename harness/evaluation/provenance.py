"""Record what a number was computed with: versions of libraries, the git state of this code, and the processor."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sembridge.processor.features import processor

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


def provenance() -> dict[str, object]:
    """Return {"versions": library -> version, "git": the state of the checkout, "machine": the processor's paths}."""
    from sembridge.processor import paths

    return {**_code(), "machine": paths.described()}


@cache
def _code() -> dict[str, object]:
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {"versions": versions, "git": _git_state()}


def machine() -> str:
    """Return processor, number of cores and system of this machine, in a line."""
    return f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


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
