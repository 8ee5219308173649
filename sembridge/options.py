"""The choices of a transfer, declared once for the library, the command line and presets. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sembridge.nearest import nearest

PROFILES = ("fixed", "compat")
OVERLAPS = ("special", "exact", "fuzzy")
DONORS = ("ordinary", "all")
BIAS_POLICIES = ("transfer", "zero", "keep")
CALIBRATED = "calibrated"
"""A fourth policy, which needs text: transfer, less thresholds counted in it (`sembridge.encoder.calibration`)."""
BIASES = (*BIAS_POLICIES, CALIBRATED)
SPECIAL_IDS = ("target", "keep")
NONFINITE = ("refuse", "leave-out")
COPIED, SPECIAL, MIXED, SAMPLED, EMPTY, OWN = ORIGINS = ("copied", "special", "mixed", "sampled", "empty", "own")

AUTO = "auto"
AUTOMATIC = 0.0
"""What stands for alpha "auto" where a number is needed: coordinates of cells, their files."""

_KNOWN = {
    "profile": PROFILES, "overlap": OVERLAPS, "donors": DONORS, "bias": BIASES, "special_ids": SPECIAL_IDS,
    "nonfinite": NONFINITE,
}  # fmt: skip
# What a profile does where no option overrules it.
_DONORS = {"fixed": "ordinary", "compat": "all"}
_TRANSPLANT: Mapping[str, Mapping[str, str]] = {
    "fixed": {"bias": "transfer", "special_ids": "target"},
    "compat": {"bias": "keep", "special_ids": "keep"},
}


def check(**values: str | None) -> None:
    """Check options by name (profile, overlap, donors, bias, ...); None stands for an option not given.

    Raises ValueError for a value that the option does not have, and for options that conflict.
    """
    for option, value in values.items():
        if value is not None and value not in _KNOWN[option]:
            raise ValueError(f"{option} {value!r} is unknown; {nearest(str(value), _KNOWN[option])}")
    if (values.get("profile"), values.get("donors")) == ("compat", "ordinary"):
        raise ValueError(
            "donors 'ordinary' conflicts with profile 'compat', where every token donates; "
            "choose profile 'fixed' or donors 'all'"
        )


def alpha_text(alpha: float) -> str:
    """Return the alpha of a cell as tables and file names show it."""
    return AUTO if alpha == AUTOMATIC else f"{alpha:g}"


def alpha_number(alpha: float | str) -> float:
    """Return the alpha that a user typed as the number that cells have; ValueError for what is neither it nor "auto".

    Whether a number is an alpha at all, the method says.
    """
    if alpha == AUTO:
        return AUTOMATIC
    try:
        number = float(alpha)
    except (TypeError, ValueError, OverflowError):
        number = AUTOMATIC
    if number == AUTOMATIC:
        shown = repr(alpha) if len(repr(alpha)) < 40 else f"{repr(alpha)[:40]}..."
        raise ValueError(f"alpha {shown} is neither a number from 1 on nor {AUTO}")
    return number


def alpha_field(alpha: float) -> float | str:
    """Return the alpha of a cell as the field of a method holds it."""
    return AUTO if alpha == AUTOMATIC else alpha


def transplant_options(profile: str, bias: str | None = None, preferred: str | None = None) -> dict[str, str]:
    """Return the bias policy and the special ids of a transfer.

    bias       the policy that a user chose
    preferred  the one that the method prefers, see `sembridge.initializer.bias_of`; the profile compat has its own
    """
    chosen = bias or (preferred if profile == "fixed" else None)
    return {**_TRANSPLANT[profile], **({} if chosen is None else {"bias": chosen})}


def settings_for(method: Any, bias: str) -> dict[str, Any]:
    """Return the fields of a method (a class or an instance) that a policy of the bias gives values where it has None.

    bias  as it is used, see `transplant_options`
    """
    return dict(getattr(method, "calibrated", {})) if bias == CALIBRATED else {}


def with_bias(method: Any, bias: str) -> Any:
    """Return the method as it is used with a policy of the bias: fields that are set stay as they are."""
    values = {name: value for name, value in settings_for(method, bias).items() if getattr(method, name) is None}
    return dataclasses.replace(method, **values) if values else method


def placed_bias(bias: str) -> str:
    """Return the policy by which a bias is placed before it is calibrated, or else the policy itself."""
    return "transfer" if bias == CALIBRATED else bias


def described(
    profile: str, overlap: str, donors: str | None, bias: str, seed: int, nonfinite: str = "refuse"
) -> dict[str, str | int]:
    """Return the options as a recipe lists them, with what the profile decides filled in.

    bias       the policy that was used, see `transplant_options`
    nonfinite  listed where it is not the default
    """
    chosen: dict[str, str | int] = {"profile": profile, "overlap": overlap, "donors": donors or _DONORS[profile]}
    return chosen | {"bias": bias, "seed": seed} | ({} if nonfinite == "refuse" else {"nonfinite": nonfinite})
