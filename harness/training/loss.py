"""The terms of the objective: InfoNCE over in-batch negatives, and FLOPS regularization, both over the global batch.

SPLADE v2 (Formal et al. 2021): FLOPS(w) = sum_j (mean_i |w_ij|)^2. The mean is over the whole batch, whatever the
number of workers; a mean per worker would over-regularize and depend on their number.
"""

from __future__ import annotations

import torch


def info_nce(queries: torch.Tensor, documents: torch.Tensor, document_keys: torch.Tensor, scale: float) -> torch.Tensor:
    """Return the mean cross-entropy of each query [B, V] against all documents [B, V], its own being the right answer.

    document_keys  int [B]; another row with the same key is the same document, and not a negative
    scale          factor on the dot products
    """
    scores = scale * (queries @ documents.T)
    same = document_keys[:, None] == document_keys[None, :]
    same.fill_diagonal_(False)
    own = torch.arange(len(queries), device=scores.device)
    return torch.nn.functional.cross_entropy(scores.masked_fill(same, float("-inf")), own)


def flops(representations: torch.Tensor) -> torch.Tensor:
    """Return sum_j (mean_i |w_ij|)^2 of representations [B, V]."""
    return representations.abs().mean(dim=0).square().sum()


def ramp(step: int, steps: int, share: float) -> float:
    """Return the weight of the regularization, which rises quadratically to 1 over the first `share` of all steps."""
    rising = share * steps
    return 1.0 if rising <= 0 else min(1.0, ((step + 1) / rising) ** 2)
