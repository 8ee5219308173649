"""Count the judged pairs of a split whose document or query the collection lacks; refuse a collection with too many.

Published collections have a few. A judgement whose document is missing stays: as in trec_eval, BEIR and mteb, a
relevant document that nobody can find lowers nDCG and recall. A judged query without text cannot be asked, so it is
left out, as those tools average over the queries of the run. A training pair without document or query is left out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container
from dataclasses import dataclass

from harness.collections.collection import CollectionError

MOST_MISSING = 0.05
"""The share of a split's judged pairs that may lack their document or query, unless a collection sets another."""


@dataclass
class Missing:
    """The counts of one split.

    place      names the split in messages
    judged     its pairs; `relevant`: those with a score above 0
    documents  pairs whose document is missing; `queries`: pairs whose query is missing
    relevant_lost  relevant pairs among both
    """

    place: str
    judged: int = 0
    relevant: int = 0
    documents: int = 0
    queries: int = 0
    relevant_lost: int = 0
    example: str = ""

    def add(
        self, query: str, document: str, score: int, queries: Container[str], documents: Container[str], line: int = 0
    ) -> bool:
        """Count a pair; return whether both its parts are there. line: its number, 0 where it has none."""
        self.judged += 1
        self.relevant += score > 0
        if (asked := query in queries) and document in documents:
            return True
        self.documents += asked
        self.queries += not asked
        self.relevant_lost += score > 0
        if not self.example:
            lost = f"document {document[:80]!r} of query {query[:80]!r}" if asked else f"query {query[:80]!r}"
            lost += _spelled_otherwise(document, documents) if asked else _spelled_otherwise(query, queries)
            self.example = f"{lost} in line {line}" if line else lost
        return False

    @property
    def lost(self) -> int:
        """The number of pairs without document or query."""
        return self.documents + self.queries

    @property
    def share(self) -> float:
        """The share of the judged pairs that is lost, or of the relevant ones, whichever is larger."""
        return max(self.lost / max(1, self.judged), self.relevant_lost / max(1, self.relevant))

    def check(self, most: float) -> None:
        """Raise CollectionError, which names the option, if more than the share `most` is lost."""
        if self.share > most:
            enough = min(1.0, int(self.share * 100 + 1) / 100)
            advice = "check that documents, queries and judgements belong together, or accept it with "
            option = f"--set collections.NAME.most_missing={enough:g}"
            raise CollectionError(f"{self._counted()}; at most {100 * most:.4g}% may: {advice}{option}")

    def none_relevant(self, advice: str) -> CollectionError:
        """Return the error for a test split of which no query with a text has a relevant document."""
        lost = f"; {self._counted(place=False)}" if self.lost else ""
        if self.relevant and self.relevant_lost == self.relevant:
            advice = "check that documents, queries and judgements belong together, and that a query's id comes first"
        return CollectionError(f"{self.place}: no test query has a relevant document{lost}: {advice}")

    def warning(self, training: bool = False) -> str:
        """Return what happens to the lost pairs, in a line; "" without any."""
        if not self.lost:
            return ""
        effect = "they are left out of the training"
        if not training:
            kept = "the judgements still count, as in trec_eval, so no ranking can be perfect"
            effect = "; ".join(
                [kept] * (self.documents > 0) + ["queries without text are left out"] * (self.queries > 0)
            )
        return f"{self._counted()}: {effect}"

    def _counted(self, place: bool = True) -> str:
        both = self.documents and self.queries
        lacking = [f"their document in the corpus{f' ({self.documents})' if both else ''}"] * (self.documents > 0)
        lacking += [f"a query with a text{f' ({self.queries})' if both else ''}"] * (self.queries > 0)
        relevant = f", {self.relevant_lost} of {self.relevant} relevant ones" if self.relevant_lost else ""
        share = f"{self.lost} of {self.judged} judged pairs ({self.lost / max(1, self.judged):.1%}{relevant})"
        counted = f"{share} lack {' or '.join(lacking)}, such as {self.example}"
        return f"{self.place}: {counted}" if place else counted


def _spelled_otherwise(identifier: str, identifiers: Container[str]) -> str:
    """Say that an id is there in another Unicode form, which looks the same; "" if it is not."""
    for form in ("NFC", "NFD", "NFKC"):
        if (other := unicodedata.normalize(form, identifier)) != identifier and other in identifiers:
            return f" (which is there in {form}: ids are compared as they are written)"
    return ""
