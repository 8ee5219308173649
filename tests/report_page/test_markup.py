"""HTML of values: whatever a text holds, it is shown and not obeyed."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from harness.report_page.markup import Markup, element, escaped, table

HOSTILE = "<script>alert(\"1\")</script> & 'x' <!-- --> </td></table>"


class Read(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.shown = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.shown += data


def test_a_text_is_shown_as_it_is_in_content_and_in_attributes():
    read = Read(element("p", HOSTILE, title=HOSTILE))
    assert read.tags == [("p", {"title": HOSTILE})] and read.shown == HOSTILE


def test_markup_is_not_escaped_again():
    inner = element("b", "1 < 2")
    assert element("p", inner) == "<p><b>1 &lt; 2</b></p>"
    assert escaped(inner) is inner and isinstance(inner, Markup)


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\ud800", "\x9f"])
def test_what_html_cannot_hold_is_replaced(character):
    assert escaped(f"a{character}b") == "a\ufffdb"


def test_attributes_without_value_are_left_out_or_bare():
    assert element("a", class_="x", hidden=True, title=None, open=False) == '<a class="x" hidden></a>'


def test_the_first_cell_of_a_row_is_its_heading():
    made = table(["row", "n"], [["a<b", "1"]])
    assert '<tr><th scope="col">row</th><th>n</th></tr>' in made
    assert '<tr><th scope="row">a&lt;b</th><td>1</td></tr>' in made
