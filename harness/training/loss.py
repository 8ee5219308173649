"""The objective: InfoNCE over in-batch negatives plus FLOPS regularization, both over the global batch.

SPLADE v2 (Formal et al. 2021): FLOPS(w) = sum_j (mean_i |w_ij|)^2. The mean runs over the whole batch, whatever the number of workers; a mean per
worker would over-regularize and change with their number.
"""

from __future__ import annotations

import torch


def info_nce(queries: torch.Tensor, documents: torch.Tensor, document_keys: torch.Tensor, scale: float) -> torch.Tensor:
    """Mean cross-entropy of each query [B, V] against all documents [B, V] of the batch, its own being the right answer.

    document_keys  [B] integers; another row with the same key is the same document, and no negative
    scale          factor on the dot products
    """
    scores = scale * (queries @ documents.T)
    same = document_keys[:, None] == document_keys[None, :]
    same.fill_diagonal_(False)
    return torch.nn.functional.cross_entropy(
        scores.masked_fill(same, float("-inf")), torch.arange(len(queries), device=scores.device)
    )


def flops(representations: torch.Tensor) -> torch.Tensor:
    """sum_j (mean_i |w_ij|)^2 over representations [B, V]."""
    return representations.abs().mean(dim=0).square().sum()


def ramp(step: int, steps: int, share: float) -> float:
    """Quadratic rise of the regularization from 0 to 1 over the first `share` of all steps (step counts from 0)."""
    rising = share * steps
    return 1.0 if rising <= 0 else min(1.0, ((step + 1) / rising) ** 2)
