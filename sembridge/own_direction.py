"""Give tokens directions of their own, so that those with the same donors stay apart.

Shapes: S source vocabulary, R rows to invent, D hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import scipy.sparse as sp

from sembridge.initializer import Transfer
from sembridge.mixture.softmax import SoftmaxMixture


def own_parts(transfer: Transfer, mixture: sp.csr_array | SoftmaxMixture, share: float, seed: int = 0) -> np.ndarray:
    """Return what to add to the rows of a mixture [R, S] so that they are as long as their donors [R, D] float32.

    share  of the length that is missing; at 1 a row's squared length is the mean of its donors' squared lengths

    A mixture is shorter than its donors: their variance, sum_v p_v |E_v|^2 - |sum_v p_v E_v|^2, is missing, and with it
    what told the token from others of the same donors. A row's part is perpendicular to the row, in a direction that
    depends on the stored token and the seed alone. A row of one donor, which misses nothing, and a row without a
    mixture have none.
    """
    rows = transfer.rows.astype(np.float64)
    mixed = mixture @ rows
    lengths = mixture @ np.einsum("sd,sd->s", rows, rows)
    of_mixed = np.einsum("rd,rd->r", mixed, mixed)
    missing = np.sqrt(np.maximum(lengths - of_mixed, 0.0))
    missing[missing < 1e-6 * np.sqrt(lengths)] = 0.0  # rounding
    directions = quiet_directions(transfer, [transfer.target.tokens[i] for i in transfer.missing], seed)
    along = np.einsum("rd,rd->r", directions, mixed) / np.where(of_mixed > 0, of_mixed, 1.0)
    directions -= along[:, None] * mixed
    reach = np.linalg.norm(directions, axis=1)
    scale = np.divide(share * missing, reach, out=np.zeros_like(reach), where=reach > 1e-9)
    return (scale[:, None] * directions).astype(np.float32)


def quiet_directions(transfer: Transfer, names: Sequence[str | None], seed: int) -> np.ndarray:
    """Return a unit vector for each name [n, D] float64, in the half of the space where source rows vary least.

    Source rows and the encoder's outputs live mostly in the other half. A random direction there would meet many
    outputs that have nothing to do with the token, and make it active in every document.
    """
    drawn = np.stack([_drawn(name, seed, transfer.rows.shape[1]) for name in names]) if names else np.zeros((0, 1))
    donors = transfer.rows[transfer.donors].astype(np.float64)
    if len(donors) > 1 and len(names):
        _, axes = np.linalg.eigh(np.cov(donors.T).reshape(donors.shape[1], -1))
        loud = axes[:, (donors.shape[1] + 1) // 2 :]
        drawn -= (drawn @ loud) @ loud.T
    return drawn / np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-12)


def _drawn(name: str | None, seed: int, size: int) -> np.ndarray:
    """Return a draw [D] from a normal distribution that the name and the seed choose."""
    digest = blake2b(f"{seed} {name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little"))).standard_normal(size)
