"""The page under a mouse, in light and dark, wide and narrow: it explains terms, and the browser has no complaint."""

from __future__ import annotations

import json
import math
from urllib.parse import urlencode

import pytest

from tests.helpers.browser import CHROMIUM, WITHOUT, browser
from tests.serving.conftest import TOKEN, get

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=WITHOUT)]
SHOWN = "!document.getElementById('answer').hidden && /hit/.test(document.getElementById('status').textContent)"


@pytest.fixture
def page(tmp_path):
    with browser(tmp_path) as opened:
        yield opened


def test_a_term_is_explained_where_it_is_clicked(serve, page):
    server = serve()
    page.show(f"http://127.0.0.1:{server.port}/?q=cat+window&k=3")
    page.until(SHOWN)
    told = json.loads(get(server, "/api/search?q=cat+window&k=3")[2])
    term = max(told["hits"][0]["terms"], key=lambda each: (each["in_text"], each["product"]))
    button = "#hits article:first-child button.term"
    assert page.value(f"document.querySelector('{button} bdi').textContent") == term["token"]
    panel = "document.querySelector('#hits article:first-child .about')"
    assert page.value(f"{panel}.hidden") is True
    page.click(button)
    page.until(f"!{panel}.hidden && {panel}.textContent.includes('is token')")
    about = json.loads(get(server, f"/api/token?id={term['id']}")[2])
    text = page.value(f"{panel}.textContent")
    assert text.startswith(f"{term['token']} is token {term['id']}, in {about['documents']} document")
    assert f"Query {term['query_weight']:.2f} × document {term['document_weight']:.2f} = {term['product']:.2f}" in text
    assert page.value(f"document.querySelector('{button}').getAttribute('aria-expanded')") == "true"
    page.click(button)
    page.until(f"{panel}.hidden")
    assert page.complaints == []


def test_the_box_weighs_terms_by_rarity_and_goes_into_the_address(serve, page):
    server = serve()
    page.show(f"http://127.0.0.1:{server.port}/?q=cat+window&k=3")
    page.until(SHOWN)
    scores = "[...document.querySelectorAll('#hits h3 .quiet:nth-of-type(1)')].map(each => Number(each.textContent))"
    told = {idf: json.loads(get(server, f"/api/search?q=cat+window&k=3&idf={idf}")[2]) for idf in (0, 1)}
    for idf in (0, 1, 0):
        page.until(f"{SHOWN} && document.getElementById('idf').checked === {str(bool(idf)).lower()}")
        expected = [hit["score"] for hit in told[idf]["hits"]]
        page.until(f"Math.abs({scores}[0] - {expected[0]}) < 1e-3")
        assert all(math.isclose(*pair, abs_tol=6e-4) for pair in zip(page.value(scores), expected, strict=True))
        assert ("multiplied by ln(N / df)" in page.value("document.getElementById('query').textContent")) is bool(idf)
        assert (f"idf={idf}" in page.value("location.search")) or not page.value("location.search.includes('idf')")
        page.click("#idf")
    page.until(f"{SHOWN} && location.search.includes('idf=1')")
    page.value("history.back()")
    page.until("!document.getElementById('idf').checked && location.search.includes('idf=0')")
    assert page.complaints == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1600])
def test_no_complaint_and_nothing_beside_the_window(serve, page, width, dark):
    server = serve()
    for query in ("cat window", "안녕 zebra", "w" * 900):
        page.show(f"http://127.0.0.1:{server.port}/?{urlencode({'q': query, 'k': 20})}", width, dark)
        page.until("!!document.title.match(/try an index/) && !document.getElementById('answer').hidden")
        assert not page.too_wide()
        if page.value("!!document.querySelector('button.term')"):
            page.click("button.term")
            page.until("!!document.querySelector('.about:not([hidden])')")
            assert not page.too_wide()
    ground = page.value("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)")
    assert page.complaints == []


def test_a_complaint_would_be_noticed(serve, page):
    server = serve(TOKEN)
    page.show(f"http://127.0.0.1:{server.port}/")
    page.until("!document.getElementById('enter').hidden")
    assert len(page.complaints) == 1 and "401" in page.complaints[0]
    page.value("void document.body.setAttribute('style', 'width: 3000px')")
    page.until("true")
    assert any("Content Security Policy" in complaint for complaint in page.complaints)
