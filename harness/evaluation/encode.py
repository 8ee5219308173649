"""Encode texts into sparse vectors, window by window.

A window is a fixed run of consecutive texts; batches are formed inside it by length. What shares a batch therefore depends on the texts alone, not on
block sizes, shards or workers, and neither do the bits of the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from sembridge.head import pad, represent

WINDOW = 512


def encode(encoder: Any, texts: Sequence[str], *, max_length: int | None, batch_size: int, prompt: str = "") -> Iterator[sp.csr_array]:
    """Yield one csr matrix [at most WINDOW, V] float32 per window of texts, in order.

    max_length  tokens kept of each text, special tokens included; None: what the encoder allows
    """
    for start in range(0, len(texts), WINDOW):
        yield _encode_window(encoder, [prompt + text for text in texts[start : start + WINDOW]], max_length, batch_size)


def encode_all(encoder: Any, texts: Sequence[str], **options: Any) -> sp.csr_array:
    """All windows stacked: [N, V]. For queries, which fit in memory."""
    return sp.csr_array(sp.vstack(list(encode(encoder, texts, **options)), format="csr"))


@torch.inference_mode()
def _encode_window(encoder: Any, texts: list[str], max_length: int | None, batch_size: int) -> sp.csr_array:
    tokenizer, device = encoder[0].processor, encoder[0].model.device
    limit = min(encoder.max_seq_length or max_length or 512, max_length or encoder.max_seq_length or 512)
    token_ids = tokenizer(texts, truncation=True, max_length=limit, add_special_tokens=True, return_attention_mask=False)["input_ids"]
    order = sorted(range(len(texts)), key=lambda i: (len(token_ids[i]), i))
    rows: list[sp.csr_array] = []
    for first in range(0, len(order), batch_size):
        batch = pad([token_ids[i] for i in order[first : first + batch_size]], tokenizer.pad_token_id, device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            weights = represent(encoder, batch)
        rows.append(sp.csr_array(weights.float().cpu().numpy()))
    stacked = sp.vstack(rows, format="csr")
    return sp.csr_array(stacked[np.argsort(order)])
