"""Choose alpha without labels: the one at which a token has about as many donors as it should.

With alpha too low a row is an average that says nothing, with alpha too high it is the copy of one English row, shared
with every token that has the same nearest donor. How low and how high depends on the scale of the bridge's cosines; the
number of donors does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from sembridge.bridging.geometry import Compared
from sembridge.mixture.entmax import check_alpha
from sembridge.mixture.mixture import supports
from sembridge.options import AUTO

DONORS = 2.1
"""Mean number of donors that alpha "auto" aims at; the page 'methods' of the documentation has the evidence."""

LADDER = (1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 14.0, 16.0, 20.0, 24.0, 32.0)
"""Alphas that are tried."""

SAMPLE = 2048  # tokens whose donors are counted


def check_field(alpha: float | str) -> None:
    """Check the field `alpha` of a method; ValueError for what is neither "auto" nor a number from 1 on."""
    if alpha == AUTO:
        return
    if not isinstance(alpha, (int, float)) or isinstance(alpha, bool):
        raise ValueError(f"alpha {alpha!r} is neither a number from 1 on nor {AUTO}")
    check_alpha(float(alpha))


def choose_alpha(
    tokens: Compared, names: Sequence[str | None], donors: float = DONORS
) -> tuple[float, dict[float, float]]:
    """Return (the alpha of `LADDER` whose mean number of donors is nearest to `donors`, that number for each alpha).

    names  of the target tokens, which choose the sample: it does not depend on the order of ids

    Numbers are compared by their ratio; of two alphas that are as near, the lower one is chosen.
    """
    counts: list[list[int]] = [[] for _ in LADDER]
    chosen = sampled(tokens.targets, names)
    for _, queries, sources in tokens.groups:
        some = queries.part(np.isin(queries.ids, chosen))
        if len(some):
            for alpha_counts, numbers in zip(counts, supports(some, sources, LADDER), strict=True):
                alpha_counts += numbers.tolist()
    means = {alpha: float(np.mean(of_alpha)) for alpha, of_alpha in zip(LADDER, counts, strict=True) if of_alpha}
    if not means:
        return 4.0, {}  # no token is to be mixed, so any alpha makes the same rows: the paper's
    return min(means, key=lambda alpha: (abs(np.log(means[alpha] / donors)), alpha)), means


def sampled(ids: np.ndarray, names: Sequence[str | None]) -> np.ndarray:
    """Return at most `SAMPLE` of the ids, chosen by the names of their tokens alone."""
    if len(ids) <= SAMPLE:
        return ids
    digests = [blake2b(str(names[i]).encode("utf-8", "surrogatepass"), digest_size=8).digest() for i in ids]
    return ids[np.sort(np.argsort(np.frombuffer(b"".join(digests), dtype=">u8"), kind="stable")[:SAMPLE])]
