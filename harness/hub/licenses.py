"""Read licenses as model cards state them; nothing is guessed."""

from __future__ import annotations

from pathlib import Path

from harness.files import yaml_data

_CARD = 4 << 20  # bytes of a card that are read


def stated_license(card: Path) -> str | None:
    """Return the license in a card's front matter: of several the first, of "other" its name; None if it has none."""
    if not card.is_file():
        return None
    with card.open("rb") as file:
        head, end, _ = file.read(min(_CARD, card.stat().st_size)).decode("utf-8", errors="replace").partition("\n---")
    if not head.startswith("---") or not end:
        return None
    try:
        fields = yaml_data.load(head.removeprefix("---"))
    except yaml_data.YamlError:
        return None
    stated = fields.get("license") if isinstance(fields, dict) else None
    if isinstance(stated, list):
        stated = stated[0] if stated else None
    if stated == "other":
        stated = fields.get("license_name") or stated
    return str(stated) if stated else None


def hub_license(name: str, revision: str) -> str | None:
    """Return the license that the card of a model on the hub states; None if it states none or cannot be read."""
    from huggingface_hub import hf_hub_download

    try:
        return stated_license(Path(hf_hub_download(name, "README.md", revision=revision)))
    except Exception:  # no card, or no network: an unknown license must not stop a run
        return None
