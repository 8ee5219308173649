"""One drawing for both kinds of comparisons gives the bits that two drawings give."""

from __future__ import annotations

import numpy as np
import pytest

from harness.results import resampling
from harness.results.tables import baselines_compared, marked_table, significance
from harness.results.tables.baselines_compared import Place
from harness.results.tables.marked_table import Family, mark_table
from harness.results.tables.significance import Scores
from harness.results.tables.table import make_tables, row_labels

PLACE = Place("pocket-faq", "zero-shot", "bert")


@pytest.mark.parametrize(("methods", "further"), [(3, 0), (9, 0), (3, 300)])
@pytest.mark.parametrize("references", [(), ("bm25",), ("bm25", "base", "dense")])
@pytest.mark.parametrize("most_kept", [0, marked_table.MOST_KEPT])
def test_both_comparisons_are_those_made_apart(record, monkeypatch, methods, further, references, most_kept):
    """Families of few and of many hypotheses, so that either comparison may need more draws than the other."""
    monkeypatch.setattr(marked_table, "MOST_KEPT", most_kept)
    rng, scores, records = np.random.default_rng(3), {}, []
    for name in (*(f"m{number}" for number in range(methods)), *references):
        for language in ("ko", "ru", "ar"):
            values = rng.random(40)
            row = record(name, language, float(values.mean()), reference=name in references)
            scores[row.key] = Scores([f"q{number}" for number in range(40)], values)
            records.append(row)
    [table] = make_tables(records)
    baselines = baselines_compared.baselines(row_labels(records))
    marked, comparisons, against = mark_table(table, PLACE, baselines, scores.get, Family(further, 0))
    apart, of_best = significance.mark(table, scores.get, further)
    of_baselines = baselines_compared.compare(table, PLACE, baselines, scores.get)
    assert comparisons == of_best and against == of_baselines
    assert marked == baselines_compared.mark(apart, of_baselines)
    assert Family.of(table, baselines) == (significance.pairs(table), len(of_baselines))


@pytest.mark.parametrize(("most_kept", "times"), [(0, 2), (marked_table.MOST_KEPT, 1)])
def test_a_table_is_drawn_once_unless_that_is_too_large_to_be_kept(record, monkeypatch, most_kept, times):
    monkeypatch.setattr(marked_table, "MOST_KEPT", most_kept)
    scores, records = {}, []
    for name in ("a", "b", "bm25"):
        row = record(name, "ko", 0.5, reference=name == "bm25")
        scores[row.key] = Scores(["q"], np.array([0.5]))
        records.append(row)
    [table] = make_tables(records)
    drawn, sample = [], resampling.sample
    monkeypatch.setattr(resampling, "sample", lambda *given: drawn.append(given[1]) or sample(*given))
    mark_table(table, PLACE, baselines_compared.baselines(row_labels(records)), scores.get)
    assert drawn == ["ko"] * times
