"""The files of an index, and the check that a folder is a whole index of this version.

INDEX/manifest.json                  what the index is, and the size of every other file; written last
      vocab.json                     the tokens by id, as stored and as a person reads them
      documents/00000.jsonl          {"id": ..., "text": ...}, `documents_per_part` documents a file
      vectors/00000.safetensors      the vectors of the same documents, by document: offsets, dimensions, weights; and
                                     lines, the places of the documents' lines in the file above, in bytes, and checks,
                                     the CRC-32 of every line
      postings/ends.npy              the vectors by dimension: where the entries of each dimension end
               positions.npy         the document of every entry, ascending within a dimension
               weights.npy           its weight
               ranks.npy             the rank of every document's id, which decides between equal scores
               checks.npy            the CRC-32 of the entries of each dimension: positions, then weights

Files that are read whole have their CRC-32 in the manifest. A line, and the entries of a dimension, have one of their
own, so that a search checks what it reads, and reads no more than it needs.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

KIND, FORMAT = "sembridge index", 2
MANIFEST, BUILDING, VOCABULARY, LOCK = "manifest.json", "building.json", "vocab.json", ".lock"
DOCUMENTS, VECTORS, POSTINGS = "documents", "vectors", "postings"
ARRAYS = ("ends", "ranks", "positions", "weights", "checks")
_BY_DIMENSION = (f"{POSTINGS}/positions.npy", f"{POSTINGS}/weights.npy")

MOST_JSON = 1 << 28  # bytes of the manifest and of the vocabulary; a larger file is not read
_MOST = 2**31 - 1
_COUNTS = {
    "documents": (1, _MOST),
    "documents_per_part": (1, _MOST),
    "dimensions": (1, 1 << 24),
    "used_dimensions": (0, 1 << 24),
    "entries": (0, 1 << 50),
    "without_dimensions": (0, _MOST),
    "ids_with_white_space": (0, _MOST),
}
"""The least and the most that a count can be."""
_TEXTS, _TABLES = ("identity", "precision"), ("encoder", "files", "checks")


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
        with path.open("rb") as file:
            text = file.read(MOST_JSON + 1)
        content = parsed(text)
    except (OSError, ValueError) as error:
        raise damaged(path.parent, f"{path.name} cannot be read ({type(error).__name__})") from None
    if not isinstance(content, dict):
        raise damaged(path.parent, f"{path.name} holds no JSON object")
    return content


def parsed(text: bytes) -> Any:
    """Return what a text of JSON in UTF-8 says. Raises ValueError for every text that says nothing."""
    if len(text) > MOST_JSON:
        raise ValueError(f"more than {MOST_JSON:,} bytes")
    try:
        return json.loads(text.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


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
        shown = repr(content.get("format"))[:40]
        problem = f"the index {str(folder)!r} has format {shown}, this version reads {FORMAT}"
        raise IndexFolderError(f"{problem}; build it again with this version, or install the version that made it")


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with the CRC-32 of all else that it says."""
    rest = {name: value for name, value in content.items() if name != "check"}
    return {**rest, "check": zlib.crc32(json.dumps(rest, sort_keys=True).encode())}


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
    if sealed(content)["check"] != content.get("check"):
        raise damaged(folder, f"{MANIFEST} is not as it was written")
    _check_fields(folder, content)
    _check_files(folder, content)
    return content


def _check_fields(folder: Path, content: Mapping[str, Any]) -> None:
    for field, (least, most) in _COUNTS.items():
        if not _is_count(content.get(field), least, most):
            raise damaged(folder, f"{MANIFEST} does not say {field}")
    encoder, longest = content.get("encoder"), content.get("max_length")
    said = {name: isinstance(content.get(name), str) for name in _TEXTS}
    said |= {name: isinstance(content.get(name), dict) for name in _TABLES}
    said["max_length"] = longest is None or _is_count(longest, 1, _MOST)
    if said["encoder"]:
        said["encoder"] = all(isinstance(encoder.get(name), (str, type(None))) for name in ("model", "revision"))  # type: ignore[union-attr]
    for field, is_said in said.items():
        if not is_said:
            raise damaged(folder, f"{MANIFEST} does not say {field}")


def _check_files(folder: Path, content: Mapping[str, Any]) -> None:
    """Check that there are the files that an index of this size has, each of the size that was written."""
    parts = -(-content["documents"] // content["documents_per_part"])
    named = content["files"]
    if len(named) != 1 + len(ARRAYS) + 2 * parts:  # before names are made: the count may be any
        raise damaged(folder, f"{MANIFEST} names {len(named):,} files, other than such an index has")
    for name in names(parts):
        size, path = named.get(name), folder / name
        if not _is_count(size, 0, 1 << 60):
            raise damaged(folder, f"{MANIFEST} does not say the size of {name}")
        if not path.is_file():
            raise damaged(folder, f"{name} is missing")
        if path.stat().st_size != size:
            raise damaged(folder, f"{name} has {path.stat().st_size:,} bytes instead of {size:,}")


def _is_count(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def names(parts: int) -> Iterator[str]:
    """Yield the paths of all files of an index but the manifest."""
    yield VOCABULARY
    yield from (f"{POSTINGS}/{name}.npy" for name in ARRAYS)
    for number in range(parts):
        yield from part_files(number)


def read_checked(folder: Path, manifest: Mapping[str, Any], name: str) -> bytes:
    """Return a file of an index; IndexFolderError if it is not as it was written."""
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise damaged(folder, f"{name} cannot be read ({type(error).__name__})") from None
    if zlib.crc32(content) != manifest["checks"].get(name):
        raise damaged(folder, f"{name} is not as it was written")
    return content


def sizes_and_checks(folder: Path, parts: int) -> dict[str, dict[str, int]]:
    """Return what the manifest says of the other files: `files`, their sizes in bytes, and `checks`, see above."""
    sizes = {name: (folder / name).stat().st_size for name in names(parts)}
    whole = (name for name in sizes if name not in _BY_DIMENSION)
    return {"files": sizes, "checks": {name: zlib.crc32((folder / name).read_bytes()) for name in whole}}
