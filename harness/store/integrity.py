"""Check whether an artifact is still what was published: compare its files with the sizes and digests in MANIFEST.json.

A size costs one stat call. A digest costs reading the file, so the process remembers it as long as the file's size and
times stay the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

MANIFEST = "MANIFEST.json"

_digests: dict[tuple[int, int, int, int, int], str] = {}


def damage(folder: Path, key: str, digests: bool = True) -> str:
    """Say in a few words what is wrong with the artifact `key` in `folder`; "" if it is intact.

    digests  compare the content of its files too, not only their sizes
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files = {name: (file["bytes"], file["sha256"]) for name, file in manifest["files"].items()}
        if manifest["key"] != key:
            return f"{MANIFEST} belongs to another artifact"
    except FileNotFoundError:
        return f"{MANIFEST} is missing"
    except OSError as error:
        return f"{MANIFEST} cannot be read ({error.strerror})"
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"{MANIFEST} is corrupt"
    for name, (size, digest) in files.items():
        try:
            actual_size = os.stat(folder / name).st_size
            if actual_size != size:
                return f"{name} has {actual_size} bytes instead of {size}"
            if digests and digest_of(folder / name) != digest:
                return f"{name} has other bytes than were written"
        except FileNotFoundError:
            return f"{name} is missing"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
    return ""


def digest_of(path: Path) -> str:
    """Return the sha256 of a file. Digests are remembered by inode: a file renamed after hashing is not read again."""
    stat = os.stat(path)
    identity = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if identity not in _digests:
        with path.open("rb") as file:
            _digests[identity] = hashlib.file_digest(file, "sha256").hexdigest()
    return _digests[identity]
