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

    def without(self, left_out: np.ndarray) -> Overlap:
        """Return the overlap in which no token copies a source token that is `left_out` [S] bool."""
        dropped = (self.copied >= 0) & left_out[self.copied]
        rule = tuple("" if drop else rule for drop, rule in zip(dropped, self.rule, strict=True))
        return Overlap(np.where(dropped, -1, self.copied), rule)
