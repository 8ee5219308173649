"""Name the processor by what it can do: its instruction sets, and the limits that the environment puts on libraries."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

LIMITS = ("ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS", "NUMBA_CPU_NAME", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE")
"""Variables that keep PyTorch, MKL, numba, oneDNN and OpenBLAS from instructions that the processor has."""

_TELLING = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "asimd", "sve", "i8mm", "bf16")


@cache
def flags() -> frozenset[str]:
    """Return the processor's flags as Linux names them; empty elsewhere."""
    return frozenset(_field("flags").split() or _field("Features").split())


@cache
def processor() -> str:
    """Return the processor's name; what the system says of it where there is no /proc."""
    return _field("model name") or platform.processor() or "unknown processor"


def instructions() -> str:
    """Return the instruction sets that decide how fast matrix products are: "avx2, avx512f, avx512_vnni"."""
    return ", ".join(name for name in _TELLING if name in flags()) or platform.machine()


def shown() -> str:
    """Return the instruction sets and what limits them, for a message."""
    limited = ", ".join(f"{name}={value}" for name, value in limits().items())
    return instructions() + (f"; limited by {limited}" if limited else "")


def limits() -> dict[str, str]:
    """Return the variables of `LIMITS` that are set."""
    return {name: os.environ[name] for name in LIMITS if os.environ.get(name)}


def _field(name: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), "")
