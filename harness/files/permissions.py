"""Who may read what is written for others."""

from __future__ import annotations

import os
from pathlib import Path


def let_others_read(folder: Path) -> None:
    """Give a folder and all in it the permissions that the umask asks for: safetensors and temporary folders are their owner's alone, whatever it
    says, and the next person or node that shares a store could not read them."""
    mask = os.umask(0o077)
    os.umask(mask)
    for path in (folder, *folder.rglob("*")):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)
