"""OFA: a new row is a mixture of the source rows nearest to it among multilingual word vectors (arXiv 2311.08849)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from baselines.vectors.nearest_mixture import check, neighbour_mixture
from baselines.vectors.words import COLEXNET, SubwordVectors, WordVectors, label_of, subword_vectors
from sembridge.assembly import assemble, univariate_rows
from sembridge.initializer import NEVER, Initialization, Transfer

__all__ = ["OFA", "SubwordVectors", "WordVectors", "subword_vectors"]


@dataclass(frozen=True)
class OFA:
    """E_t[x] = sum_v w_v E_s[v], w = softmax(cosine / temperature) over the k source subwords v nearest to x.

    Cosines are those of subword vectors (`subword_vectors`).

    words        multilingual word vectors, a file of them in word2vec text format, or the result of `subword_vectors`
    neighbours   k; fewer where fewer source subwords have a vector
    temperature  of the softmax
    factorize    D': rows are mixed as D' coordinates and rebuilt with the source's own primitives,
                 E_s ~ U[:, :D'] (S V^T)[:D'] (singular value decomposition, not centered). None or D: plain mixture of
                 rows. Below D the mixture is of the rank-D' source rows, not of the source rows themselves; copied rows
                 keep their full rank, because every method copies alike.
    seed         of the fallback rows, in place of the transfer's; 114514 is the reference implementation's
    source_tokenizer, target_tokenizer  needed to compute subword vectors from word vectors

    Source subwords are donors with a vector that is not zero. Ties go to the token first in string order, whatever its
    id. A missing token without a vector is sampled from N(mean_d, std_d) of the source rows, or of their coordinates if
    factorized.

    Raises ValueError if word vectors or tokenizers are missing, if the vectors belong to other vocabularies, if no
    donor has a vector, and if `factorize` exceeds the highest rank that the source rows can have.
    """

    name: ClassVar[str] = "ofa"
    needs: ClassVar[tuple[str, ...]] = ("words",)
    samples: ClassVar[str] = NEVER  # `seed` of the fallback rows is its own

    words: WordVectors | SubwordVectors | str | Path | None = None
    neighbours: int = 10
    temperature: float = 0.1
    factorize: int | None = None
    seed: int = 114514
    source_tokenizer: Any = field(default=None, repr=False, compare=False)
    target_tokenizer: Any = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        check(self.neighbours, self.temperature)
        if self.factorize is not None and self.factorize < 1:
            raise ValueError(f"factorize {self.factorize} must be at least 1, or None for no factorization")

    @property
    def label(self) -> str:
        """The row's name in tables: `ofa` alone with the published word vectors, else with their replacement's name."""
        if self.words is None:
            return "ofa (no word vectors)"
        source = self.words.label if isinstance(self.words, (WordVectors, SubwordVectors)) else label_of(self.words)
        return "ofa" if source == COLEXNET else f"ofa ({source})"

    def __call__(self, transfer: Transfer) -> Initialization:
        mixture = neighbour_mixture(transfer, self.vectors(transfer), self.neighbours, self.temperature)
        support = np.diff(mixture.indptr)
        placed = support > 0
        donor_rows, sampled = self._rows(transfer, fallback=not placed.all())
        statistics = {
            "label": self.label,
            "without_vector": int((~placed).sum()),
            "mean_support": float(support[placed].mean()) if placed.any() else 0.0,
        }
        return assemble(transfer, mixture=mixture, sampled=sampled, donor_rows=donor_rows, statistics=statistics)

    def vectors(self, transfer: Transfer) -> SubwordVectors:
        """Return the subword vectors, computed now if `words` has word vectors."""
        if self.words is None:
            raise ValueError(
                "OFA needs multilingual word vectors: "
                "set `words` to a file in word2vec text format, WordVectors or SubwordVectors"
            )
        if isinstance(self.words, SubwordVectors):
            return self.words
        tokenizers = (self.source_tokenizer, self.target_tokenizer)
        if None in tokenizers:
            raise ValueError(
                "OFA was given word vectors but not both tokenizers: "
                "set `source_tokenizer` and `target_tokenizer`, or `words` to what subword_vectors made of them"
            )
        words = self.words if isinstance(self.words, WordVectors) else WordVectors.load(self.words)
        return subword_vectors(words, *tokenizers, len(transfer.source), len(transfer.target))

    def _rows(self, transfer: Transfer, fallback: bool) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Return ([S, D] rows to mix, None for the source rows; [R, D] fallback rows, None if no token needs one)."""
        if self.factorize is None or self.factorize == transfer.rows.shape[1]:
            return None, univariate_rows(replace(transfer, seed=self.seed)) if fallback else None
        coordinates, primitives = factorized(transfer.known_rows, self.factorize)
        mixed = coordinates @ primitives
        if transfer.left_out is not None:  # rows of tokens that do not donate
            mixed = np.zeros(transfer.rows.shape)
            mixed[~transfer.left_out] = coordinates @ primitives
        if not fallback:
            return mixed, None
        import torch

        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(len(transfer.missing), self.factorize, generator=generator, dtype=torch.float64).numpy()
        drawn = coordinates.mean(axis=0) + noise * coordinates.std(axis=0)
        return mixed, (drawn @ primitives).astype(np.float32)


def factorized(rows: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (coordinates F = U[:, :D'] [S, D'], primitives P = (S V^T)[:D'] [D', D]) in float64, D' = `rank`.

    F P is the best approximation of rank D'. The largest entry of each primitive is positive, so that signs do not
    depend on the linear algebra library.
    """
    if rank > (highest := min(rows.shape)):
        raise ValueError(f"factorize {rank} exceeds {highest}, the highest rank of source rows of shape {rows.shape}")
    left, singular, right = np.linalg.svd(rows.astype(np.float64), full_matrices=False)
    coordinates, primitives = left[:, :rank], singular[:rank, None] * right[:rank]
    signs = np.sign(primitives[np.arange(rank), np.abs(primitives).argmax(axis=1)])
    return coordinates * signs, primitives * signs[:, None]
