"""Hold the record of one cell: what was run and its outcome. Tables are made from records alone, on any machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.results.strata import Stratum
from sembridge.options import alpha_text

MEASURES = ("ndcg@10", "recall@100", "mrr@10")
OK, FAILED, NOT_COMPUTED = "ok", "failed", "missing"


@dataclass(frozen=True)
class Identity:
    """Hold the coordinates of a cell in the grid; `bridge` is '' and `alpha` None for initializers without them.

    An alpha of `options.AUTOMATIC` is one that the method chooses. `vectors` says what became of the vectors before
    they were searched (`VectorOptions.label`), '' for nothing.
    """

    language: str
    architecture: str
    collection: str
    initializer: str
    bridge: str
    alpha: float | None
    regime: str
    seed: int
    vectors: str = ""

    @property
    def name(self) -> str:
        """Return a readable file name, unique within one grid."""
        parts = [self.language, self.architecture, self.collection, self.initializer]
        if self.bridge:
            parts.append(self.bridge)
        if self.alpha is not None:
            parts.append(f"a{alpha_text(self.alpha)}")
        parts += [self.regime, f"s{self.seed}"]
        if self.vectors:
            parts.append(self.vectors.replace(", ", "+").replace(" ", "-"))
        return "_".join(parts)


@dataclass(frozen=True)
class Record:
    """Hold one cell's outcome.

    label       how tables name the row's method (an initializer may qualify itself, e.g. "ofa (bridge vectors)")
    reference   the row is a yardstick (base, bm25, dense), not a competitor: tables list it apart, never in bold
    status      OK, FAILED, or NOT_COMPUTED: nobody tried yet, or a run ended before its turn
    scores      means over the queries, by MEASURES; empty unless the status is OK
    unknown     shares of unknown tokens: documents, queries, and pairs of a training; empty without a tokenizer
    warnings    sentences on scores that a reader would misunderstand
    strata      nDCG@10 by `strata.STRATA`, for queries split by shared words; empty where they are not known
    statistics  query_active, doc_active (mean non-zero dimensions), flops (expected products per query-document pair)
    seconds     wall time the cell itself took when it was computed
    """

    identity: Identity
    key: str
    label: str
    reference: bool
    status: str
    error: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    statistics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    provenance: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[str, float] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    strata: Mapping[str, Stratum] = field(default_factory=dict)
