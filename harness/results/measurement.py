"""Read the measurement in a cell's artifact, and make records. Only records carry names: renaming costs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.files.redaction import without_secrets
from harness.results.record import FAILED, NOT_COMPUTED, OK, Identity, Record

FILE = "measurement.json"


def load(folder: Path) -> dict[str, Any]:
    """Return the measurement stored in a cell's artifact."""
    return json.loads((folder / FILE).read_text(encoding="utf-8"))


def record(identity: Identity, key: str, label: str, reference: bool, folder: Path) -> Record:
    """Return the record of a finished cell."""
    measured = load(folder)
    scores, statistics, seconds = (measured[name] for name in ("scores", "statistics", "seconds"))
    provenance = {name: measured[name] for name in ("about", "documents", "queries", "provenance")}
    unknown, warnings = measured.get("unknown", {}), measured.get("warnings", [])  # since version 0.2
    return Record(identity, key, label, reference, OK, "", scores, statistics, seconds, provenance, unknown, warnings)


def failed(identity: Identity, key: str, label: str, reference: bool, error: str) -> Record:
    """Return the record of a failed cell, its error without secrets. It is not stored: the next run tries again."""
    return Record(identity, key, label, reference, FAILED, without_secrets(error))


def not_computed(identity: Identity, key: str, label: str, reference: bool, reason: str) -> Record:
    """Return the record of a cell that the store does not have; `reason` is "" if it is only not there yet."""
    return Record(identity, key, label, reference, NOT_COMPUTED, reason)
