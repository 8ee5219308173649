"""The contract between a benchmark and a method: a `Transfer` is the task, an `Initialization` its result.

A method is a frozen dataclass with a `name`, parameters as fields, and `__call__(Transfer) -> Initialization`. It is
found through the entry-point group `sembridge.initializers`; built-in and third-party methods register in the same way.

Shapes: S source vocabulary, T target vocabulary, D hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import scipy.sparse as sp
import torch

from sembridge.mixture.softmax import SoftmaxMixture
from sembridge.options import COPIED, MIXED, SAMPLED, SPECIAL, check
from sembridge.vocabulary.match import match
from sembridge.vocabulary.overlap import Overlap
from sembridge.vocabulary.vocabulary import Vocabulary

__all__ = ["COPIED", "MIXED", "SAMPLED", "SPECIAL", "Initialization", "Initializer", "Transfer", "support_of"]


@dataclass(frozen=True)
class Transfer:
    """The task: which rows shall the target vocabulary have?

    source, target     the two vocabularies
    rows               [S, D] float32, the source embedding rows; read-only
    overlap            which target ids copy which source id (decided once, shared by every method)
    seed               seed of everything a method samples
    initializer_range  the source model's own standard deviation for fresh weights
    all_donate         source tokens without a text (specials, unused tokens, lone bytes) donate as well
    """

    source: Vocabulary
    target: Vocabulary
    rows: np.ndarray
    overlap: Overlap
    seed: int = 42
    initializer_range: float = 0.02
    all_donate: bool = False

    @classmethod
    def between(
        cls,
        source: Vocabulary,
        target: Vocabulary,
        rows: Any,
        *,
        overlap: str | Overlap = "fuzzy",
        seed: int = 42,
        initializer_range: float = 0.02,
        donors: str | None = None,
    ) -> Transfer:
        """Build the task from two vocabularies and the source rows (array or tensor with at least S rows).

        overlap  special | exact | fuzzy, see `match.match`; or an overlap that was decided already
        donors   which source tokens may donate. `ordinary`: those with a text; `all`: specials, unused tokens and lone
                 bytes as well. None: the profile's, `ordinary` for fixed and `all` for compat

        Raises ValueError for an unknown option, and if the source tokenizer can emit ids that have no row.
        """
        check(profile=source.profile, donors=donors)
        matrix = (
            rows.detach().float().cpu().numpy()
            if isinstance(rows, torch.Tensor)
            else np.asarray(rows, dtype=np.float32)
        )
        if len(matrix) < len(source):
            raise ValueError(
                f"the source tokenizer has ids up to {len(source) - 1} but the embedding has only {len(matrix)} rows"
            )
        matrix = matrix[: len(source)].copy()
        matrix.setflags(write=False)
        decided = overlap if isinstance(overlap, Overlap) else match(source, target, overlap)
        return cls(source, target, matrix, decided, seed, initializer_range, donors == "all")

    @property
    def copied(self) -> np.ndarray:
        """[T] the source id each target row copies, -1 for the rows to invent."""
        return self.overlap.copied

    @cached_property
    def missing(self) -> np.ndarray:
        """[R] ascending target ids whose rows have to be invented."""
        return np.flatnonzero(self.copied < 0)

    @cached_property
    def donors(self) -> np.ndarray:
        """[S] bool: source tokens that may donate to a mixture: those with a text, or all of them (`all_donate`)."""
        return self.source.exists if self.all_donate else self.source.has_text

    def generator(self) -> torch.Generator:
        """A fresh generator at this transfer's seed: never the global one."""
        return torch.Generator().manual_seed(self.seed)


@dataclass(frozen=True)
class Initialization:
    """The result of a method.

    rows        [T, D] float32
    mixture     sparse [T, S] float32: the convex weights behind each row; one weight of 1 for copied rows, an empty row
                for sampled ones. Decoder bias, untied decoders and per-token query weights move with the same weights.
                At alpha 1 every donor has a weight in every row; where these are too many to hold, a `SoftmaxMixture`
                that computes them
    origin      [T] copied | special | mixed | sampled
    statistics  figures worth showing to a person (counts, support)
    """

    rows: np.ndarray
    mixture: sp.csr_array | SoftmaxMixture
    origin: np.ndarray
    statistics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def support(self) -> np.ndarray:
        """[T] how many source tokens a row was made of."""
        return support_of(self.mixture)

    def heaviest(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the k heaviest donors of each row, heaviest first, ties by id.

        They come as (starts [T + 1], source ids [n], weights [n] float32).
        """
        starts = np.concatenate([[0], np.cumsum(np.minimum(self.support, k))])
        ids, weights = np.empty(starts[-1], dtype=np.int64), np.empty(starts[-1], dtype=np.float32)
        stored = self.mixture.others if isinstance(self.mixture, SoftmaxMixture) else self.mixture
        for row in np.flatnonzero(np.diff(stored.indptr)):
            piece = slice(stored.indptr[row], stored.indptr[row + 1])
            order = np.lexsort((stored.indices[piece], -stored.data[piece]))[:k]
            ids[starts[row] : starts[row + 1]] = stored.indices[piece][order]
            weights[starts[row] : starts[row + 1]] = stored.data[piece][order]
        if isinstance(self.mixture, SoftmaxMixture):
            for row, *best in zip(self.mixture.places, *self.mixture.heaviest(k), strict=True):
                ids[starts[row] : starts[row + 1]], weights[starts[row] : starts[row + 1]] = best
        return starts, ids, weights

    def carry(self, values: np.ndarray) -> np.ndarray:
        """Move one number per source token [S] to the target vocabulary [T]; tokens without a mixture get the mean."""
        exact = self.mixture if isinstance(self.mixture, SoftmaxMixture) else self.mixture.astype(np.float64)
        carried = exact @ np.asarray(values, dtype=np.float64)
        carried[self.support == 0] = np.mean(values, dtype=np.float64)
        return carried.astype(np.float32)


@runtime_checkable
class Initializer(Protocol):
    """A method. `needs` names the inputs that it takes besides the transfer.

    A need is declared under the entry-point group `sembridge.needs`, with the field it fills, so that a harness can
    prepare it and share it. Built in are bridge, text, auxiliary, words and aligned; a package can declare its own.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]

    def __call__(self, transfer: Transfer) -> Initialization: ...


def support_of(mixture: sp.csr_array | SoftmaxMixture) -> np.ndarray:
    """[n] how many donors each row of a mixture [n, S] has."""
    return mixture.support if isinstance(mixture, SoftmaxMixture) else np.diff(mixture.indptr).astype(np.int64)
