"""Measure what a budget of active dimensions costs on its own, and which larger one would cost less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scipy import sparse

from harness.export.check import ExactSearch, agreement
from harness.export.documents import Block, without
from sembridge.search.pruning import canonical, keep_heaviest

STEPS = (1, 1.5, 2, 3, 4, 6, 8)
"""A budget is measured together with its multiples, because documents pass by once."""


@dataclass(frozen=True)
class Budget:
    """Dimensions that a document and a query keep, their heaviest; None: all."""

    document: int | None
    query: int | None

    def times(self, factor: float) -> Budget:
        """Return a multiple of the budget."""
        kept = (None if number is None else round(number * factor) for number in (self.document, self.query))
        return Budget(*kept)


@dataclass(frozen=True)
class Cost:
    """What a budget costs.

    overlap     mean share of the first ten documents that stay when vectors are cut
    full, cut   mean nDCG@10 of the judged queries with all dimensions and with the budget; None without judgements
    """

    budget: Budget
    overlap: float
    full: float | None = None
    cut: float | None = None

    @property
    def loss(self) -> float:
        """Return the share of nDCG@10 that is lost; without judgements, that of the first ten documents."""
        if self.full is None or self.cut is None:
            return 1 - self.overlap
        return 1 - self.cut / self.full if self.full else 0.0


class BudgetSearch:
    """Search all documents with whole vectors, and with those that a budget and its multiples leave.

    ids      of all documents, in their order
    queries  their own vectors [Q, V], float32
    drop     dimensions that documents and queries are without, whatever the budget
    """

    def __init__(self, ids: Sequence[str], queries: Block, budget: Budget, drop: frozenset[int] = frozenset()) -> None:
        self._drop = drop
        self._budgets = list(dict.fromkeys(budget.times(factor) for factor in STEPS))
        asked = canonical(without(queries, drop).vectors)
        self._full = ExactSearch(ids, queries.ids, asked)
        self._cut = [ExactSearch(ids, queries.ids, _kept(asked, each.query)) for each in self._budgets]

    def watch(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Yield the blocks, and search them."""
        for block in blocks:
            vectors = canonical(without(block, self._drop).vectors)
            self._full.add(vectors)
            for budget, search in zip(self._budgets, self._cut, strict=True):
                search.add(_kept(vectors, budget.document))
            yield block

    def costs(self, qrels: Mapping[str, Mapping[str, int]] | None = None) -> list[Cost]:
        """Return the costs of the budget and of its multiples. Raises ValueError if not all documents passed by."""
        full = self._full.run()
        found = [agreement("", full, search.run(), qrels) for search in self._cut]
        return [
            Cost(budget, each.overlap, each.exact, each.engine)
            for budget, each in zip(self._budgets, found, strict=True)
        ]


def _kept(vectors: sparse.csr_array, most: int | None) -> sparse.csr_array:
    return vectors if most is None else keep_heaviest(vectors, most)
