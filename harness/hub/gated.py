"""Say what opens a gated repository."""

from __future__ import annotations

import os


def gate(page: str) -> str:
    """Return the steps that open a gated repository. page: its address on the hub."""
    if os.environ.get("HF_TOKEN"):
        return f"open {page} and accept its conditions with the account that HF_TOKEN belongs to"
    return f"open {page}, log in and accept its conditions, then set HF_TOKEN to a read token of that account"
