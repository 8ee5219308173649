"""Format amounts of bytes, of time and of computation for people."""

from __future__ import annotations


def amount(size: float) -> str:
    """Format bytes: 1234567 -> "1.2 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def duration(seconds: float) -> str:
    """Format seconds: "8 s", "3 min 20 s", "2 h 05 min", "1,234 h"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole >= 360_000:
        return f"{whole // 3600:,} h"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def flop(value: float) -> str:
    """Format multiplications and additions: 2.5e12 -> "2.5 TFLOP"."""
    for unit in ("M", "G", "T", "P"):
        value /= 1e6 if unit == "M" else 1e3
        if value < 1000:
            return f"{value:.1f} {unit}FLOP"
    return f"{value / 1000:,.1f} EFLOP"
