"""The rows of a new vocabulary: ours against the published algorithm, and against the matrix product that any needs.

The vectors are generated to be like those of bge-m3: cosines of mean .53 and deviation .055, of which alpha 4 gives 4
donors a weight, 2.5 gives 13, 2 gives 60 and 1.5 gives 4,000. Independent random vectors are all equally far from each
other and have no such supports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from experiments.benchmarks.measure import Row, compare

if TYPE_CHECKING:
    from sembridge.mixture.mixture import UnitVectors

HELP = (
    "rows of 119,547 new tokens out of 30,522, vectors of 1,024, rows of 768, "
    "against the published algorithm and against a bare product"
)
TARGET, SOURCE, WIDTH, HIDDEN = 119_547, 30_522, 1024, 768
GOALS = {4.0: 50.0, 2.5: 50.0, 2.0: 50.0, 1.5: 60.0}
PUBLISHED = 16  # tokens on which the published algorithm is timed


def rows(quick: bool) -> list[Row]:
    from sembridge.mixture.mixture import UnitVectors

    rng = np.random.default_rng(0)
    part = 2_048 if quick else TARGET // 6  # of the tokens; the first comparison with a product takes all
    centers = rng.standard_normal((2500, 90), dtype=np.float32)
    spread = np.sqrt(np.linspace(1.9, 0.1, 90, dtype=np.float32) / (90 * WIDTH))
    axes = rng.standard_normal((90, WIDTH), dtype=np.float32) * spread[:, None]
    common = rng.standard_normal(WIDTH, dtype=np.float32) * np.float32(0.72 / np.sqrt(WIDTH))
    targets, sources = (clustered(count, common, centers, axes, rng) for count in (part if quick else TARGET, SOURCE))
    embedding = rng.standard_normal((SOURCE, HIDDEN), dtype=np.float32)
    whole, some = UnitVectors(targets, np.arange(len(targets))), UnitVectors(targets, np.arange(part))
    donors = UnitVectors(sources, np.arange(SOURCE))
    warm_up = UnitVectors(targets, np.arange(1_700))  # so that compiling and loading is not part of the first row
    mixing(warm_up, donors, embedding, [1.5])()
    mixing(warm_up, donors, embedding, [2.0])()
    results, rounds = [], 1 if quick else 2
    size = f"{part:,} of {TARGET:,} new tokens x {SOURCE:,}"
    note = f"timed on {PUBLISHED} tokens and multiplied; "
    note += "its similarities by one product in float64, from vectors already of length 1"
    for alpha, goal in GOALS.items():
        job, against = f"rows, {size}, alpha {alpha:g}", "published algorithm"
        theirs = published(targets[:PUBLISHED], sources, embedding, alpha)
        ours, scale = mixing(some, donors, embedding, [alpha]), part / PUBLISHED
        results.append(compare(job, against, ours, theirs, rounds=rounds, goal=goal, scale=scale, note=note))
    together = mixing(some, donors, embedding, [2, 2.5, 3, 4])
    separate = [mixing(some, donors, embedding, [alpha]) for alpha in (2, 2.5, 3, 4)]
    job, against = f"rows, {size}, alphas 2, 2.5, 3 and 4", "ours, one alpha after the other"
    results.append(compare(job, against, together, lambda: [work() for work in separate], rounds=1))
    note = "a ratio of 0.5 is twice the time of a product that does nothing else"
    for queries, alpha in ((whole, 4.0), (some, 2.5)):
        job = f"mixtures, {len(queries):,} new tokens x {SOURCE:,}, alpha {alpha:g}"
        bare, precision = product(queries, donors)
        against, ours = f"bare product in {precision}", mixing(queries, donors, None, [alpha])
        results.append(compare(job, against, ours, bare, rounds=1, goal=0.5, note=note))
    return results


def clustered(
    count: int, common: np.ndarray, centers: np.ndarray, axes: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return [count, K] float32: a common direction, a close or loose neighborhood along axes [k, K], and noise."""
    vectors = np.empty((count, axes.shape[1]), dtype=np.float32)
    for start in range(0, count, 4096):
        block = vectors[start : start + 4096]
        near = rng.uniform(0.3, 0.9, (len(block), 1)).astype(np.float32)
        places = near * centers[rng.integers(0, len(centers), len(block))]
        places += np.sqrt(1 - near**2) * rng.standard_normal(places.shape, dtype=np.float32)
        noise = rng.standard_normal(block.shape, dtype=np.float32) * np.float32(0.28 / np.sqrt(block.shape[1]))
        block[:] = common + np.float32(0.62) * places @ axes + noise
    return vectors


def mixing(
    queries: UnitVectors, donors: UnitVectors, embedding: np.ndarray | None, alphas: Sequence[float]
) -> Callable[[], None]:
    from sembridge.assembly import rows_of
    from sembridge.mixture.mixture import mixtures
    from sembridge.mixture.whole_directions import rounds

    rounded = rounds(max(alphas))  # as methods do

    def work() -> None:
        sides = (replace(side, rounded=rounded) for side in (queries, donors))  # none has cached anything
        for mixture in mixtures(*sides, alphas):
            if embedding is not None:
                rows_of(mixture, embedding)

    return work


def published(targets: np.ndarray, sources: np.ndarray, embedding: np.ndarray, alpha: float) -> Callable[[], None]:
    """Return the published work: all cosines in float64, then entmax_bisect and the weighted sum token by token."""
    from entmax import entmax_bisect

    offers, rows = torch.nn.functional.normalize(torch.from_numpy(sources).double()), torch.from_numpy(embedding)
    queries = torch.nn.functional.normalize(torch.from_numpy(targets).double())

    def work() -> None:
        for similarities in queries @ offers.T:
            weights = entmax_bisect(similarities, alpha, dim=0)
            positive = weights > 0
            (rows[positive] * weights[positive, None]).sum(0)

    return work


def product(queries: UnitVectors, donors: UnitVectors) -> tuple[Callable[[], None], str]:
    """Return the product of all pairs, by blocks that are discarded, and its precision, the hardware's fastest."""
    from sembridge.mixture.screening import multiplies_bfloat16

    half = multiplies_bfloat16(torch.device("cpu"))
    dtype = torch.bfloat16 if half else torch.float32
    tensors = (torch.from_numpy(side.vectors[side.ids]) for side in (queries, donors))
    left, right = (tensor.to(dtype) for tensor in tensors)

    def work() -> None:
        for block in left.split(512):
            torch.mm(block, right.T)

    return work, "bfloat16" if half else "float32"
