"""Make HTML from Python values: every text is escaped where it enters, so no name or query can become code."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_NOT_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """HTML that is escaped already; any other string is text."""

    __slots__ = ()


def escaped(content: str) -> Markup:
    """Return HTML that shows a text as it is; what HTML cannot hold (control characters, halves of pairs) is U+FFFD."""
    return content if isinstance(content, Markup) else Markup(html.escape(_NOT_CHARACTERS.sub("\ufffd", content)))


def joined(parts: Iterable[str]) -> Markup:
    """Return the parts one after another."""
    return Markup("".join(map(escaped, parts)))


def element(name: str, *content: str, **attributes: str | bool | None) -> Markup:
    """Return an element with its end tag.

    attributes  `class_` stands for class, other underscores for hyphens; True is an attribute without value, None and
                False are none
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escaped(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{name}{written}>{joined(content)}</{name}>")


def row(cells: Iterable[str], kind: str = "td") -> Markup:
    """Return a row of a table whose first cell is its heading."""
    first, *others = cells
    scope = "col" if kind == "th" else "row"
    return element("tr", element("th", first, scope=scope), *(element(kind, other) for other in others))


def table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> Markup:
    """Return a table that scrolls in a box of its own where it is too large for the page."""
    head = element("thead", row(heading, "th"))
    body = element("tbody", *map(row, rows))
    return element("div", element("table", head, body), class_="scroll", tabindex="0")
