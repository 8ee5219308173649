"""The page of a results folder: the numbers of cells.csv, nothing from outside, the same bytes, every text as it is."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from statistics import fmean

import pytest

from harness.report_page import page as page_module
from harness.report_page.folder import ResultsFolder
from harness.report_page.page import LARGEST, page, write_page
from harness.report_page.store_files import StoreFiles
from harness.results.tables import significance
from tests.helpers.results_made import record_of, results_of

HOSTILE = "<script>alert(1)</script>"
GRID = {"signet": 0.6, "ofa": 0.5, "mean": 0.1, "base": 0.05, "bm25": 0.4}


class Read(HTMLParser):
    """Read the tables of a page under their titles, its tags, and all text that it shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.tables, self.shown, self.title, self._in = [], {}, "", "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        if tag == "h3":
            self.title = ""
        if tag == "tr":
            self.tables.setdefault(self.title, []).append([])
        if tag in ("td", "th"):
            self.tables[self.title][-1].append("")

    def handle_data(self, data):
        self.shown += data
        if self._in == "h3":
            self.title += data
        if self._in in ("td", "th"):
            self.tables[self.title][-1][-1] += data

    def handle_endtag(self, tag):
        self._in = ""


@pytest.fixture
def results(tmp_path):
    cells = [
        (record_of(name, language, own, collection=collection), own)
        for collection in ("faq", "passages")
        for language in ("ko", "ru")
        for place, (name, score) in enumerate(GRID.items())
        for own in [[score, score / 2, score * (1 + place) / 8] * 10]
    ]
    return results_of(tmp_path, cells)


def test_every_number_of_the_tables_is_that_of_cells_csv(results):
    read = Read(page(ResultsFolder(results)))
    with (results / "cells.csv").open(encoding="utf-8") as lines:
        cells = list(csv.DictReader(lines))
    for collection in ("faq", "passages"):
        own = {
            (cell["label"], cell["language"]): float(cell["ndcg@10"])
            for cell in cells
            if cell["collection"] == collection
        }
        head, *rows = read.tables[f"{collection}, zero-shot, bert: nDCG@10"]
        assert sorted(head) == ["ko", "mean", "method", "ru"] and [row[0] for row in rows] == list(GRID)
        for row in rows:
            shown = {column: text.strip("↓†") for column, text in zip(head, row, strict=True)}
            scores = [own[shown["method"], "ko"], own[shown["method"], "ru"]]
            assert [shown[name] for name in ("ko", "ru", "mean")] == [f"{x:.3f}" for x in (*scores, fmean(scores))]
            for score in scores:
                assert re.search(rf"{score:.3f} \[[.\d]+, [.\d]+\]", read.shown)


def test_a_row_whose_queries_are_weighed_stands_beside_the_plain_one(tmp_path):
    cells = [
        (record_of("mean", "ko", [score] * 10, vectors=vectors), [score] * 10)
        for vectors, score in (("", 0.25), ("idf", 0.75))
    ]
    read = Read(page(ResultsFolder(results_of(tmp_path, cells))))
    _, *rows = read.tables["faq, zero-shot, bert: nDCG@10"]
    assert [[text.strip("↓†") for text in row] for row in rows] == [["mean", "0.250"], ["mean (idf)", "0.750"]]
    assert "0.750 [" in read.shown and "0.250 [" in read.shown


def test_the_verdict_comes_first_and_every_section_has_a_link(results):
    text = page(ResultsFolder(results))
    sections = re.findall(r'<section id="([^"]*)"', text)
    assert sections == ["verdict", "tables", "intervals", "tradeoff", "queries", "cost", "provenance"]
    assert re.findall(r'<a href="#([^"]*)"', text) == sections
    assert "signet has nDCG@10 " in text[: text.index('id="tables"')]


def test_nothing_comes_from_outside_and_no_script_is_there(results):
    text = page(ResultsFolder(results))
    tags = Read(text).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object", "embed", "base"}
    targets = [value for _, attrs in tags for key, value in attrs.items() if key in ("href", "src", "xlink:href")]
    assert targets and all(target.startswith("#") for target in targets)
    assert "url(" not in text.replace("url(#", "") and "@import" not in text
    policy = next(attrs["content"] for _, attrs in tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_ids_are_unique_and_every_reference_has_one(results):
    text = page(ResultsFolder(results))
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r'href="#([^"]*)"', text)) | set(re.findall(r"url\(#([^)]*)\)", text)) <= set(ids)


def test_the_same_results_give_the_same_bytes(results):
    first = write_page(results).read_bytes()
    assert write_page(results).read_bytes() == first and len(first) < LARGEST


def test_a_name_that_is_code_is_shown_as_text(tmp_path):
    cells = [(record_of(name, "ko", own, label=label), own) for name, label, own in (
        ("signet", f"signet {HOSTILE}", [0.5, 0.6]), ("mean", "=mean&copy;", [0.1, 0.2]))]  # fmt: skip
    failed = record_of("ofa", "ko", [0.0])
    failed = type(failed)(failed.identity, "key", "ofa", False, "failed", f"no {HOSTILE}")
    read = Read(page(ResultsFolder(results_of(tmp_path, cells, others=[failed]))))
    assert "script" not in {tag for tag, _ in read.tags}
    assert read.shown.count(HOSTILE) >= 4 and "=mean&copy;" in read.shown and "'=mean" not in read.shown
    assert "Not complete: 2 of 3 cells are computed, 1 failed." in read.shown


def test_beyond_its_room_a_section_says_what_it_leaves_out(results, monkeypatch):
    made = page_module._sections
    monkeypatch.setattr(page_module, "_sections", lambda *of: [each._replace(room=9_000) for each in made(*of)])
    text = page(ResultsFolder(results))
    assert "more are left out, for the size of the page; cells.csv has the scores." in text
    assert len(text) < 9_000 * 8 + 6_000


def test_all_sections_together_fit_into_the_page(results):
    rooms = [section.room for section in page_module._sections(ResultsFolder(results), StoreFiles())]
    assert len(rooms) == 10 and sum(rooms) + 20_000 <= LARGEST


@pytest.mark.slow
def test_a_wide_grid_is_below_the_limit_and_keeps_its_best_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(significance, "FLIPS_PER_HYPOTHESIS", 0)  # 120,000 pairs of rows: gigabytes of flips
    cells = [
        (record_of(f"m{number:03d}", language, own, active=10 + number), own)
        for number in range(200)
        for language in ("ar", "hi", "ko", "ru", "zh")
        for own in [[(number + 1) / 201, number / 250]]
    ]
    text = page(ResultsFolder(results_of(tmp_path, cells)))
    assert len(text.encode()) < LARGEST and "left out" not in text
    assert text.count('<th scope="row">m000</th>') == 3  # two tables, and the times
    assert text.count("The best 40 of 200 rows; the table has all.") == 5


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"has no cells\.csv; give the folder that a run wrote with --results"):
        write_page(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_lacks_a_file_names_it_and_the_next_step(results):
    (results / "significance.csv").unlink()
    with pytest.raises(
        ValueError, match=r"significance\.csv cannot be read \(No such file.*\); run the grid's command"
    ):
        write_page(results)
    assert not (results / "report.html").exists()
