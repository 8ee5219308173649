"""What a search found and why: every hit with the terms that the query and the document share."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from typing import Any

from sembridge.model_card.lines import columns, printable

WORDS = 100  # characters of a text that are shown


@dataclass(frozen=True)
class Term:
    """A token that a query and a document share.

    token            as a person reads it: the text, with ## in front where it continues a word
    id               its dimension
    query_weight     after `idf`, if that was asked for
    document_weight  as stored
    product          query_weight x document_weight: its share of the score
    """

    token: str
    id: int
    query_weight: float
    document_weight: float
    product: float


@dataclass(frozen=True, repr=False)
class Hit:
    """A document that was found; rank from 1. The products of `terms`, largest first, add up to the score."""

    rank: int
    score: float
    id: str
    text: str
    terms: tuple[Term, ...]

    def __repr__(self) -> str:
        return "\n".join([self.headline(), *self.why()])

    def headline(self) -> str:
        """Return rank, score, id and the first words of the text, in one line."""
        return f"{self.rank}. {self.score:.4f}  {printable(self.id)}  {shortened(self.text)}"

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, as JSON can hold it."""
        return asdict(self)

    def why(self, most: int = 8) -> list[str]:
        """Return lines that show which terms made the score, the heaviest `most` of them."""
        rows = [
            [
                f"   {printable(term.token)}",
                f"{term.query_weight:.3f} x {term.document_weight:.3f}",
                f"= {term.product:.4f}",
            ]
            for term in self.terms[:most]
        ]
        lines = columns(rows) if rows else []
        if rest := self.terms[most:]:
            lines.append(
                f"   and {len(rest)} more{'' if len(rest) == 1 else ' terms'}: {sum(t.product for t in rest):.4f}"
            )
        return lines


class Hits(tuple[Hit, ...]):
    """The hits of a query, best first. It prints as lines for a person, and as a table in a notebook."""

    query: str

    def __new__(cls, query: str, hits: tuple[Hit, ...]) -> Hits:
        """Return the hits of a query."""
        made = super().__new__(cls, hits)
        made.query = query
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return the query and its hits, as JSON can hold it."""
        return {"query": self.query, "hits": [hit.to_dict() for hit in self]}

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or f"nothing was found: no document shares a term with {self.query!r}"

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{html.escape(repr(self))}</p>"
        cells = [(f"{hit.rank}", f"{hit.score:.4f}", hit.id, shortened(hit.text), _in_a_line(hit)) for hit in self]
        rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in cells)
        head = "".join(f"<th>{name}</th>" for name in ("rank", "score", "id", "text", "terms"))
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def shortened(text: str, most: int = WORDS) -> str:
    """Return the first words of a text in one line, without control characters."""
    line = " ".join(text[: 4 * most].split())
    cut = line if len(line) <= most and len(text) <= 4 * most else f"{line[:most].rstrip()} ..."
    return printable(cut)


def _in_a_line(hit: Hit, most: int = 5) -> str:
    parts = [f"{printable(term.token)} {term.product:.3f}" for term in hit.terms[:most]]
    return ", ".join(parts + (["..."] if len(hit.terms) > most else []))
