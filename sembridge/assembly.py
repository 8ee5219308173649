"""Assemble an initialization from the decisions of a method; every method ends here, so all methods copy alike.

Shapes: S source vocabulary, T target vocabulary, R rows to invent, D hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sembridge.initializer import COPIED, EMPTY, MIXED, OWN, SAMPLED, SPECIAL, Initialization, Transfer, support_of
from sembridge.mixture.softmax import SoftmaxMixture
from sembridge.vocabulary.vocabulary import ROLES

_SMALL = 20_000_000  # numbers in the rows, or products with them; for more, compiling the loops pays off


def assemble(
    transfer: Transfer,
    *,
    mixture: sp.csr_array | SoftmaxMixture | None = None,
    sampled: np.ndarray | None = None,
    donor_rows: np.ndarray | None = None,
    residual: np.ndarray | None = None,
    statistics: Mapping[str, Any] | None = None,
) -> Initialization:
    """Return the initialization that follows from a method's decisions about the missing rows.

    mixture     [R, S] weights (any real dtype) for `transfer.missing` in that order, an empty row where the method has
                no mixture; None: no row has one
    sampled     [R, D] rows where there is neither a mixture nor a residual; None: drawn per dimension from N(mean, std)
                of the source rows
    donor_rows  [S, D] rows to mix, where they are not the source rows themselves (OFA's factorization)
    residual    [R, D] to add to the mixtures; where the mixture is empty and the residual is not, it is the whole row.
                None: nothing to add; with one, the statistics say how many rows it is all of (`own`), and its mean
                share of mixed rows (`mean_own`, see `Initialization.own_share`)

    Rows are computed in float64 from the float32 weights and residuals, so that `mixture @ source rows + residual`
    reproduces them. The row of an id that no token has is zero, whatever the method decided, so that it never fires
    (see `transplant`).

    Raises ValueError if a row is not finite, and if there is not one residual for each missing token.
    """
    size, missing = len(transfer.target), transfer.missing
    if not isinstance(mixture, SoftmaxMixture):
        shape = len(missing), len(transfer.source)
        weights = sp.csr_array(shape if mixture is None else mixture, dtype=np.float32)
        if not weights.data.all():  # the caller's own arrays may be inside
            weights = weights.copy()
            weights.eliminate_zeros()
        weights.sort_indices()
        mixture = weights
    added = None if residual is None else _full_residual(transfer, residual)
    empty = ~transfer.target.exists
    if empty.any():
        mixture = _without(mixture, empty[missing])
    mixed = support_of(mixture) > 0
    own = np.zeros(len(missing), dtype=bool) if added is None else ~mixed & added[missing].any(axis=1)
    made = mixed | own
    rows = np.empty((size, transfer.rows.shape[1]), dtype=np.float32)
    has_source = transfer.copied >= 0
    rows[has_source] = transfer.rows[transfer.copied[has_source]]
    if made.any():
        donors = transfer.rows if donor_rows is None else donor_rows
        if isinstance(mixture, SoftmaxMixture):
            rows[missing[made]] = rows_of(mixture, donors, None if added is None else added[missing])[made]
        else:
            part = None if added is None else added[missing[made]]
            rows[missing[made]] = rows_of(mixture if made.all() else mixture[made], donors, part)
    if not made.all():
        drawn = univariate_rows(transfer) if sampled is None else sampled
        rows[missing[~made]] = drawn[~made]
    rows[empty] = 0
    if not (finite := np.isfinite(rows).all(axis=1)).all():
        raise ValueError(
            f"the initializer made {(~finite).sum():,} rows that are not finite, the first for id {finite.argmin()}; "
            "take means of transfer.known_rows, mix donors of transfer.donors alone, and add finite residuals"
        )

    origin = np.full(size, COPIED, dtype="<U8")
    origin[[role in ROLES and has_source[i] for i, role in enumerate(transfer.target.roles)]] = SPECIAL
    origin[missing[mixed]] = MIXED
    origin[missing[own]] = OWN
    origin[missing[~made]] = SAMPLED
    origin[empty] = EMPTY
    names = (COPIED, SPECIAL, MIXED, SAMPLED, *([EMPTY] if empty.any() else []), *([] if added is None else [OWN]))
    figures: dict[str, Any] = {name: int((origin == name).sum()) for name in names}
    answer = Initialization(rows, _full_mixture(transfer, mixture), origin, {}, added)
    if (share := answer.own_share()) is not None:
        figures["mean_own"] = float(share[missing[mixed]].mean(dtype=np.float64)) if mixed.any() else 0.0
    return replace(answer, statistics=figures | dict(statistics or {}))


def rows_of(mixture: sp.csr_array | SoftmaxMixture, rows: np.ndarray, residual: np.ndarray | None = None) -> np.ndarray:
    """Return the rows [n, D] float32 of a mixture [n, S] of rows [S, D] with ascending indices, summed in float64.

    residual  [n, D] to add to them, before they are rounded
    """
    if isinstance(mixture, SoftmaxMixture):
        return mixture.product(rows, np.dtype(np.float32), residual)
    if max(mixture.nnz * rows.shape[1], rows.size, len(mixture.indptr) * rows.shape[1]) < _SMALL:
        sums = mixture.astype(np.float64) @ rows.astype(np.float64)
        return (sums if residual is None else sums + residual).astype(np.float32)
    return _rows_in_blocks(mixture, rows, residual)


def _rows_in_blocks(
    mixture: sp.csr_array, rows: np.ndarray, residual: np.ndarray | None = None, block: int = 128
) -> np.ndarray:
    """Return the bits of `rows_of`, computed in threads and without float64 copies of its inputs."""
    import torch

    from sembridge.mixture.row_sums import mix

    mixed = np.empty((mixture.shape[0], rows.shape[1]), dtype=np.float32)

    def work(start: int) -> None:
        result = np.zeros(mixed[start : start + block].shape)
        mix(mixture.indptr[start : start + block + 1], mixture.indices, mixture.data, rows, result)
        mixed[start : start + block] = result if residual is None else result + residual[start : start + block]

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(work, range(0, len(mixed), block)))
    return mixed


def univariate_rows(transfer: Transfer) -> np.ndarray:
    """Return draws [R, D] from N(mean_d, std_d) of the source rows: the fallback for tokens a method cannot place."""
    import torch

    rows = torch.from_numpy(transfer.known_rows.astype(np.float64))
    mean, std = rows.mean(0), rows.std(0, unbiased=False)
    noise = torch.randn(len(transfer.missing), rows.shape[1], generator=transfer.generator(), dtype=torch.float64)
    return (mean + noise * std).float().numpy()


def _without(mixture: sp.csr_array | SoftmaxMixture, empty: np.ndarray) -> sp.csr_array | SoftmaxMixture:
    """Return the mixture [R, S] without the rows marked `empty` [R]."""
    if isinstance(mixture, SoftmaxMixture):
        kept = ~empty[mixture.places]
        return SoftmaxMixture(
            mixture.queries.part(kept), mixture.donors, mixture.places[kept], _without(mixture.others, empty)
        )
    row_of = np.repeat(np.arange(mixture.shape[0]), np.diff(mixture.indptr))
    stored = ~empty[row_of]
    starts = np.concatenate([[0], np.cumsum(np.diff(mixture.indptr) * ~empty)])
    return sp.csr_array((mixture.data[stored], mixture.indices[stored], starts), shape=mixture.shape)


def _full_residual(transfer: Transfer, residual: np.ndarray) -> np.ndarray:
    """Return the residual [T, D] float32: the method's rows [R, D] in their places, 0 for copied and empty rows."""
    missing, wanted = transfer.missing, (len(transfer.missing), transfer.rows.shape[1])
    if np.shape(residual) != wanted:
        raise ValueError(
            f"the residual is of shape {np.shape(residual)}, but there are {wanted[0]:,} missing tokens and rows of "
            f"{wanted[1]} numbers; give one row for each of transfer.missing, of zeros where nothing is to be added"
        )
    full = np.zeros((len(transfer.target), wanted[1]), dtype=np.float32)
    full[missing] = residual
    full[~transfer.target.exists] = 0
    return full


def _full_mixture(transfer: Transfer, mixture: sp.csr_array | SoftmaxMixture) -> sp.csr_array | SoftmaxMixture:
    """Return the mixture [T, S]: the method's rows in their places, a single 1 for each copied row."""
    if isinstance(mixture, SoftmaxMixture):
        others = _full_mixture(transfer, mixture.others)
        return SoftmaxMixture(mixture.queries, mixture.donors, transfer.missing[mixture.places], others)
    has_source = np.flatnonzero(transfer.copied >= 0)
    copies = sp.csr_array(
        (np.ones(len(has_source), dtype=np.float32), (has_source, transfer.copied[has_source])),
        shape=(len(transfer.target), len(transfer.source)),
    )
    place = sp.csr_array(
        (np.ones(len(transfer.missing), dtype=np.float32), (transfer.missing, np.arange(len(transfer.missing)))),
        shape=(len(transfer.target), len(transfer.missing)),
    )
    full = sp.csr_array(copies + place @ mixture)
    full.sort_indices()
    return full
