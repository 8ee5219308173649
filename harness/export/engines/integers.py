"""What formats with integer weights share: weight * scale, rounded; what becomes 0 is left out."""

from __future__ import annotations

import json

from harness.export.documents import Document
from harness.export.engine import Engine, Holding
from harness.export.weights import integers


class Integers(Engine):
    """An engine whose weights are integers."""

    integers = True

    def pairs(self, document: Document) -> list[tuple[int, int]]:
        """Return (dimension, scale * weight) of what does not become 0."""
        scaled = integers(document.weights, self.facts.scale)
        kept = scaled > 0
        return list(zip(document.dimensions[kept].tolist(), scaled[kept].tolist(), strict=True))

    def vector(self, document: Document) -> str:
        """Return {"17": 400, ...} as JSON."""
        return json.dumps({str(dimension): weight for dimension, weight in self.pairs(document)})

    def holdings(self) -> dict[str, Holding]:
        """Return the integers as they are in the files: dividing by the scale would not change an order."""
        return {f"integers, scale {self.facts.scale:,}": Holding()}

    def warnings(self) -> list[str]:
        """Return a warning for a scale that loses much of the weights."""
        documents = self.facts.documents
        if not documents.largest or documents.largest * self.facts.scale >= 255:
            return []
        problem = f"--scale {self.facts.scale:,} makes the heaviest weight, {documents.largest:.2f},"
        made = round(documents.largest * self.facts.scale)
        return [f"{problem} the integer {made:,}: most weights differ no more; 1,000 is usual"]
