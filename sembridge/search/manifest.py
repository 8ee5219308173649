"""The files of an index, and the check that a folder is a whole index of this version.

INDEX/manifest.json                  what the index is, and the size of every other file; written last
      vocab.json                     the tokens by id, as stored and as a person reads them
      documents/00000.jsonl          {"id": ..., "text": ...}, `documents_per_part` documents a file
      vectors/00000.safetensors      the vectors of the same documents, by document: offsets, dimensions, weights, and
                                     lines, the places of the documents' lines in the file above, in bytes
      postings/ends.npy              the vectors by dimension: where the entries of each dimension end
               positions.npy         the document of every entry, ascending within a dimension
               weights.npy           its weight
               ranks.npy             the rank of every document's id, which decides between equal scores
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KIND, FORMAT = "sembridge index", 1
MANIFEST, BUILDING, VOCABULARY, LOCK = "manifest.json", "building.json", "vocab.json", ".lock"
DOCUMENTS, VECTORS, POSTINGS = "documents", "vectors", "postings"

_FIELDS = {
    "encoder": dict,
    "identity": str,
    "max_length": (int, type(None)),
    "precision": str,
    "documents": int,
    "documents_per_part": int,
    "dimensions": int,
    "used_dimensions": int,
    "entries": int,
    "without_dimensions": int,
    "ids_with_white_space": int,
    "files": dict,
}


class IndexFolderError(ValueError):
    """A folder is not an index, or not a whole one, or not one for this purpose: one line with the next step."""


def part_files(number: int) -> tuple[str, str]:
    """Return the paths of a part's documents and vectors inside an index."""
    return f"{DOCUMENTS}/{number:05d}.jsonl", f"{VECTORS}/{number:05d}.safetensors"


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all; the same content gives the same bytes."""
    temporary = path.with_name(f".{path.name}.new")
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, path)


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; IndexFolderError if there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path.parent, f"{path.name} cannot be read ({type(error).__name__})") from None
    if not isinstance(content, dict):
        raise damaged(path.parent, f"{path.name} holds no JSON object")
    return content


def damaged(folder: Path, problem: str) -> IndexFolderError:
    """Return the error for an index with a defect."""
    return IndexFolderError(f"the index {str(folder)!r} is damaged: {problem}; build it again, or copy it anew")


def check_kind(folder: Path, content: Mapping[str, Any]) -> None:
    """Check that a manifest is of an index of this version; IndexFolderError if not."""
    if content.get("kind") != KIND:
        raise IndexFolderError(
            f"{str(folder)!r} holds a {MANIFEST} of another program, not of an index; choose another"
        )
    if content.get("format") != FORMAT:
        problem = f"the index {str(folder)!r} has format {content.get('format')!r}, this version reads {FORMAT}"
        raise IndexFolderError(f"{problem}; build it again with this version, or install the version that made it")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an index, after checking that its files are whole; IndexFolderError if not."""
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise IndexFolderError(f"index folder {str(folder)!r} {problem}; check the path, or build an index there first")
    if not (folder / MANIFEST).is_file():
        if (folder / BUILDING).is_file():
            problem = f"the index {str(folder)!r} is not finished"
            raise IndexFolderError(f"{problem}; repeat the command that builds it: it goes on where it stopped")
        raise IndexFolderError(
            f"{str(folder)!r} holds no index: it has no {MANIFEST}; give a folder that `index` wrote"
        )
    content = read_object(folder / MANIFEST)
    check_kind(folder, content)
    for field, kind in _FIELDS.items():
        if not isinstance(content.get(field), kind) or isinstance(content[field], bool):  # type: ignore[arg-type]
            raise damaged(folder, f"{MANIFEST} does not say {field}")
    for name, size in content["files"].items():
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise damaged(folder, f"{MANIFEST} names {name[:80]!r}, outside of it")
        if not path.is_file():
            raise damaged(folder, f"{name} is missing")
        if path.stat().st_size != size:
            raise damaged(folder, f"{name} has {path.stat().st_size:,} bytes instead of {size:,}")
    return content


def sizes(folder: Path) -> dict[str, int]:
    """Return the size in bytes of every file of an index but the manifest, by its path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}
    return {name: size for name, size in names.items() if name not in (MANIFEST, BUILDING, LOCK)}
