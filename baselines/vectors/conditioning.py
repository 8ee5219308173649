"""Tell in how many directions a dictionary determines the rotation between two languages' word vectors (WECHSEL)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

logger = logging.getLogger(__name__)


def measured(source: Any, target: Any, lefts: Sequence[int], rights: Sequence[int]) -> dict[str, float]:
    """Return figures of the orthogonal Procrustes problem of word pairs; lefts and rights are as of `known_pairs`.

    alignment_pairs       distinct pairs
    alignment_dimensions  A, of the word vectors
    alignment_determined  directions that the pairs determine, at most A
    alignment_largest, alignment_smallest  singular values of S^T T [A, A], S and T the vectors of the pairs

    The rotation is U V^T of the singular value decomposition of S^T T. In a direction whose singular value is below
    A * 1.2e-7 times the largest, rounding of the float32 vectors decides about it: any rotation there is as good.
    """
    product = source.vectors[lefts].astype(np.float64).T @ target.vectors[rights].astype(np.float64)
    singular = np.linalg.svd(product, compute_uv=False)
    threshold = len(singular) * float(np.finfo(np.float32).eps) * singular[0]
    return {
        "alignment_pairs": len(set(zip(lefts, rights, strict=True))),
        "alignment_dimensions": len(singular),
        "alignment_determined": int((singular > threshold).sum()),
        "alignment_largest": float(singular[0]),
        "alignment_smallest": float(singular[-1]),
    }


def warn(conditioning: Mapping[str, float]) -> None:
    """Log a warning that says what helps, if the pairs leave the rotation undetermined in a direction."""
    pairs, dimensions, determined, largest, smallest = conditioning.values()
    if determined == dimensions:
        return
    logger.warning(
        "WECHSEL: the %d pairs of the dictionary that have word vectors determine %d of %d dimensions of the alignment "
        "(singular values %.0e to %.0e); its rotation is arbitrary in the others. More dictionary entries, more text "
        "for the word vectors or fewer dimensions (the setting dimension) help",
        *(pairs, determined, dimensions, largest, smallest),
    )
