"""Scores against active dimensions: which rows no other beats in both, and which have their names."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from harness.report_page.folder import ResultsFolder
from harness.report_page.tradeoff_section import MOST_NAMED, pieces, points, unbeaten
from tests.helpers.results_made import record_of, results_of

NUMBERS = st.integers(1, 6)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8))
def test_a_row_is_left_out_if_another_is_as_good_in_both_and_better_in_one(made):
    rows = {f"r{number}": (float(active), score / 10) for number, (active, score) in enumerate(made)}

    def beaten(own: tuple[float, float]) -> bool:
        return any(a <= own[0] and s >= own[1] and (a, s) != own for a, s in rows.values())

    kept = unbeaten(rows)
    assert {rows[label] for label in kept} == {own for own in rows.values() if not beaten(own)}
    assert [rows[label] for label in kept] == sorted(rows[label] for label in kept)


def grid(tmp_path, count: int) -> ResultsFolder:
    scores = {f"m{number:02d}": (number + 1) / (count + 1) for number in range(count)}
    cells = [
        (record_of(name, "ko", [score, score], active=10.0 + (number * 37) % 100), [score, score])
        for number, (name, score) in enumerate(scores.items())
    ]
    return ResultsFolder(results_of(tmp_path, [*cells, (record_of("bm25", "ko", [0.5, 0.5]), [0.5, 0.5])]))


def test_each_row_has_its_name_and_its_dimensions_and_rows_without_are_lines(tmp_path):
    folder = grid(tmp_path, 3)
    [plot] = pieces(folder)
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", plot)
    assert {"m00", "m01", "m02", "bm25", "10", "47", "84"} <= set(texts) and plot.count("stroke-dasharray") == 1
    assert points(folder.groups[0], "ko") == {"m00": (10.0, 0.25), "m01": (47.0, 0.5), "m02": (84.0, 0.75)}


def test_of_many_rows_those_that_none_beats_have_names(tmp_path):
    folder = grid(tmp_path, 40)
    [plot] = pieces(folder)
    texts = set(re.findall(r"<text[^>]*>(m\d\d)</text>", plot))
    front = unbeaten(points(folder.groups[0], "ko"))
    assert texts == set(front[-MOST_NAMED:]) and 1 < len(texts) <= MOST_NAMED
    assert f"{len(texts)} of 40 rows have names and color: the best that no other beats." in plot and plot.count(
        "<use"
    ) == len(texts)
    [points_without_name] = re.findall(r'd="([^"]*)"[^>]*stroke-linecap:round', plot)
    assert points_without_name.count("M") == 40 - len(texts)
