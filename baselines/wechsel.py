"""WECHSEL: a new row is a mixture of the source rows nearest to it by aligned fastText vectors (arXiv 2112.06598)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from baselines.vectors.nearest_mixture import check, neighbour_mixture
from baselines.vectors.words import SubwordVectors
from sembridge.assembly import assemble
from sembridge.initializer import FALLBACK, Initialization, Transfer


@dataclass(frozen=True)
class Wechsel:
    """E_t[x] = sum_v w_v E_s[v], w = softmax(cosine / temperature) over the k source subwords v nearest to x.

    aligned      vectors of both vocabularies in one space: `baselines.vectors.aligned.aligned_subwords` computes them
                 from two fastText models and a bilingual dictionary
    neighbours   k; fewer where fewer source subwords have a vector
    temperature  of the softmax

    Source subwords are donors with a vector that is not zero. Ties go to the token first in string order, whatever its
    id. A missing token without a vector is sampled from N(mean_d, std_d) of the source rows.

    WECHSEL as published copies the rows of special tokens alone, which is the transfer's overlap `special`. With any
    other overlap tokens of both vocabularies are copied first, which makes it comparable with the other methods.

    Raises ValueError if there are no vectors, if they belong to other vocabularies, and if no donor has one.
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

    def __call__(self, transfer: Transfer) -> Initialization:
        if self.aligned is None:
            source = "what baselines.vectors.aligned.aligned_subwords makes of two fastText models"
            raise ValueError(f"WECHSEL needs aligned vectors: set `aligned` to {source}")
        mixture = neighbour_mixture(transfer, self.aligned, self.neighbours, self.temperature)
        support = np.diff(mixture.indptr)
        statistics = {
            "without_vector": int((support == 0).sum()),
            "mean_support": float(support[support > 0].mean()) if support.any() else 0.0,
        }
        return assemble(transfer, mixture=mixture, statistics=statistics)
