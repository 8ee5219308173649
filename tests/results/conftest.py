"""Records as a grid would leave them, without running one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.results.record import FAILED, OK, Identity, Record


def _record(
    initializer: str = "mean",
    language: str = "ko",
    ndcg: float | None = 0.5,
    *,
    bridge: str = "",
    alpha: float | None = None,
    seed: int = 0,
    architecture: str = "bert",
    collection: str = "pocket-faq",
    regime: str = "zero-shot",
    label: str = "",
    reference: bool = False,
    vectors: str = "",
) -> Record:
    """A cell with nDCG@10 `ndcg`; None makes it a failed one."""
    identity = Identity(language, architecture, collection, initializer, bridge, alpha, regime, seed, vectors)
    common = {
        "identity": identity,
        "key": f"key-of-{identity.name}",
        "label": label or initializer,
        "reference": reference,
    }
    if ndcg is None:
        return Record(**common, status=FAILED, error="out of memory")
    return Record(
        **common,
        status=OK,
        scores={"ndcg@10": ndcg, "recall@100": ndcg / 2, "mrr@10": ndcg / 4},
        statistics={"query_active": 12.0, "doc_active": 80.5, "flops": 1.25},
        seconds=3.5,
    )


@pytest.fixture
def record() -> Callable[..., Record]:
    return _record
