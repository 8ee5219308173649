"""Read licenses from model cards, by their hub ids ("apache-2.0", "cc-by-nc-sa-4.0").

A license that no card states is unknown; nothing is guessed. What a license forbids, and which of several binds the
most, is read from its id. This is not legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_PERMISSIVE = frozenset({
    "apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "zlib", "unlicense", "cc0-1.0", "pddl", "odc-by",
    "bsl-1.0", "afl-3.0", "artistic-2.0", "ecl-2.0", "ms-pl", "postgresql", "wtfpl", "cdla-permissive-1.0",
    "cdla-permissive-2.0",
})  # fmt: skip
_SHARE_ALIKE = ("gpl", "agpl", "lgpl", "mpl", "epl", "eupl", "osl", "odbl", "gfdl", "cdla-sharing")
_CARD = 4 << 20  # bytes of a card that are read


def stated_license(card: Path) -> str | None:
    """Return the license that a card's front matter states: the first of several; for `other`, its `license_name`.

    None if there is no such file or no such statement. The two lines are read without a YAML parser: the card comes
    from a stranger, and YAML can hold more than these lines.
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
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

    try:
        if not isinstance(try_to_load_from_cache(name, "README.md", revision=revision), str):
            # Without a network this fails at once; a download would first be tried six times, in 23 seconds.
            get_hf_file_metadata(hf_hub_url(name, "README.md", revision=revision))
        return stated_license(Path(hf_hub_download(name, "README.md", revision=revision)))
    except Exception:  # no card, or no network: an unknown license is not a reason to stop
        return None


def _field(head: str, name: str) -> str | None:
    """Return the value of a field at the top level, or the first item of a list; None for anything else."""
    item = r"""[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([A-Za-z0-9][^\n,\]#"']*))"""
    match = re.search(rf"^{name}:(?:[ \t\r]*\n[ ]*-|[ \t]*\[\s*)?{item}", head, re.MULTILINE)
    value = next((group for group in match.groups() if group), "").strip() if match else ""
    return value or None


def forbids_commerce(license: str) -> bool:
    """Return True for the non-commercial licenses of Creative Commons."""
    return "nc" in _terms(license)


def forbids_derivatives(license: str) -> bool:
    """Return True for the Creative Commons licenses that forbid changed works; a transplanted encoder is one."""
    return "nd" in _terms(license)


def most_restrictive(licenses: Iterable[str]) -> str:
    """Return the license that binds the most, the first of equals. A maker's own terms bind more than share-alike."""
    return max(licenses, key=_weight)  # max keeps the first


def _weight(license: str) -> int:
    terms = _terms(license)
    if "nc" in terms or "nd" in terms:
        return 2 + 2 * ("nc" in terms) + ("nd" in terms)
    if license.lower() in _PERMISSIVE or (terms and "sa" not in terms):
        return 0
    return 1 if terms or license.lower().startswith(_SHARE_ALIKE) else 2


def _terms(license: str) -> set[str]:
    """Return {"by", "nc", "sa", ...} of a Creative Commons license, an empty set for others."""
    head, *rest = license.lower().split("-")
    return set(rest) if head == "cc" else set()
