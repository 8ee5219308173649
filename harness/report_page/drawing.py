"""Draw with matplotlib, and return the drawing as SVG that belongs into a page.

The SVG takes its colors from variables of the page, so it follows light and dark; its texts are real texts in the
page's font, because matplotlib's has no Arabic, Hindi, Chinese or Korean; its ids are its own; and the same drawing
gives the same bytes.

matplotlib never sees a text that somebody wrote: it would look for its letters in its own fonts, and read $ as
mathematics. It draws a placeholder of digits, and the text takes its place in the SVG.
"""

from __future__ import annotations

import html
import io
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

from harness.report_page.markup import Markup, escaped

INK, MUTED, RULE, BEST = "#0a0b01", "#0a0b02", "#0a0b03", "#0a0b04"
SERIES = tuple(f"#0a0c{number:02d}" for number in range(8))
FONT_SIZE = 12
LINE = 17
"""Height of a line of text."""

_VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule", BEST: "--best"} | {
    color: f"--series{number}" for number, color in enumerate(SERIES)
}
_PLACEHOLDER = re.compile(r"700(\d{5})700")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"url\(#([^)]*)\)")
_COLOR = re.compile(r"#[0-9a-f]{6}")
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sembridge-bench",
    "font.size": FONT_SIZE,
    "path.simplify": False,
}


@contextmanager
def same_everywhere() -> Iterator[None]:
    """Draw with matplotlib's defaults while the block runs, whatever the settings of the user."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # but for the backend, which is not used
        matplotlib.rcParams.update(_SETTINGS)
        yield


class Drawing:
    """Hold a figure, measured in pixels from its upper left corner, and the texts in it.

    name  of the drawing in the page, unique there; its ids begin with it
    """

    def __init__(self, name: str, width: float, height: float) -> None:
        from matplotlib.figure import Figure

        self.name, self.width, self.height = name, width, height
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=72)  # no pyplot: it keeps figures in global state
        self.figure.patch.set_visible(False)
        self._texts: list[str] = []

    def axes(self, left: float, top: float, width: float, height: float) -> Any:
        """Return axes at a place of the figure, without a frame and with lines for the ticks of both axes."""
        place = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(place)
        axes.patch.set_visible(False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(which="both", length=0, pad=5, colors=MUTED, labelsize=FONT_SIZE)
        axes.grid(color=RULE, linewidth=0.8)
        axes.set_axisbelow(True)
        return axes

    def text(self, left: float, top: float, content: str, align: str = "left", color: str = INK, **style: Any) -> None:
        """Write a text whose middle is at a height; align: left, center or right of it is at `left`."""
        place = (left / self.width, 1 - top / self.height)
        self.figure.text(*place, self.placeholder(content), ha=align, va="center", color=color, **style)

    def placeholder(self, content: str) -> str:
        """Return what matplotlib draws in the place of a text."""
        self._texts.append(content)
        return f"700{len(self._texts) - 1:05d}700"

    def svg(self, description: str) -> Markup:
        """Return the SVG element; description: what it shows, for those who do not see it."""
        written = io.StringIO()
        self.figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
        root = ElementTree.fromstring(written.getvalue())
        for node in root.iter():
            self._adapt(node)
        _remove_empty(root)
        root.attrib = {
            "viewBox": f"0 0 {self.width:g} {self.height:g}",
            "width": f"{self.width:g}",
            "role": "img",
            "aria-label": str(description),
        }
        return Markup(re.sub(r">\s+<", "><", ElementTree.tostring(root, encoding="unicode")))

    def _adapt(self, node: ElementTree.Element) -> None:
        """Change an element from a file of its own to a part of a page."""
        node.tag = node.tag.rpartition("}")[2]
        attributes = {}
        for key, value in node.attrib.items():
            key = key.rpartition("}")[2]
            if key == "id":
                value = f"{self.name}-{value}"
            elif key == "href":
                value = f"#{self.name}-{value.removeprefix('#')}"
            elif key == "style":
                value = _style(value)
            elif key == "transform" and value.startswith("rotate(-0 "):
                continue
            value = _REFERENCE.sub(rf"url(#{self.name}-\1)", value)
            attributes[key] = _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.2f}", value)
        if node.tag == "g":  # its id names a part of the figure, which nothing refers to
            attributes.pop("id", None)
        node.attrib = attributes
        if node.text and (place := _PLACEHOLDER.fullmatch(node.text.strip())):
            node.text = _plain(self._texts[int(place[1])])


def width_of(text: str) -> float:
    """Return about how many pixels wide a text is, rather more than less, whatever the browser's font."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return FONT_SIZE * (1.05 * wide + 0.62 * (len(text) - wide))


def shortened(text: str, width: float) -> str:
    """Return a text that fits; of a longer one the middle is left out, since names often differ at their ends."""
    if width_of(text) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        tail = kept // 2
        shorter = f"{text[: kept - tail]}…{text[len(text) - tail :]}"
        if width_of(shorter) <= width:
            return shorter
    return "…"


def _style(style: str) -> str:
    """Return a style with the page's colors in place of matplotlib's; font and line caps are left to the page."""
    parts = []
    for declaration in style.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "stroke-linecap" and value != "round":
            continue
        if value and name not in ("stroke-linejoin", "font-size", "font-family"):
            parts.append(f"{name}:{_COLOR.sub(lambda color: f'var({_VARIABLES[color[0]]})', value)}")
    return ";".join(parts)


def _remove_empty(node: ElementTree.Element) -> None:
    """Remove what a page does not need: the file's metadata and style, which would apply to the page, empty groups."""
    for child in list(node):
        _remove_empty(child)
        empty = child.tag in ("g", "defs") and not len(child)
        if empty or child.tag in ("metadata", "style"):
            node.remove(child)


def _plain(text: str) -> str:
    """Return a text without what XML cannot hold; ElementTree escapes the rest."""
    return html.unescape(escaped(" ".join(text.split())))
