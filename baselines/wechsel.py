"""WECHSEL: a new row is a mixture of the source rows nearest to it by aligned fastText vectors (arXiv 2112.06598)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from baselines.vectors.nearest_mixture import check, neighbour_mixture
from baselines.vectors.published_alignment import LABEL as PUBLISHED
from baselines.vectors.words import SubwordVectors
from sembridge.assembly import assemble
from sembridge.initializer import FALLBACK, Initialization, Transfer


@dataclass(frozen=True)
class Wechsel:
    """E_t[x] = sum_v w_v E_s[v], w = softmax(cosine / temperature) over the k source subwords v nearest to x.

    aligned      vectors of both vocabularies in one space, from two fastText models and a bilingual dictionary:
                 `baselines.vectors.aligned.aligned_subwords` computes them as we read tokens,
                 `baselines.vectors.published_alignment.published_subwords` as the published code does
    neighbours   k; fewer where fewer source subwords have a vector
    temperature  of the softmax

    Source subwords are donors with a vector that is not zero. Ties go to the token first in string order, whatever its
    id. A missing token without a vector is sampled from N(mean_d, std_d) of the source rows.

    Under the profile compat every source token donates, those without a vector with cosine 0, and sampled rows are the
    published code's, whatever the seed.

    WECHSEL as published copies the rows of special tokens alone, which is the transfer's overlap `special`. With any
    other overlap tokens of both vocabularies are copied first, which makes it comparable with the other methods.

    Raises ValueError if there are no vectors, if they belong to other vocabularies, if they were read as published but
    the vocabularies are not, and if no donor has one.
    """

    name: ClassVar[str] = "wechsel"
    needs: ClassVar[tuple[str, ...]] = ("aligned",)
    samples: ClassVar[str] = FALLBACK
    published_overlap: ClassVar[str] = "special"

    aligned: SubwordVectors | None = None
    neighbours: int = 10
    temperature: float = 0.1

    def __post_init__(self) -> None:
        check(self.neighbours, self.temperature)

    @property
    def label(self) -> str:
        """The row's name in tables: `wechsel` alone with vectors that are read and aligned as published."""
        return "wechsel" if self.aligned is not None and self.aligned.label == PUBLISHED else "wechsel (own reading)"

    def __call__(self, transfer: Transfer) -> Initialization:
        if self.aligned is None:
            source = "what baselines.vectors.aligned.aligned_subwords makes of two fastText models"
            raise ValueError(f"WECHSEL needs aligned vectors: set `aligned` to {source}")
        published = transfer.source.profile == "compat"
        if self.aligned.label == PUBLISHED and not published:
            raise ValueError(
                f"WECHSEL was given vectors read as published but vocabularies of the profile "
                f"{transfer.source.profile!r}; choose profile 'compat', or vectors of aligned_subwords"
            )
        mixture = neighbour_mixture(transfer, self.aligned, self.neighbours, self.temperature, zeros_donate=published)
        support = np.diff(mixture.indptr)
        statistics = {
            "label": self.label,
            "without_vector": int((support == 0).sum()),
            "mean_support": float(support[support > 0].mean()) if support.any() else 0.0,
            **self.aligned.statistics,
        }
        sampled = _published_draw(transfer) if published and not support.all() else None
        return assemble(transfer, mixture=mixture, sampled=sampled, statistics=statistics)


def _published_draw(transfer: Transfer) -> np.ndarray:
    """Return the fallback rows [R, D] of the published code: one draw for all ids, at a seed of its own."""
    mean, deviation = transfer.rows.mean(axis=0), transfer.rows.std(axis=0)
    shape = (len(transfer.target), transfer.rows.shape[1])
    return np.random.RandomState(1234).normal(mean, deviation, shape)[transfer.missing]
