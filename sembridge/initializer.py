"""The contract between a benchmark and a method: a `Transfer` is the task, an `Initialization` its result.

A method is a frozen dataclass with a `name`, parameters as fields, and `__call__(Transfer) -> Initialization`. Built-in
and third-party methods register in the same way, in the entry-point group `sembridge.initializers`.

Shapes: S source vocabulary, T target vocabulary, D hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import scipy.sparse as sp

from sembridge.mixture.convexity import mean_weights
from sembridge.mixture.softmax import SoftmaxMixture
from sembridge.options import BIASES, COPIED, EMPTY, MIXED, OWN, SAMPLED, SPECIAL, check
from sembridge.vocabulary.match import match
from sembridge.vocabulary.overlap import Overlap
from sembridge.vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch

__all__ = [
    "ALWAYS",
    "CONVEX",
    "COPIED",
    "EMPTY",
    "FALLBACK",
    "MIXED",
    "NEVER",
    "OWN",
    "SAMPLED",
    "SIGNED",
    "SPECIAL",
    "Initialization",
    "Initializer",
    "Transfer",
    "bias_of",
    "samples_of",
    "support_of",
    "weights_of",
]

ALWAYS, FALLBACK, NEVER = "always", "fallback", "never"  # when the rows of a method depend on the transfer's seed
CONVEX, SIGNED = "convex", "signed"  # the weights of a method


@dataclass(frozen=True)
class Transfer:
    """The task: find the rows of the target vocabulary.

    source, target     the two vocabularies
    rows               [S, D] float32, the source embedding rows; read-only
    overlap            which target ids copy which source id (decided once, shared by every method)
    seed               seed of everything a method samples
    initializer_range  the source model's own standard deviation for fresh weights
    all_donate         source tokens without a text (specials, unused tokens, lone bytes) donate as well
    left_out           [S] bool: tokens with numbers that are not finite: they neither donate nor are copied, and
                       `known_rows` has them not; None: there are none
    """

    source: Vocabulary
    target: Vocabulary
    rows: np.ndarray
    overlap: Overlap
    seed: int = 42
    initializer_range: float = 0.02
    all_donate: bool = False
    left_out: np.ndarray | None = None

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
        left_out: np.ndarray | None = None,
    ) -> Transfer:
        """Build the task from two vocabularies and the source rows (array or tensor with at least S rows).

        overlap  special | exact | fuzzy, see `match.match`; or an `Overlap`
        donors   which source tokens may donate: `ordinary` those with a text, `all` also specials, unused tokens and
                 lone bytes. None follows the profile: `ordinary` for fixed, `all` for compat, where all are alike
        left_out [S] bool: tokens to leave out, see `encoder.nonfinite`; a token that would copy such a row is missing

        Raises ValueError for an unknown option, if the source tokenizer can emit ids that have no row, and if a row
        that is not left out has a number that is not finite.
        """
        import torch

        check(profile=source.profile, donors=donors)
        array = rows.detach().float().cpu().numpy() if isinstance(rows, torch.Tensor) else rows
        matrix = np.asarray(array, dtype=np.float32)
        if len(matrix) < len(source):
            raise ValueError(
                f"the source tokenizer has ids up to {len(source) - 1} but the embedding has only {len(matrix)} rows"
            )
        matrix = matrix[: len(source)].copy()
        matrix.setflags(write=False)
        spoiled = ~np.isfinite(matrix).all(axis=1)
        if left_out is not None:
            spoiled &= ~left_out
        if spoiled.any():
            shown = ", ".join(f"{source.tokens[i]!r} id {i}" for i in np.flatnonzero(spoiled)[:3].tolist())
            raise ValueError(f"{spoiled.sum():,} source rows are not finite ({shown}); leave them out with left_out")
        matched = overlap if isinstance(overlap, Overlap) else match(source, target, overlap)
        if left_out is not None:
            matched = matched.without(left_out)
        return cls(source, target, matrix, matched, seed, initializer_range, donors == "all", left_out)

    @property
    def copied(self) -> np.ndarray:
        """Return the source id each target row copies [T], -1 for the rows to invent."""
        return self.overlap.copied

    @cached_property
    def missing(self) -> np.ndarray:
        """Return the ascending target ids whose rows have to be invented [R]."""
        return np.flatnonzero(self.copied < 0)

    @cached_property
    def donors(self) -> np.ndarray:
        """Return which source tokens may donate to a mixture [S] bool: those with a text, or all (`all_donate`)."""
        able = self.source.exists if self.all_donate else self.source.has_text
        return able if self.left_out is None else able & ~self.left_out

    @property
    def known_rows(self) -> np.ndarray:
        """Return the source rows that are finite, for means and deviations [at most S, D]."""
        return self.rows if self.left_out is None else self.rows[~self.left_out]

    def generator(self) -> torch.Generator:
        """Return a fresh generator at this transfer's seed, never the global one."""
        import torch

        return torch.Generator().manual_seed(self.seed)


@dataclass(frozen=True)
class Initialization:
    """The result of a method.

    rows        [T, D] float32
    mixture     sparse [T, S] float32: the weights of source rows behind each row; one weight of 1 for copied rows, an
                empty row where no source row was mixed. Decoder bias and per-token query weights move with them, see
                `carry`. Where every donor has weight in every row (alpha 1) and these are too many to store, a
                `SoftmaxMixture` computes them
    origin      [T] copied | special | mixed | own (the method made the row without a mixture) | sampled | empty (no
                token has this id: the row is zero)
    statistics  figures to show to a person (counts, support)
    residual    [T, D] float32: what a method added to the mixture; 0 in rows that are not mixed or own. None: nothing

    Mixed and own rows are `mixture @ source rows + residual`.
    """

    rows: np.ndarray
    mixture: sp.csr_array | SoftmaxMixture
    origin: np.ndarray
    statistics: Mapping[str, Any] = field(default_factory=dict)
    residual: np.ndarray | None = None

    @property
    def support(self) -> np.ndarray:
        """Return how many source tokens each row is made of [T]."""
        return support_of(self.mixture)

    def own_share(self) -> np.ndarray | None:
        """Return how much of each row is its residual [T] float32, from 0 to 1; None where no row has one.

        It is r / (m + r) with the squared lengths m of the mixture's part and r of the residual: the share of the row's
        squared length, where the two are at a right angle.
        """
        if self.residual is None:
            return None
        mixed, own = (_squared_lengths(self.rows, self.residual), _squared_lengths(self.residual))
        return np.divide(own, mixed + own, out=np.zeros(len(own)), where=own > 0).astype(np.float32)

    def heaviest(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the k heaviest donors of each row: (starts [T + 1], source ids [n], weights [n] float32).

        The donor with the largest absolute weight comes first; ties are ordered by id.
        """
        starts = np.concatenate([[0], np.cumsum(np.minimum(self.support, k))])
        ids, weights = np.empty(starts[-1], dtype=np.int64), np.empty(starts[-1], dtype=np.float32)
        stored = self.mixture.others if isinstance(self.mixture, SoftmaxMixture) else self.mixture
        for row in np.flatnonzero(np.diff(stored.indptr)):
            piece, place = slice(stored.indptr[row], stored.indptr[row + 1]), slice(starts[row], starts[row + 1])
            order = np.lexsort((stored.indices[piece], -np.abs(stored.data[piece])))[:k]
            ids[place], weights[place] = stored.indices[piece][order], stored.data[piece][order]
        if isinstance(self.mixture, SoftmaxMixture):
            for row, *best in zip(self.mixture.places, *self.mixture.heaviest(k), strict=True):
                ids[starts[row] : starts[row + 1]], weights[starts[row] : starts[row + 1]] = best
        return starts, ids, weights

    def carry(self, values: np.ndarray) -> np.ndarray:
        """Move one number per source token [S], a bias or a query weight, to the target vocabulary [T].

        The number of a token is a mean of its donors' numbers, by the weights of the mixture. Where these are not
        convex, the positive ones count: a token is as prominent as those it is like, and a negative weight names one
        it is not like. Positive weights that sum to more than 1 are scaled to 1; what they lack to 1, the mean of all
        finite numbers gets, so a token without a mixture gets that mean. A residual carries nothing. No number leaves
        the range of the source's, and weights that are not negative stay so.
        """
        weights, lacking = mean_weights(self.mixture)
        carried = weights @ np.asarray(values, dtype=np.float64)
        some = lacking > 0
        carried[some] += lacking[some] * np.mean(values[np.isfinite(values)], dtype=np.float64)
        return carried.astype(np.float32)


@runtime_checkable
class Initializer(Protocol):
    """A method. `needs` names its inputs besides the transfer, so that a harness can prepare and share them:

    bridge     field `bridge`: a multilingual sentence encoder (name or folder), or its vectors for both vocabularies
    text       field `text`: a file of target-language text, one text a line
    auxiliary  field `text`: auxiliary token vectors trained on such a file (`baselines.vectors.auxiliary`)
    words      field `words`: subword vectors from multilingual word vectors (`baselines.vectors.words`)
    aligned    field `aligned`: such vectors from two fastText models and a dictionary (`baselines.vectors.aligned`)
    encoder    field `encoder`: the source encoder, to be run or read, not changed
    donor      field `donor`: another sparse or dense encoder that the user names (`sembridge.donor`)

    A class variable `samples` may say when the rows depend on `Transfer.seed`, so that a grid computes the same rows
    once for all its seeds:

    always     on every call; so it is taken to be where a method has no `samples`
    fallback   if, and only if, the statistics count tokens as sampled
    never      the same rows for every seed; what a method draws with a seed of its own does not count

    A class variable `weights` may say what the weights of its mixtures are, which is checked (see `weights_of`):

    convex     none is negative, and those of a row sum to 1; so it is taken to be where a method has no `weights`
    signed     any finite numbers, as regressions make them

    A class variable `bias` may name the policy for the decoder bias that suits its rows, for transfers that do not
    choose one (see `bias_of`); the profile compat keeps its own. A class variable `calibrated` may name the fields,
    None by default, that have a value of their own where the bias is calibrated (see `options.settings_for`).
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]

    def __call__(self, transfer: Transfer) -> Initialization: ...


def samples_of(method: Any) -> str:
    """Return when the rows of a method (a class or an instance) depend on the seed; ValueError for another word."""
    declared = getattr(method, "samples", ALWAYS)
    if declared not in (ALWAYS, FALLBACK, NEVER):
        known = f"one of {ALWAYS}, {FALLBACK}, {NEVER}"
        raise ValueError(f"initializer {method.name!r} declares samples {declared!r}; it is {known}")
    return declared


def weights_of(method: Any) -> str:
    """Return what the weights of a method (a class or an instance) are; ValueError for another word."""
    declared = getattr(method, "weights", CONVEX)
    if declared not in (CONVEX, SIGNED):
        raise ValueError(f"initializer {method.name!r} declares weights {declared!r}; it is {CONVEX} or {SIGNED}")
    return declared


def bias_of(method: Any) -> str | None:
    """Return the bias policy that a method (a class or an instance) prefers, None: none.

    Raises ValueError for another word.
    """
    declared = getattr(method, "bias", None)
    if declared is not None and declared not in BIASES:
        raise ValueError(f"initializer {method.name!r} declares bias {declared!r}; it is one of {', '.join(BIASES)}")
    return declared


def _squared_lengths(rows: np.ndarray, less: np.ndarray | None = None, block: int = 4096) -> np.ndarray:
    """Return the squared length of each row [n, D], of its difference to `less`, in float64 without a copy of all."""
    lengths = np.empty(len(rows))
    for part in (slice(start, start + block) for start in range(0, len(rows), block)):
        exact = rows[part].astype(np.float64) - (0 if less is None else less[part])
        lengths[part] = np.einsum("nd,nd->n", exact, exact)
    return lengths


def support_of(mixture: sp.csr_array | SoftmaxMixture) -> np.ndarray:
    """Return how many donors each row of a mixture [n, S] has [n]."""
    return mixture.support if isinstance(mixture, SoftmaxMixture) else np.diff(mixture.indptr).astype(np.int64)
