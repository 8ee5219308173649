"""The options of what becomes of encoded vectors before they are searched, for every row with sparse vectors alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class VectorOptions:
    """The options; with the defaults, vectors are searched as the encoder gives them.

    query_idf            multiply the weights of queries by the rarity of their dimensions, see `search.rarity`
    max_active_query     dimensions kept of a query, the heaviest; None: all
    max_active_document  the same of a document
    mass_query           share of the sum of a query's weights that the kept dimensions hold; None: all
    mass_document        the same of a document
    weight_bits          8: weights of documents are rounded to 256 levels up to the largest one; None: float32

    Documents are pruned by mass, then to a number of dimensions, then rounded. Rarity is counted in what is left of
    them, which is what an index would hold. Queries are weighed by it first, and then pruned in the same order.
    """

    query_idf: bool = False
    max_active_query: int | None = None
    max_active_document: int | None = None
    mass_query: float | None = None
    mass_document: float | None = None
    weight_bits: int | None = None

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> VectorOptions:
        """Take the options from the parameters of a stage, which may lack any of them."""
        return cls(**{field.name: parameters[field.name] for field in fields(cls) if field.name in parameters})

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the options that differ from their defaults."""
        return {name: value for name, value in asdict(self).items() if value not in (False, None)}

    @property
    def label(self) -> str:
        """Return what tables and file names call these options; "" with the defaults."""
        words = {
            "query_idf": "idf",
            "max_active_query": f"query top {self.max_active_query}",
            "max_active_document": f"document top {self.max_active_document}",
            "mass_query": f"query mass {self.mass_query}",
            "mass_document": f"document mass {self.mass_document}",
            "weight_bits": f"{self.weight_bits} bits",
        }
        return ", ".join(words[name] for name in self.parameters)

    @property
    def without_budgets(self) -> VectorOptions:
        """Return the options with full vectors and weights, to compare budgets with."""
        return VectorOptions(query_idf=self.query_idf)


AS_ENCODED = VectorOptions()
"""Vectors are searched as the encoder gives them."""
