"""Time several ways to compute the same, once for a machine: the result is kept in the user's cache folder.

What chooses by such times chooses the same way in every later process, although no two measurements agree. The first
process that measured wins; others that measured at the same time take its figures.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from sembridge.processor import features

_SECONDS = 0.3  # of all timed rounds together; there are at least two, whatever they take
_ROUNDS = 12


def cache_folder() -> Path | None:
    """Return where figures are kept: sembridge/ in XDG_CACHE_HOME or ~/.cache; None without a home folder."""
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "sembridge"
    try:
        return Path.home() / ".cache" / "sembridge"
    except RuntimeError:  # a container's user may have none
        return None


def machine() -> dict[str, Any]:
    """Return what the figures of a trial are of: processor, instructions, limits, PyTorch's version and threads."""
    return {
        "processor": features.processor(),
        "flags": hashlib.sha256(" ".join(sorted(features.flags())).encode()).hexdigest()[:16],
        "capability": torch.backends.cpu.get_cpu_capability(),
        "limits": features.limits(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def seconds_of(name: str, sides: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the seconds of each side's fastest call, as this machine's first trial of that name measured them.

    Where the cache folder cannot be written, every process measures for itself.
    """
    about, folder = {"trial": name, "sides": sorted(sides), **machine()}, cache_folder()
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    file = None if folder is None else folder / f"{name}-{digest}.json"
    if (known := _read(file, about)) is not None:
        return known
    measured = _measure(sides)
    if file is not None:
        _publish(file, {"about": about, "seconds": measured})
    return _read(file, about) or measured


def _measure(sides: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Time the sides in turn, after one untimed call of each: whatever slows the machine slows all of them."""
    best = dict.fromkeys(sides, float("inf"))
    for work in sides.values():
        work()
    begin = time.perf_counter()
    for done in range(_ROUNDS):
        if done >= 2 and time.perf_counter() - begin > _SECONDS:
            break
        for side, work in sides.items():
            start = time.perf_counter()
            work()
            best[side] = min(best[side], time.perf_counter() - start)
    return best


def _read(file: Path | None, about: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the seconds of a file; None if it is missing, damaged, or not about this."""
    try:
        content = json.loads(file.read_bytes()) if file is not None else None
        if content is None or content["about"] != about:
            return None
        seconds = {str(side): float(content["seconds"][side]) for side in about["sides"]}
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return seconds if all(0 < value < float("inf") for value in seconds.values()) else None


def _publish(file: Path, content: Mapping[str, Any]) -> None:
    """Write a file unless a readable one is there by now; without rights or space nothing is written."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        if file.exists() and _read(file, content["about"]) is None:
            file.unlink()  # damaged
        try:
            os.link(temporary, file)  # fails if another process was first
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            os.replace(temporary, file)
    except OSError:
        pass
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
