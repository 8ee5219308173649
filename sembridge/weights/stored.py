"""Read which tensors a model folder stores from the headers of its safetensors files: names, types, shapes, no values.

A header is 8 bytes of length and that much JSON. Reading it needs neither torch nor memory for the weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
_WEIGHT = re.compile(r"(^|\.)(weight|bias|gamma|beta)$")  # not position_ids and counters, which are whole numbers
FLOATS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_BLOCK = 1 << 20  # bytes that are compared at once
_LONGEST = 100_000_000  # bytes of a header, safetensors' own limit


@dataclass(frozen=True)
class Stored:
    """One tensor of a file: its type as safetensors spells it (F32, BF16, ...), its shape, and where its bytes are.

    place  (file, first byte, byte after the last); None for one that is in no file
    """

    dtype: str
    shape: tuple[int, ...]
    place: tuple[Path, int, int] | None = field(default=None, compare=False, repr=False)


def stored_tensors(folder: Path) -> dict[str, Stored]:
    """Return name -> tensor of model.safetensors, or of all the shards that model.safetensors.index.json names.

    Raises ValueError for a folder with neither, an index that names a shard which is not there, and damaged files.
    """
    if (folder / SINGLE).is_file():
        return header(folder / SINGLE)
    if not (folder / INDEX).is_file():
        raise ValueError(
            f"model folder {str(folder)!r} has no {SINGLE}; save its weights with transformers' save_pretrained"
        )
    tensors: dict[str, Stored] = {}
    for name in _shards(folder):
        for tensor, place in header(folder / name).items():
            if tensor in tensors and not same_values(place, tensors[tensor]):
                raise ValueError(f"{folder / INDEX} names files that hold {tensor} twice; get the model's files again")
            tensors[tensor] = place
    return tensors


def header(path: Path) -> dict[str, Stored]:
    """Return the tensors of one safetensors file. Raises ValueError if it is damaged or cut off."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            content: Any = json.loads(file.read(length)) if 0 < length <= _LONGEST else None
            entries = {name: value for name, value in content.items() if name != "__metadata__"}
        tensors = {
            name: Stored(
                str(entry["dtype"]), _sizes(entry["shape"]), (path, *_bytes(entry["data_offsets"], 8 + length))
            )
            for name, entry in entries.items()
        }
        end = max((tensor.place[2] for tensor in tensors.values() if tensor.place), default=8 + length)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise ValueError(f"{path} is not a safetensors file, or is damaged; get the file again") from None
    size = path.stat().st_size
    if size < end:
        raise ValueError(f"{path} is cut off: {size:,} of {end:,} bytes; get the file again")
    if size > end:
        raise ValueError(f"{path} is damaged: {size:,} bytes, but its header names {end:,}; get the file again")
    return tensors


def same_values(one: Stored, other: Stored) -> bool:
    """Return whether two tensors of files have the same type, shape and bytes; False where the bytes are not known."""
    if one != other or one.place is None or other.place is None:
        return False
    with one.place[0].open("rb") as first, other.place[0].open("rb") as second:
        first.seek(one.place[1])
        second.seek(other.place[1])
        left = one.place[2] - one.place[1]
        while left > 0:
            size = min(left, _BLOCK)
            if (block := first.read(size)) != second.read(size) or not block:
                return False
            left -= size
    return True


def dtype_of(tensors: Mapping[str, Stored]) -> str:
    """Return the floating types of stored tensors as torch names them, joined with " and "; "" without any."""
    return " and ".join(sorted({FLOATS[tensor.dtype] for tensor in tensors.values() if tensor.dtype in FLOATS}))


def quantized(tensors: Mapping[str, Stored]) -> list[str]:
    """Return the names of tensors of less than 16 bits, which are no weights without scales of their own."""
    return [name for name, tensor in tensors.items() if tensor.dtype.startswith(("I8", "U8", "F8_", "F6_", "F4", "I4"))]


def not_real(tensors: Mapping[str, Stored]) -> list[str]:
    """Return the names of weights and biases stored as whole, complex or truth values, which would be cast."""
    return [name for name, tensor in tensors.items() if tensor.dtype not in FLOATS and _WEIGHT.search(name)]


def _shards(folder: Path) -> list[str]:
    """Return the files of an index. Raises ValueError if one is missing, or lies outside of the folder."""
    try:
        names = {str(name) for name in json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError(f"{folder / INDEX} names no files under weight_map; get the file again") from None
    if outside := sorted(name for name in names if Path(name).name != name):
        raise ValueError(f"{folder / INDEX} names {outside[0][:80]!r}, which is not in its folder; get the model again")
    if missing := sorted(name for name in names if not (folder / name).is_file()):
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise ValueError(
            f"{folder / INDEX} names {missing[0]}{others}, which is not in the folder; copy all of its files there"
        )
    return sorted(names)


def _sizes(value: Any) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in value)
    if any(size < 0 for size in sizes):
        raise ValueError("negative size")
    return sizes


def _bytes(offsets: Any, start: int) -> tuple[int, int]:
    """Return the first byte of a tensor in its file, and the one after its last."""
    first, last = _sizes(offsets)
    if first > last:
        raise ValueError("negative size")
    return start + first, start + last
