"""Published figures and our scores; the command that compares them is tested in cli/test_compare.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.catalog.entries import Collection, Counts
from harness.results.published import FAIL, MISSING, OK, OKISH, Expected, Figure, compare, load_expected
from harness.results.scored_cells import ScoredCell

CELL = ScoredCell(
    "ko", "bert", "faq", "mean", "", None, "zero-shot", 1, "mean", "key", "ok", {"ndcg@10": 0.5}, 100, 10, 40
)
NAMES = {"collection": "faq", "language": "ko", "initializer": "mean"}
WHOLE = {
    "faq": Collection(
        source={"hub": "a/faq"}, license="MIT", counts={"ko": Counts(documents=100, queries=10, train_pairs=40)}
    )
}


def cell(**changes: object) -> ScoredCell:
    return dataclasses.replace(CELL, **{"key": repr(changes), **changes})


def figure(**fields: object) -> Figure:
    forms = {"value": 0.5} if not {"value", "either", "range"} & fields.keys() else {}
    return Figure.model_validate({**NAMES, **forms, **fields})


def verdict(figure: Figure, *cells: ScoredCell, **head: object):
    fields = {"source": "a paper", "certainty": "read", "measure": "ndcg@10", "ok": 0.01, "okish": 0.05, **head}
    (only,) = compare(cells, Expected.model_validate({**fields, "figures": [figure]}), WHOLE)
    return only


def test_the_difference_is_to_the_nearest_value_and_none_within_a_range():
    assert figure(value=0.5).difference(0.25) == -0.25
    assert figure(either=(0.5, 1.0)).difference(0.875) == -0.125
    assert figure(either=(0.5, 1.0)).difference(0.625) == 0.125
    assert [figure(range=(0.25, 0.5)).difference(ours) for ours in (0.125, 0.25, 0.5, 0.75)] == [-0.125, 0.0, 0.0, 0.25]


def test_a_figure_is_named_by_what_it_fixes():
    assert figure().name == "faq mean ko"
    full = figure(regime="zero-shot", architecture="bert", bridge="labse", alpha=4.0, initializer="sembridge")
    assert full.name == "faq zero-shot bert sembridge labse α=4 ko"
    published = [figure(value=0.0), figure(either=(0.1234, 0.5)), figure(range=(0.1, 0.25))]
    assert [figure.published for figure in published] == ["0.000", "0.123 or 0.500", "0.100-0.250"]


@pytest.mark.parametrize(("value", "mark"), [(0.49, OK), (0.51, OK), (0.489, OKISH), (0.55, OKISH), (0.551, FAIL)])
def test_tolerances_include_their_ends(value, mark):
    result = verdict(figure(value=value), CELL)
    assert result.mark == mark and result.ours == 0.5 and result.difference == pytest.approx(0.5 - value)


def test_seeds_are_averaged_then_languages():
    cells = [cell(scores={"ndcg@10": 0.2}), cell(seed=2, scores={"ndcg@10": 0.4}), cell(language="ru")]
    whole = Collection(
        source={"hub": "a/faq"}, license="MIT", counts={name: WHOLE["faq"].counts["ko"] for name in ("ko", "ru")}
    )
    head = {"source": "a paper", "certainty": "read", "measure": "ndcg@10", "ok": 0.01, "okish": 0.05}
    expected = Expected(**head, mean_over=("ko", "ru"), figures=(figure(language="mean"), figure(language="ru")))
    results = compare(cells, expected, {"faq": whole})
    assert [result.ours for result in results] == [pytest.approx((0.3 + 0.5) / 2), 0.5]
    missing = compare(cells[:2], expected, {"faq": whole})
    assert [(result.mark, result.ours, result.reason) for result in missing] == [
        (MISSING, None, "ru: no such cell")
    ] * 2


@pytest.mark.parametrize(
    ("fields", "cells", "reason"),
    [
        ({}, [], "ko: no such cell"),
        ({"regime": "fine-tuned"}, [CELL], "ko: no such cell"),
        ({}, [cell(collection="faq-judged")], "ko: ours are on faq-judged, not on faq"),
        ({}, [cell(collection="faqs")], "ko: no such cell"),
        ({"label": "other"}, [CELL], "ko: ours is 'mean', another method"),
        ({}, [CELL, cell(bridge="labse", alpha=1.0)], "ko: several cells fit; they differ in bridge, alpha"),
        ({}, [CELL, cell(label="b")], "ko: several cells fit; they differ in label"),
        ({}, [CELL, cell(seed=2, status="failed", scores={})], "ko: the cell failed"),
        ({}, [CELL, cell(seed=2, status="missing", scores={})], "ko: the cell is not computed"),
        ({}, [cell(scores={"mrr@10": 1.0})], "ko: the cell failed"),
        ({}, [cell(documents=99)], "ko: ours is on 99 documents, all of faq is 100"),
        ({}, [cell(queries=None)], "ko: cells.csv does not say our queries"),
        ({"trained_on": "faq"}, [cell(train_pairs=39)], "ko: ours is on 39 train pairs, all of faq is 40"),
        ({"trained_on": "web"}, [CELL], "ko: the catalog does not say how many train pairs all of web is"),
    ],
)
def test_what_cannot_be_compared_says_why(fields, cells, reason):
    result = verdict(figure(**fields), *cells)
    assert (result.mark, result.ours, result.difference, result.reason) == (MISSING, None, None, reason)


GOOD = """
source: a paper
certainty: read off
measure: ndcg@10
ok: 0.01
okish: 0.05
figures:
  - {collection: faq, language: ko, initializer: mean, value: 0.5}
"""


def test_a_file_of_figures_and_its_defects(tmp_path: Path):
    path = tmp_path / "figures.yaml"

    def load(old: str, new: str) -> Expected:
        assert old in GOOD
        path.write_text(GOOD.replace(old, new), encoding="utf-8")
        return load_expected(path)

    assert load("", "").figures == (figure(),)
    for old, new, message in (
        ("ndcg@10", "ndcg@1", r"measure 'ndcg@1' is unknown; did you mean 'ndcg@10'\? known: "),
        ("okish: 0.05", "okish: 0.005", "okish 0.005 is below ok 0.01; give the wider tolerance to okish$"),
        ("ok: 0.01\n", "", "ok is missing; add it$"),
        ("certainty:", "certanty:", r"certanty is unknown; did you mean 'certainty'\?"),
        ("language: ko", "language: mean", "a figure is a mean, but mean_over does not name its languages; add it$"),
        (", value: 0.5", "", "a figure is one of value, either and range, not none of them; keep one$"),
        ("value: 0.5", "value: 0.5, range: [0, 1]", "a figure is one of value, either and range, not value and range"),
        ("value: 0.5", "range: [0.5, 0.5]", r"range \[0.5, 0.5\] does not rise; give the lower end first$"),
        ("value: 0.5", "value: 50", r"figures\.0\.value: 50 is not valid \("),
    ):
        with pytest.raises(ValueError, match=rf"^--expected {path}: .*{message}"):
            load(old, new)
    with pytest.raises(ValueError, match="is not a mapping with source, measure and figures; see the page 'reproduce'"):
        load(GOOD, "- a\n")
    with pytest.raises(ValueError, match=r"none\.yaml' cannot be read \(No such file or directory\); check the path$"):
        load_expected(tmp_path / "none.yaml")
