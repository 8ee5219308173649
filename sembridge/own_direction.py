"""Give tokens directions of their own, so that those with the same donors stay apart.

Shapes: S source vocabulary, R rows to invent, D hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import scipy.sparse as sp

from sembridge.initializer import Transfer

_BLOCK = 2048  # rows treated at a time
_WHOLE = 64  # a matrix product treats rows in groups of up to so many, and those of a last, smaller one differently
_TIED = 1e-9  # difference of variances, as a share of the largest, that may be rounding


def own_parts(transfer: Transfer, mixture: sp.csr_array, share: float, seed: int = 0) -> np.ndarray:
    """Return what to add to the rows of a mixture [R, S] so that they are as long as their donors [R, D] float32.

    share  of the length that is missing; at 1 a row's squared length is the mean of its donors' squared lengths

    A mixture is shorter than its donors: their variance, sum_v p_v |E_v|^2 - |sum_v p_v E_v|^2, is missing, and with it
    what told the token from others of the same donors. A row's part is perpendicular to the row, in a direction that
    depends on the stored token and the seed alone. A row of one donor, which misses nothing, and a row without a
    mixture have none.
    """
    rows = transfer.rows.astype(np.float64)
    squares = np.einsum("sd,sd->s", rows, rows)
    names = [transfer.target.tokens[i] for i in transfer.missing]
    loud = _loud(transfer)
    parts = np.zeros((len(names), rows.shape[1]), dtype=np.float32)
    for start in range(0, len(names), _BLOCK):
        some = slice(start, start + _BLOCK)
        weights = mixture[some].astype(np.float64)
        mixed, lengths = weights @ rows, weights @ squares
        of_mixed = np.einsum("rd,rd->r", mixed, mixed)
        missing = np.sqrt(np.maximum(lengths - of_mixed, 0.0))
        missing[missing < 1e-6 * np.sqrt(lengths)] = 0.0  # rounding
        directions = _directions(names[some], seed, rows.shape[1], loud)
        along = np.einsum("rd,rd->r", directions, mixed) / np.where(of_mixed > 0, of_mixed, 1.0)
        directions -= along[:, None] * mixed
        reach = np.linalg.norm(directions, axis=1)
        scale = np.divide(share * missing, reach, out=np.zeros_like(reach), where=reach > 1e-9)
        parts[some] = scale[:, None] * directions
    return parts


def quiet_directions(transfer: Transfer, names: Sequence[str | None], seed: int) -> np.ndarray:
    """Return a unit vector for each name [n, D] float64, in the half of the space where source rows vary least.

    Source rows and the encoder's outputs live mostly in the other half. A random direction there would meet many
    outputs that have nothing to do with the token, and make it active in every document.
    """
    return _directions(names, seed, transfer.rows.shape[1], _loud(transfer))


def _directions(names: Sequence[str | None], seed: int, size: int, loud: np.ndarray) -> np.ndarray:
    drawn = np.zeros((-(-len(names) // _WHOLE) * _WHOLE, size))
    for place, name in enumerate(names):
        drawn[place] = _drawn(name, seed, size)
    drawn -= (drawn @ loud) @ loud.T
    return (drawn / np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-12))[: len(names)]


def _loud(transfer: Transfer) -> np.ndarray:
    """Return the axes [D, at most D / 2] along which the donors' rows vary most.

    Where variances are tied at the middle none of the tied axes is among them: which of them an eigendecomposition
    returns first is chance.
    """
    donors, size = np.flatnonzero(transfer.donors), transfer.rows.shape[1]
    parts = [donors[start : start + _BLOCK] for start in range(0, len(donors), _BLOCK)]
    if not parts:
        return np.zeros((size, 0))
    mean = np.sum([transfer.rows[part].sum(axis=0, dtype=np.float64) for part in parts], axis=0) / len(donors)
    covariance = np.zeros((size, size))
    for part in parts:
        centered = transfer.rows[part] - mean
        covariance += centered.T @ centered
    variances, axes = np.linalg.eigh(covariance)
    return axes[:, variances > variances[(size - 1) // 2] + _TIED * variances[-1]]


def _drawn(name: str | None, seed: int, size: int) -> np.ndarray:
    """Return a draw [D] from a normal distribution that the name and the seed choose."""
    digest = blake2b(f"{seed} {name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little"))).standard_normal(size)
