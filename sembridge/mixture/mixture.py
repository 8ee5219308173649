"""Compute mixtures over large vocabularies: alpha-entmax over the scores of every query and donor, all alphas at once.

A block of queries is compared with all donors by one matrix product in the lowest precision that the hardware runs
fast. The few donors that these approximate scores cannot rule out are scored again in float64, and alpha-entmax is
solved on them. So weights are those of float64: their bits do not depend on the precision of the product, the device,
the size of the blocks or the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from sembridge.mixture.entmax import check_alpha, product_mixture, support_sizes, unit
from sembridge.mixture.whole_directions import WHOLE, whole

if TYPE_CHECKING:
    from sembridge.mixture.integer_screen import IntegerScreen
    from sembridge.mixture.screening import Candidates, Screen

_BLOCK = 512  # queries compared at a time: 31 MB of bfloat16 scores for 30,522 donors
_SLICE = 128  # queries that a thread solves at a time
_PASSING = 0.01  # share of donors up to which a rough screen pays: each that passes is scored exactly
_SAMPLE = 64  # queries on which that is tried
_SMALL = 50_000_000  # scores; `product_mixture` computes fewer in less time than the loops take to compile


@dataclass(frozen=True, eq=False)
class UnitVectors:
    """Some vectors of a table, of which only the direction counts, with an optional position coordinate.

    vectors   [V, K] float32
    ids       [n] the rows of `vectors` in use, ascending
    position  [n] float64, or None on both sides; a score is a cosine plus the product of two position coordinates
    scale     of queries: times the cosine; 1 for donors
    rounded   whether directions are rounded, so that cosines are exact sums (see `whole_directions`); alike on both
              sides
    """

    vectors: np.ndarray
    ids: np.ndarray
    position: np.ndarray | None = None
    scale: float = 1.0
    rounded: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, chosen: np.ndarray) -> UnitVectors:
        """Return those of the vectors that are chosen [n] bool."""
        position = None if self.position is None else self.position[chosen]
        return replace(self, ids=self.ids[chosen], position=position)

    def points(self, part: slice = slice(None)) -> np.ndarray:
        """Return points [n, K] float64, or [n, K + 1] with the position coordinate, whose dot products are the scores.

        Raises ValueError for vectors that are zero or not finite: they have no direction.
        """
        vectors = self.vectors[self.ids[part]]
        units = whole(vectors) / WHOLE if self.rounded else unit(vectors)
        if self.scale != 1:
            units *= self.scale
        return units if self.position is None else np.hstack([units, self.position[part, None]])

    @cached_property
    def whole(self) -> np.ndarray:
        """Return the rounded directions [n, K] int32, in steps of `whole_directions.WHOLE`."""
        directions = np.empty((len(self), self.vectors.shape[1]), dtype=np.int32)
        for part in _parts(len(self), 1024):
            directions[part] = whole(self.vectors[self.ids[part]])
        return directions

    @cached_property
    def lengths(self) -> np.ndarray:
        """Return the lengths [n] of the vectors, float64."""
        blocks = (self.vectors[self.ids[part]].astype(np.float64) for part in _parts(len(self), 1024))
        return np.concatenate([np.linalg.norm(block, axis=1) for block in blocks])


def mixtures(queries: UnitVectors, donors: UnitVectors, alphas: Sequence[float]) -> list[sp.csr_array]:
    """Return a matrix [n, V] float32 for each alpha: alpha-entmax over the scores of each query with every donor.

    Columns are the donors' ids in their table of V. Memory beyond inputs and outputs: the donors in the precision of
    the product, a block of scores, and some MB for each thread.
    Raises ValueError for an alpha below 1 or infinite, and for vectors without a direction.
    """
    for alpha in alphas:
        check_alpha(alpha)
    single = queries.vectors.dtype == donors.vectors.dtype == np.float32
    if len(queries) * len(donors) >= _SMALL and min(alphas) > 1 and single:
        return screened(queries, donors, alphas, _screen_of(queries, donors, min(alphas)))
    shape, sides = (len(queries), len(donors.vectors)), (queries.points(), donors.points())
    solved = (product_mixture(*sides, alpha) for alpha in alphas)
    return [sp.csr_array((rows.data, donors.ids[rows.indices], rows.indptr), shape=shape) for rows in solved]


def supports(queries: UnitVectors, donors: UnitVectors, alphas: Sequence[float]) -> np.ndarray:
    """Return how many donors of each query have weight [A, n], for ascending alphas [A] above 1.

    These are the numbers of entries of `mixtures` with rounded directions. So cosines are exact: equal donors are equal
    to the last bit, whatever the library that multiplies, and one more or less would count at a large alpha. Memory
    beyond the donors in float64: some scores of `_SLICE` queries for each thread.
    """
    import torch

    directions = replace(donors, rounded=True, position=None).points().T
    units = replace(queries, rounded=True, position=None, scale=1.0)

    def count(part: slice) -> np.ndarray:
        scores = units.points(part) @ directions
        scores *= queries.scale
        if queries.position is not None and donors.position is not None:
            scores += np.outer(queries.position[part], donors.position)
        return support_sizes(scores, alphas)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return np.concatenate(list(pool.map(count, _parts(len(queries), _SLICE))), axis=1)


def _screen_of(queries: UnitVectors, donors: UnitVectors, alpha: float) -> Screen | IntegerScreen:
    """Return the screen that is fastest here: a GPU's, else the one that a trial or the setting chose.

    Where a sample shows that integers are too rough for these vectors and this alpha, the best of the others.
    """
    import torch

    from sembridge.mixture.integer_screen import IntegerScreen
    from sembridge.mixture.screening import Screen
    from sembridge.processor import paths

    if not torch.cuda.is_available() and paths.screen(rough=True) == "int8":
        screen = IntegerScreen(donors.points, len(donors))
        if paths.screen() == "int8":  # by the setting
            return screen
        chosen = np.zeros(len(queries), dtype=bool)
        chosen[np.linspace(0, len(queries) - 1, min(_SAMPLE, len(queries))).astype(int)] = True
        sample = queries.part(chosen).points()
        _, counts = screen(sample, alpha - 1)(slice(0, len(sample)))
        if counts.mean() <= _PASSING * len(donors):
            return screen
    return Screen(donors.points, len(donors))


def screened(
    queries: UnitVectors,
    donors: UnitVectors,
    alphas: Sequence[float],
    screen: Screen | IntegerScreen,
    block: int = _BLOCK,
    threads: int | None = None,
) -> list[sp.csr_array]:
    """Return `mixtures` of any size for alphas above 1, solved on the donors that `screen` cannot rule out.

    threads None: as many as torch uses
    """
    import torch

    if donors.rounded:
        _ = donors.whole  # before threads ask for it at the same time
    order = np.argsort(alphas, kind="stable")
    alphas_minus_1 = np.array([alphas[i] - 1.0 for i in order])
    pieces: list[list[_Piece]] = [[] for _ in alphas]
    with ThreadPoolExecutor(threads or torch.get_num_threads()) as pool:
        for points, candidates in _screenings(queries, screen, alphas_minus_1[0], block):
            solve_rows = partial(_solve_slice, candidates, points, queries.scale, donors, alphas_minus_1)
            for solved in pool.map(solve_rows, _parts(len(points), _SLICE)):
                for i, piece in zip(order, solved, strict=True):
                    pieces[i].append(piece)
    return [_join(parts, (len(queries), len(donors.vectors))) for parts in pieces]


def _screenings(
    queries: UnitVectors, screen: Screen | IntegerScreen, alpha_minus_1: float, block: int
) -> Iterator[tuple[np.ndarray, Candidates]]:
    """Yield the points and candidates of each block; a GPU screens one block while the one before is solved."""

    def screen_block(part: slice) -> tuple[np.ndarray, Candidates]:
        points = queries.points(part)
        return points, screen(points, alpha_minus_1)

    if not screen.beside:
        yield from map(screen_block, _parts(len(queries), block))
        return
    with ThreadPoolExecutor(1) as ahead:
        waiting: list[Future[tuple[np.ndarray, Candidates]]] = []
        for part in _parts(len(queries), block):
            waiting.append(ahead.submit(screen_block, part))
            if len(waiting) > 1:
                yield waiting.pop(0).result()
        yield from (screening.result() for screening in waiting)


_Piece = tuple[np.ndarray, np.ndarray, np.ndarray]  # ids [n], weights [n], and how many of them each row has


def _solve_slice(
    candidates: Candidates,
    points: np.ndarray,
    scale: float,
    donors: UnitVectors,
    alphas_minus_1: np.ndarray,
    rows: slice,
) -> list[_Piece]:
    """Return the rows of one slice for each alpha - 1."""
    from sembridge.mixture.kernels import solve

    ids, counts = candidates(rows)
    scores = exact_scores(ids, counts, points[rows], scale, donors)
    shape = len(alphas_minus_1), len(ids)
    donor_ids, weights = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32)
    supports = np.empty((len(alphas_minus_1), len(counts)), dtype=np.int64)
    ends = solve(ids, counts, scores, donors.ids, alphas_minus_1, donor_ids, weights, supports)
    return [(donor_ids[a, :end].copy(), weights[a, :end].copy(), supports[a]) for a, end in enumerate(ends)]


def exact_scores(
    ids: np.ndarray, counts: np.ndarray, points: np.ndarray, scale: float, donors: UnitVectors
) -> np.ndarray:
    """Return the scores [n] float64 of candidates, in an order of summation that nothing changes.

    ids     [n] places of the candidates among the donors, ascending within a query
    counts  [B] how many of them each query has
    points  [B, K] or [B, K + 1] of the queries, with their `scale` in them
    """
    from sembridge.mixture.kernels import score

    scores, width = np.empty(len(ids)), donors.vectors.shape[1]
    if not donors.rounded:
        position = np.zeros(0) if donors.position is None else donors.position
        score(ids, counts, points, donors.vectors, donors.ids, donors.lengths, position, scores)
        return scores
    from sembridge.mixture.whole_kernel import score_whole

    directions = np.rint(points[:, :width] * (WHOLE / scale))  # the whole numbers, whatever the scale has rounded
    score_whole(ids, counts, directions, donors.whole, scores)
    scores *= scale / WHOLE**2  # the second is a power of two: a product is rounded by its scale alone
    if donors.position is not None:
        scores += np.repeat(points[:, width], counts) * donors.position[ids]
    return scores


def _join(pieces: list[_Piece], shape: tuple[int, int]) -> sp.csr_array:
    """Stack the rows of pieces. A piece is freed once it is copied: all of them may take most of the memory."""
    counts = [support for _, _, support in pieces]
    indptr = np.concatenate([np.zeros(1, dtype=np.int64), *counts]).cumsum()
    indices, data = np.empty(indptr[-1], dtype=np.int32), np.empty(indptr[-1], dtype=np.float32)
    at = 0
    pieces.reverse()
    while pieces:
        ids, weights, _ = pieces.pop()
        indices[at : at + len(ids)], data[at : at + len(ids)] = ids, weights
        at += len(ids)
    return sp.csr_array((data, indices, indptr), shape=shape)


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
