"""Locate presets and published figures: in a wheel inside `harness`, in a checkout in experiments/."""

from __future__ import annotations

from pathlib import Path

_HARNESS = Path(__file__).resolve().parents[1]


def presets() -> Path:
    """Return the folder of presets."""
    return _folder("presets")


def published_figures() -> Path:
    """Return the folder of published figures."""
    return _folder("expected")


def preset_titles() -> dict[str, str]:
    """Return the first sentence of each preset's leading comment, by name of preset; this parses no YAML."""
    titles = {}
    for path in sorted(presets().glob("*.yaml"), key=lambda path: path.stem):
        comment = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                break
            comment.append(line.removeprefix("#").strip())
        titles[path.stem] = " ".join(comment).partition(". ")[0].rstrip(".")
    return titles


def _folder(name: str) -> Path:
    """Return the folder of the wheel if there is one: the folder beside an installed `harness` may be anyone's."""
    installed = _HARNESS / name
    return installed if installed.is_dir() else _HARNESS.parent / "experiments" / name
