"""The overlap: which target tokens already exist in the source vocabulary, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# From the strongest claim to the weakest. `fuzzy` admits all, `exact` only the first, `special` none: roles only.
RULES = ("exact", "case", "boundary", "case+boundary")


@dataclass(frozen=True)
class Overlap:
    """Hold which source row each target id copies.

    copied  [T] the source id whose row each target id takes, -1 for the rows to invent
    rule    [T] why, '' where `copied` is -1:
            `role` special tokens that do the same; `exact` same text and word-initial flag; `case` same but for case;
            `boundary` same text, other word-initial flag; `case+boundary`; `token` the same stored token, where neither
            side has a text (lone bytes, space marks, unused tokens, specials without a role), or, under the compat
            profile, a special with the same string
    """

    copied: np.ndarray
    rule: tuple[str, ...]
