"""Permissions of files that are written for others."""

from __future__ import annotations

import os
from pathlib import Path


def let_others_read(folder: Path) -> None:
    """Give a folder and everything in it the permissions of the umask.

    safetensors files and temporary folders ignore the umask and belong to their owner alone; others who share a store
    could not read them.
    """
    mask = os.umask(0o077)
    os.umask(mask)
    for path in (folder, *folder.rglob("*")):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)
