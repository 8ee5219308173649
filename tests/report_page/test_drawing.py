"""Drawings as parts of a page: colors of the page, real texts in any script, ids of their own, the same bytes."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from harness.report_page.drawing import BEST, INK, Drawing, shortened, width_of

TEXTS = ["한국어", "العربية", "हिन्दी", "中文", "русский", "cost $x$ of $y$", "<script>alert(1)</script>", "a & b"]


def drawn(name: str = "p1") -> str:
    drawing = Drawing(name, 300, 200)
    axes = drawing.axes(50, 10, 200, 120)
    axes.plot([0, 1], [0.1, 0.5], "o-", color=BEST)
    for place, text in enumerate(TEXTS):
        drawing.text(10, 20 + 17 * place, text, color=INK, weight="bold")
    return drawing.svg("what it shows: <x>")


def test_texts_of_every_script_are_texts_and_nothing_in_them_is_obeyed(recwarn):
    root = ElementTree.fromstring(drawn())
    texts = [node.text for node in root.iter("text")]
    assert [text for text in texts if text in TEXTS] == TEXTS
    assert root.find(".//script") is None and root.attrib["aria-label"] == "what it shows: <x>"
    assert not recwarn.list


def test_colors_are_those_of_the_page_and_fonts_too():
    svg = drawn()
    assert not re.findall(r"#[0-9a-f]{6}|font-family|<style|rgb\(", svg)
    assert {"--best", "--ink", "--muted", "--rule"} <= set(re.findall(r"var\((--[a-z]+)\)", svg))
    assert svg.count("font-weight:700") == len(TEXTS)


def test_ids_are_those_of_the_drawing_and_every_reference_has_one():
    svg = drawn("p7")
    ids = re.findall(r' id="([^"]*)"', svg)
    references = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', svg)
    assert ids and len(set(ids)) == len(ids) and all(name.startswith("p7-") for name in ids)
    assert {first or second for first, second in references} <= set(ids)


def test_the_same_drawing_has_the_same_bytes_and_no_date():
    assert drawn() == drawn() and "metadata" not in drawn() and "20" + "26-" not in drawn()


@pytest.mark.parametrize("text", ["ofa (bridge vectors, multilingual-e5-large, α=16)", "한국어" * 20])
def test_a_long_text_loses_its_middle_and_fits(text):
    short = shortened(text, 150)
    assert width_of(short) <= 150 and "…" in short
    head, tail = short.split("…")
    assert text.startswith(head) and text.endswith(tail) and head and tail
    assert shortened("signet", 150) == "signet"
