"""Whether an artifact is still what was published: its files against the sizes and digests in its MANIFEST.json.

A size costs a look at the folder. A digest costs reading the file, so it is remembered, for the life of the process, as long as the file's size and
times stay what they were.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

MANIFEST = "MANIFEST.json"

_digests: dict[tuple[int, int, int, int, int], str] = {}


def damage(folder: Path, key: str) -> str:
    """What is wrong with the artifact `key` in `folder`, in a few words; empty if it is whole."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        listed = {name: (file["bytes"], file["sha256"]) for name, file in manifest["files"].items()}
        if manifest["key"] != key:
            return f"{MANIFEST} is of another artifact"
    except FileNotFoundError:
        return f"{MANIFEST} is missing"
    except OSError as error:
        return f"{MANIFEST} cannot be read ({error.strerror})"
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"{MANIFEST} is no longer readable as what was written"
    for name, (size, digest) in listed.items():
        try:
            found = os.stat(folder / name).st_size
            if found != size:
                return f"{name} has {found} bytes instead of {size}"
            if digest_of(folder / name) != digest:
                return f"{name} has other bytes than were written"
        except FileNotFoundError:
            return f"{name} is missing"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
    return ""


def digest_of(path: Path) -> str:
    """sha256 of a file. It is known by its inode, so that a file that is renamed into place after it was hashed is not read again."""
    stat = os.stat(path)
    known = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if known not in _digests:
        with path.open("rb") as file:
            _digests[known] = hashlib.file_digest(file, "sha256").hexdigest()
    return _digests[known]
