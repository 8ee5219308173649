"""Licenses by their hub ids ("apache-2.0", "cc-by-nc-sa-4.0"), as model cards state them.

What no card states is not known; nothing is guessed. What a license forbids, and which of several binds the most, is
read from its id. No legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_PERMISSIVE = frozenset({
    "apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "zlib", "unlicense", "cc0-1.0", "pddl", "odc-by", "bsl-1.0", "afl-3.0",
    "artistic-2.0", "ecl-2.0", "ms-pl", "postgresql", "wtfpl", "cdla-permissive-1.0", "cdla-permissive-2.0",
})  # fmt: skip
_SHARE_ALIKE = ("gpl", "agpl", "lgpl", "mpl", "epl", "eupl", "osl", "odbl", "gfdl", "cdla-sharing")
_CARD = 4 << 20  # bytes; a license stated after these is not read


def stated_license(card: Path) -> str | None:
    """Return the license that a card's front matter states: of several the first, "other" by its own name.

    None if there is no such file or no such statement. The two lines are read without a YAML parser: the card is
    someone else's, and YAML can say more than a line holds.
    """
    if not card.is_file():
        return None
    with card.open("rb") as file:
        head, end, _ = file.read(_CARD).decode("utf-8", errors="replace").partition("\n---")
    if not head.startswith("---") or not end:
        return None
    license = _field(head, "license")
    return _field(head, "license_name") or license if license == "other" else license


def hub_license(name: str, revision: str | None) -> str | None:
    """Return the license that the card of a model on the hub states."""
    from huggingface_hub import hf_hub_download

    try:
        return stated_license(Path(hf_hub_download(name, "README.md", revision=revision)))
    except Exception:  # no card, or no network: not to know the license is no reason to stop
        return None


def _field(head: str, name: str) -> str | None:
    """Return the value of a field at the top level, of a list its first item; None for none, and for anything else."""
    item = r"""[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([A-Za-z0-9][^\n,\]#"']*))"""
    found = re.search(rf"^{name}:(?:[ \t]*\n[ ]*-|[ \t]*\[\s*)?{item}", head, re.MULTILINE)
    value = next((group for group in found.groups() if group), "").strip() if found else ""
    return value or None


def forbids_commerce(license: str) -> bool:
    """True for the non-commercial licenses of Creative Commons."""
    return "nc" in _terms(license)


def forbids_derivatives(license: str) -> bool:
    """True for the licenses of Creative Commons under which nothing changed may be passed on; a transplanted encoder is changed."""
    return "nd" in _terms(license)


def most_restrictive(licenses: Iterable[str]) -> str:
    """The license that binds the most; the first of several that bind alike. Terms of a maker's own count as more than share-alike."""
    return max(licenses, key=_weight)  # max keeps the first


def _weight(license: str) -> int:
    terms = _terms(license)
    if "nc" in terms or "nd" in terms:
        return 2 + 2 * ("nc" in terms) + ("nd" in terms)
    if license.lower() in _PERMISSIVE or (terms and "sa" not in terms):
        return 0
    return 1 if terms or license.lower().startswith(_SHARE_ALIKE) else 2


def _terms(license: str) -> set[str]:
    """{"by", "nc", "sa", ...} of a Creative Commons license, empty for others."""
    head, *rest = license.lower().split("-")
    return set(rest) if head == "cc" else set()
