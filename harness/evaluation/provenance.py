"""Record what a number was computed with: versions of the relevant libraries, and the git state of this code."""

from __future__ import annotations

import os
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


def machine() -> str:
    """Return processor, number of cores and system of this machine, in a line."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def _processor() -> str:
    """Return the processor's name; what the system says of it where there is no /proc."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or "unknown processor"


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
