"""Where presets and published figures lie: in a wheel inside `harness`, in a checkout in experiments/."""

from __future__ import annotations

from pathlib import Path

_HARNESS = Path(__file__).resolve().parents[1]


def presets() -> Path:
    return _folder("presets")


def published_figures() -> Path:
    return _folder("expected")


def preset_titles() -> dict[str, str]:
    """Return by name of preset the first sentence of the comment that its file begins with; reads no YAML."""
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
    """The wheel's first: what lies beside an installed `harness` may belong to anybody."""
    installed = _HARNESS / name
    return installed if installed.is_dir() else _HARNESS.parent / "experiments" / name
