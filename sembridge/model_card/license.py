"""Licenses by their hub ids ("apache-2.0", "cc-by-nc-sa-4.0"): what they forbid, and which of several binds the most. No legal advice."""

from __future__ import annotations

from collections.abc import Iterable

_PERMISSIVE = frozenset({
    "apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "zlib", "unlicense", "cc0-1.0", "pddl", "odc-by", "bsl-1.0", "afl-3.0",
    "artistic-2.0", "ecl-2.0", "ms-pl", "postgresql", "wtfpl", "cdla-permissive-1.0", "cdla-permissive-2.0",
})  # fmt: skip
_SHARE_ALIKE = ("gpl", "agpl", "lgpl", "mpl", "epl", "eupl", "osl", "odbl", "gfdl", "cdla-sharing")


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
