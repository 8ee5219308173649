"""Names of measures are those of cells.csv, and every one of them can be asked for."""

from __future__ import annotations

import pytest

from harness.results.export import COLUMNS
from harness.results.record import MEASURES
from harness.results.tables.measures import KNOWN, NAMES, check_measure, further, suffix


def test_every_measure_is_a_column_of_cells_csv_and_scores_are_scores():
    assert set(KNOWN) <= set(COLUMNS) and set(KNOWN) == set(NAMES) - {"active"}
    assert [name for name, about in KNOWN.items() if about.score] == list(MEASURES)


def test_further_measures_come_once_in_the_order_of_cells_csv():
    assert further([]) == further(["ndcg@10"]) == []
    assert further(["flops", "active", "doc_active", "recall@100"]) == [
        "recall@100", "query_active", "doc_active", "flops",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "nearest"), [("ndcg", "ndcg@10"), ("recal@100", "recall@100"), ("FLOPS", "flops"), ("act", "active")]
)
def test_an_unknown_name_is_refused_with_the_nearest(typed, nearest):
    with pytest.raises(
        ValueError, match=f"^unknown measure '{typed}': did you mean '{nearest}'\\? known: active, doc_"
    ):
        check_measure(typed)


def test_files_of_the_main_measure_have_plain_names():
    assert [suffix(name) for name in ("ndcg@10", "flops")] == ["", "_flops"]
