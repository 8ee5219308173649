"""Store the bridge's vectors of one vocabulary, and what preceded the texts they are of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE, ABOUT = "vectors.safetensors", "about.json"


def save(out: Path, tokens: Any, prompt: str | None) -> None:
    """Write `TokenVectors` into a folder."""
    from safetensors.numpy import save_file

    placed = {} if tokens.placed is None else {"placed": tokens.placed}
    save_file({"vectors": tokens.vectors, "known": tokens.known} | placed, out / FILE)
    (out / ABOUT).write_text(json.dumps({"prompt": prompt}, ensure_ascii=False), encoding="utf-8")


def load(folder: Path) -> Any:
    """Return the stored `TokenVectors`."""
    from safetensors.numpy import load_file

    from sembridge.bridge import TokenVectors

    return TokenVectors(**load_file(folder / FILE))


def load_prompt(folder: Path) -> str | None:
    """Return what preceded every text; None if it is not known."""
    return json.loads((folder / ABOUT).read_text(encoding="utf-8"))["prompt"]
