"""Two folders row by row: which rows match, differences and p by hand, means, seeds, what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from harness.results import resampling
from harness.results.folders_compared import Change, compare
from harness.results.matched_rows import Matched, match
from harness.results.scored_cells import ScoredCell
from harness.results.tables.significance import Scores

IDS = tuple(f"q{number}" for number in range(8))


class Folder:
    """Cells of a results folder with the scores of their queries."""

    def __init__(self) -> None:
        self.cells: list[ScoredCell] = []
        self.scores: dict = {}

    def add(
        self, method: str, language: str, values: Sequence[float], *, ids: Sequence[str] = IDS, **fields
    ) -> ScoredCell:
        names = {"architecture": "bert", "collection": "faq", "regime": "zero-shot", "label": method}
        settings = {"bridge": "", "alpha": None, "seed": 1, "status": "ok", "documents": 30, "queries": len(values)}
        settings |= names | {"train_pairs": None, "scores": {"ndcg@10": float(np.mean(values))}} | fields
        settings.setdefault("key", f"{method} {language} {settings['seed']}")
        cell = ScoredCell(language=language, initializer=method, **settings)
        self.cells.append(cell)
        if cell.scores:
            self.scores[cell.identity] = Scores(list(ids)[: len(values)], np.asarray(values, dtype=float))
        return cell


@pytest.fixture
def a() -> Folder:
    return Folder()


@pytest.fixture
def b() -> Folder:
    return Folder()


def matched(a: Folder, b: Folder) -> Matched:
    return match(a.cells, b.cells)


def changes(a: Folder, b: Folder) -> list[Change]:
    return compare(matched(a, b), a.scores, b.scores)


def test_numbers_by_hand(a, b):
    """Eight queries: all differ in one direction (p = 2/256), two do (1/2), none does (1)."""
    half = [0.5] * 8
    for method, values in {"up": [0.75] * 8, "some": [0.25, 0.25, *half[2:]], "same": half}.items():
        a.add(method, "ko", half)
        b.add(method, "ko", values)
    rows = {change.label: change for change in changes(a, b)}
    assert list(rows) == ["up", "some", "same"]
    assert {label: (row.difference, row.p, row.p_holm) for label, row in rows.items()} == {
        "up": (0.25, 2 / 256, 3 * 2 / 256), "some": (-0.0625, 0.5, 1), "same": (0, 1, 1),
    }  # fmt: skip
    assert (rows["up"].low, rows["up"].high, rows["up"].queries) == (0.25, 0.25, 8)
    assert rows["up"].above and not rows["some"].below and rows["same"].equal and not rows["some"].equal
    back = {change.label: change for change in changes(b, a)}
    assert back["up"].below and (back["up"].difference, back["up"].low) == (-0.25, -0.25)


def test_the_order_of_queries_in_a_file_does_not_matter(a, b):
    rng = np.random.default_rng(0)
    values, others = rng.random(8), rng.random(8)
    a.add("mean", "ko", values)
    b.add("mean", "ko", others[::-1], ids=IDS[::-1])
    [row] = changes(a, b)
    sample = resampling.sample(np.stack([values, others], axis=1), "ko")
    assert (row.p, row.low, row.high) == (resampling.p_value(sample, 1, 0), *resampling.interval(sample, 1, 0))


def test_the_mean_gives_languages_equal_weight_and_stands_behind_them(a, b):
    """B loses by .9 in 2 queries and wins by .1 in 8: over languages it loses by (.9 - .1) / 2.

    In parts of the mean these are 2 x .225 and 8 x -.00625: half of all patterns of signs are as far out as .4.
    """
    for method in ("x", "y"):
        a.add(method, "ru", [0.9, 0.9])
        b.add(method, "ru", [0.0, 0.0])
        a.add(method, "ko", [0.2] * 8)
        b.add(method, "ko", [0.3] * 8)
    rows = changes(a, b)
    assert [(row.label, row.language) for row in rows] == [
        (method, language) for method in ("x", "y") for language in ("ru", "ko", "mean")
    ]
    mean = rows[2]
    assert mean.difference == pytest.approx(-0.4) and (mean.p, mean.queries, mean.note) == (0.5, 10, "")
    assert [row.p_holm for row in rows] == resampling.holm([row.p or 0 for row in rows], 6)


def test_a_method_without_a_score_in_a_language_has_no_mean_and_says_why(a, b):
    for folder in (a, b):
        folder.add("whole", "ko", [0.5] * 8)
        folder.add("whole", "ru", [0.5] * 8)
        folder.add("part", "ko", [0.5] * 8)
    a.add("part", "ru", [0.5] * 8)
    b.add("part", "ru", [0.5] * 8, scores={}, status="failed")
    rows = {(row.label, row.language): row for row in changes(a, b)}
    assert ("whole", "mean") in rows and ("part", "mean") not in rows
    failed = rows["part", "ru"]
    assert (failed.a, failed.b, failed.difference, failed.p, failed.note) == (0.5, None, None, None, "failed in B")


def test_without_scores_of_queries_a_row_is_compared_and_not_tested(a, b):
    for folder in (a, b):
        for language in ("ko", "ru"):
            folder.add("mean", language, [0.5] * 8)
    b.scores.clear()
    rows = changes(a, b)
    assert [(row.language, row.difference, row.p, row.note) for row in rows] == [
        (language, 0, None, "no scores of single queries") for language in ("ko", "ru", "mean")
    ]


def test_seeds_are_averaged_query_by_query_and_other_seeds_are_told(a, b):
    a.add("random", "ko", [0.9, 0.1, 0.9, 0.5], seed=1)
    a.add("random", "ko", [0.3, 0.9, 0.9, 0.5], seed=2)
    b.add("random", "ko", [0.4] * 4, seed=1)
    [row] = changes(a, b)
    assert (row.a, row.b) == (pytest.approx(0.625), 0.4) and row.p == 2 / 16
    assert row.note == "seeds 1, 2 in A, 1 in B"


def test_seeds_that_share_a_measurement_count_once(a, b):
    for folder, seeds in ((a, (1, 2)), (b, (7,))):
        for seed in seeds:
            folder.add("mean", "ko", [0.5] * 8, seed=seed, key="one")
    [row] = changes(a, b)
    assert (row.note, row.equal) == ("", True)


def test_rows_match_by_table_method_and_label(a, b):
    a.add("sembridge", "ko", [0.5], bridge="x", alpha=2.0)
    b.add("sembridge", "ko", [0.5], bridge="x", alpha=4.0)
    a.add("mean", "ko", [0.5])
    b.add("mean", "ko", [0.5], label="mean (overlap exact)")
    for language in ("ko", "ru"):
        a.add("ofa", language, [0.5], regime="fine-tuned")
    assert changes(a, b) == []
    assert [(lone.folder, lone.label, lone.languages, lone.other_label) for lone in matched(a, b).lone] == [
        ("A", "sembridge (α=2)", ("ko",), ""),
        ("A", "mean", ("ko",), "mean (overlap exact)"),
        ("A", "ofa", ("ko", "ru"), ""),
        ("B", "sembridge (α=4)", ("ko",), ""),
        ("B", "mean (overlap exact)", ("ko",), "mean"),
    ]


def test_other_queries_are_refused(a, b):
    a.add("mean", "ko", [0.5] * 8)
    b.add("mean", "ko", [0.5] * 7)
    problem = "faq, ko: A has 8 queries and B 7; scores over different queries cannot be compared"
    with pytest.raises(ValueError, match=problem):
        changes(a, b)
    b.cells[0] = replace(b.cells[0], queries=None)
    with pytest.raises(ValueError, match=r"A has 8 queries and B 7, and the query 'q7' is in one of them alone"):
        changes(a, b)
    b.cells.clear()
    b.add("mean", "ko", [0.5] * 8, ids=(*IDS[:7], "other"))
    with pytest.raises(ValueError, match=r"A has 8 queries and B 8, and the query 'other' is in one of them alone"):
        changes(a, b)


def test_other_documents_are_told(a, b):
    for method in ("mean", "ofa"):
        a.add(method, "ko", [0.5] * 8)
        b.add(method, "ko", [0.5] * 8, documents=29)
    [note] = matched(a, b).notes
    assert note.startswith("faq, ko: A has 30 documents and B 29;")


def test_a_cell_twice_is_refused(a, b):
    for _ in range(2):
        a.add("mean", "ko", [0.5])
    with pytest.raises(ValueError, match="A: more than one record for the cell ko_bert_faq_mean_zero-shot_s1"):
        matched(a, b)


def test_no_bit_depends_on_the_order_of_cells(a, b):
    rng = np.random.default_rng(5)
    for method in ("x", "y", "z"):
        for language in ("ko", "ru"):
            a.add(method, language, rng.random(8))
            b.add(method, language, rng.random(8))
    first = {(row.label, row.language): row for row in changes(a, b)}
    a.cells.reverse()
    assert {(row.label, row.language): row for row in changes(a, b)} == first


def test_rows_that_differ_in_their_vectors_alone_are_two_rows(a, b):
    for folder, scores in ((a, {"": 0.5, "idf": 0.25}), (b, {"": 0.75, "idf": 0.5})):
        for vectors, score in scores.items():
            folder.add("m", "ko", [score] * 8, vectors=vectors, key=f"m {vectors}")
    assert {change.label: (change.a, change.b) for change in changes(a, b)} == {
        "m": (0.5, 0.75),
        "m (idf)": (0.25, 0.5),
    }
