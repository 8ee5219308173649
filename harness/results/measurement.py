"""The measurement of one cell as its artifact keeps it, and the record made of it. Only records carry names: renaming costs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.files.redaction import without_secrets
from harness.results.record import FAILED, OK, Identity, Record

FILE = "measurement.json"


def load(folder: Path) -> dict[str, Any]:
    return json.loads((folder / FILE).read_text(encoding="utf-8"))


def record(identity: Identity, key: str, label: str, reference: bool, folder: Path) -> Record:
    """The record of a finished cell."""
    measured = load(folder)
    return Record(
        identity, key, label, reference, OK, "", measured["scores"], measured["statistics"], measured["seconds"],
        {name: measured[name] for name in ("about", "documents", "queries", "provenance")},
    )  # fmt: skip


def failed(identity: Identity, key: str, label: str, reference: bool, error: str) -> Record:
    """The record of a cell that ended in an error, told without secrets. It is not stored: the next run tries again."""
    return Record(identity, key, label, reference, FAILED, without_secrets(error))
