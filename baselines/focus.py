"""FOCUS: a new row is a mixture of copied rows whose tokens occur in similar text (arXiv 2305.14481)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from baselines.vectors.auxiliary import AuxiliaryVectors, train_auxiliary
from sembridge.assembly import assemble
from sembridge.initializer import FALLBACK, Initialization, Transfer

__all__ = ["TRAINING_PARAMETERS", "AuxiliaryVectors", "Focus", "sparsemax", "train_auxiliary"]

logger = logging.getLogger(__name__)

# The fields of Focus that shape the auxiliary vectors, and nothing else.
TRAINING_PARAMETERS = tuple(train_auxiliary.__kwdefaults__ or ())

_BLOCK = 1 << 23  # scores computed at a time: 64 MB of float64


@dataclass(frozen=True)
class Focus:
    """E_t[x] = sum_o w_o E_t[o], w = sparsemax over the cosines of the auxiliary vectors of x and of the anchors o.

    text       a UTF-8 file of target-language text, one passage per line; or vectors that `train_auxiliary` returned
    tokenizer  the target tokenizer; needed to train vectors from a file only
    others     fastText's settings, see `train_auxiliary`; the defaults are those of deepfocus. `seed` is fastText's

    Anchors are the target tokens that have a vector and copy an ordinary source row (a donor: not a special, unused or
    byte token). A missing token without a vector, because it occurs fewer than `min_count` times in the text, is
    sampled from N(mean_d, std_d) of the source rows.

    Raises ValueError if there are neither vectors nor a text and a tokenizer, if the vectors belong to another
    vocabulary, and if there is no anchor.
    """

    name: ClassVar[str] = "focus"
    needs: ClassVar[tuple[str, ...]] = ("auxiliary",)
    samples: ClassVar[str] = FALLBACK

    text: str | Path | AuxiliaryVectors | None = None
    dimension: int = 100
    epochs: int = 3
    negative: int = 10
    min_count: int = 10
    min_n: int = 3
    max_n: int = 6
    window: int = 5
    learning_rate: float = 0.05
    sample: float = 1e-4
    buckets: int = 2_000_000
    seed: int = 42
    tokenizer: Any = field(default=None, repr=False, compare=False)

    def __call__(self, transfer: Transfer) -> Initialization:
        auxiliary, size = self.vectors(), len(transfer.target)
        if auxiliary.vectors.shape[0] != size or auxiliary.known.shape != (size,):
            raise ValueError(
                f"auxiliary vectors for {len(auxiliary.vectors):,} tokens, but the target vocabulary has {size:,}; "
                "train them with the target tokenizer"
            )
        vectors = auxiliary.vectors.astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1)
        has_vector = auxiliary.known & (lengths > 0)
        copies_donor = _copies_donor(transfer)
        anchors = np.flatnonzero(has_vector & copies_donor)
        placed = np.flatnonzero(has_vector[transfer.missing])
        if len(transfer.missing) and not len(anchors):
            reason, advice = "no ordinary token copies a row", "choose overlap fuzzy or exact, or another method"
            if copies_donor.any():
                reason = f"none of the {copies_donor.sum():,} copied tokens has an auxiliary vector"
                advice = "give more target-language text or lower min_count"
            raise ValueError(f"FOCUS has no anchor: {reason}; {advice}")
        if len(transfer.missing) and not len(placed):
            reason = "FOCUS: none of the %d new tokens has an auxiliary vector, so all of them are sampled"
            logger.warning(reason, len(transfer.missing))
        vectors[has_vector] /= lengths[has_vector, None]
        rows, columns, weights = _mixture(vectors[transfer.missing[placed]], vectors[anchors])
        # Several anchors may copy the same source row ("The" and "the"): csr_array adds up weights of equal
        # coordinates.
        shape = (len(transfer.missing), len(transfer.source))
        mixture = sp.csr_array((weights, (placed[rows], transfer.copied[anchors[columns]])), shape=shape)
        support = np.diff(mixture.indptr)[placed]
        statistics = {
            "anchors": len(anchors),
            "without_vector": len(transfer.missing) - len(placed),
            "mean_support": float(support.mean()) if len(support) else 0.0,
            "max_support": int(support.max(initial=0)),
        }
        return assemble(transfer, mixture=mixture, statistics=statistics)

    def vectors(self) -> AuxiliaryVectors:
        """Return the vectors, trained now if `text` is a file."""
        if isinstance(self.text, AuxiliaryVectors):
            return self.text
        vectors = "the vectors that train_auxiliary"
        if self.text is None:
            raise ValueError(f"FOCUS needs target-language text: set `text` to a file, or to {vectors} made of one")
        if self.tokenizer is None:
            raise ValueError(
                f"FOCUS was given the file {str(self.text)!r} but no tokenizer to read it with: "
                f"set `tokenizer` to the target tokenizer, or `text` to {vectors} made of it"
            )
        with Path(self.text).open(encoding="utf-8-sig") as lines:
            return train_auxiliary(lines, self.tokenizer, **{name: getattr(self, name) for name in TRAINING_PARAMETERS})


def sparsemax(scores: np.ndarray) -> np.ndarray:
    """Return [n, m] float64: the Euclidean projection of each row onto the simplex, exact by sorting.

    Martins and Astudillo 2016, algorithm 1.
    """
    scores = scores - scores.max(axis=1, keepdims=True)
    descending = -np.sort(-scores, axis=1)
    sums = np.cumsum(descending, axis=1)
    support = (1 + np.arange(1, scores.shape[1] + 1) * descending > sums).sum(axis=1)
    threshold = (np.take_along_axis(sums, support[:, None] - 1, axis=1) - 1) / support[:, None]
    return np.maximum(scores - threshold, 0)


def _copies_donor(transfer: Transfer) -> np.ndarray:
    """Return [T] bool: ordinary target tokens whose row is copied from a donor."""
    ordinary = np.array([role is None for role in transfer.target.roles], dtype=bool)
    return ordinary & (transfer.copied >= 0) & transfer.donors[transfer.copied]


def _mixture(queries: np.ndarray, anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (query, anchor, weight) of every positive weight of sparsemax(queries @ anchors.T).

    queries [n, A] and anchors [m, A] have rows of length 1; blocks of queries bound the memory.
    """
    blocks = [(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32), np.empty(0))]
    step = max(1, _BLOCK // max(1, len(anchors)))
    for start in range(0, len(queries), step):
        weights = sparsemax(queries[start : start + step] @ anchors.T)
        rows, columns = np.nonzero(weights)
        blocks.append(((start + rows).astype(np.int32), columns.astype(np.int32), weights[rows, columns]))
    rows, columns, weights = (np.concatenate(arrays) for arrays in zip(*blocks, strict=True))
    return rows, columns, weights
