"""The overlap: which target tokens already exist in the source vocabulary, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# From the strongest claim to the weakest. `fuzzy` admits all of them, `exact` the first alone, `special` none: roles only.
RULES = ("exact", "case", "boundary", "case+boundary")


@dataclass(frozen=True)
class Overlap:
    """copied [T]: the source id whose row each target id takes, -1 for the rows to invent; rule [T]: why ('' where -1).

    Rules: `role` (special tokens, by what they do), `exact` (same text, same word-initial flag), `case` (same but for case), `boundary`
    (same text, other word-initial flag), `case+boundary`, `token` (the same stored token, where neither side has a text: lone bytes, space marks,
    unused tokens, specials without a role; under the compat profile, where a special has the same string).
    """

    copied: np.ndarray
    rule: tuple[str, ...]
