"""Equal warnings of many cells become one line, as cells finish and in the results."""

from __future__ import annotations

from dataclasses import replace

from harness.results.export import write_results
from harness.results.warnings import NewWarnings, lines

UNKNOWN = "75.2% of the tokens of the documents are unknown; give a tokenizer"
ACTIVE = "documents have 1,930 of 2,000 dimensions active (97%)"


def test_one_line_for_the_cells_of_a_collection_and_language(record):
    records = [
        replace(record("mean"), warnings=(UNKNOWN, ACTIVE)),
        replace(record("random"), warnings=(UNKNOWN, ACTIVE.replace("1,930", "1,500"))),
        replace(record("ofa"), warnings=(UNKNOWN,)),
        replace(record("mean", "hi"), warnings=(UNKNOWN.replace("75.2", "8.0"),)),
        record("focus"),
    ]
    assert lines(records) == [
        f"warning: ko_bert_pocket-faq_mean_zero-shot_s0 and 2 more cells: {UNKNOWN}",
        f"warning: ko_bert_pocket-faq_mean_zero-shot_s0 and 1 more cell: {ACTIVE}",
        "warning: hi_bert_pocket-faq_mean_zero-shot_s0: 8.0% of the tokens of the documents are unknown; "
        "give a tokenizer",
    ]
    assert lines([record()]) == []


def test_a_cell_that_finishes_tells_what_is_new(record):
    new = NewWarnings()
    first, second, other = (record(*names).identity for names in (("mean",), ("random",), ("mean", "hi")))
    assert new.of(first, [UNKNOWN]) == [f"warning: {first.name}: {UNKNOWN}"]
    assert new.of(second, [UNKNOWN.replace("75.2", "75.1"), ACTIVE]) == [f"warning: {second.name}: {ACTIVE}"]
    assert new.of(second, [ACTIVE]) == []
    assert new.of(other, [UNKNOWN]) == [f"warning: {other.name}: {UNKNOWN}"]


def test_the_results_repeat_them(tmp_path, record):
    warned = replace(record(), warnings=(UNKNOWN,), unknown={"documents": 0.752, "queries": 0.5})
    written = write_results(tmp_path, [warned], lambda _: None)
    line = f"warning: {warned.identity.name}: {UNKNOWN}"
    assert written.warnings == [line]
    for name in ("summary.md", "all.md"):
        assert f"- {line}\n" in (tmp_path / "tables" / name).read_text(encoding="utf-8")
    header, row = (line.split(",") for line in (tmp_path / "cells.csv").read_text(encoding="utf-8").splitlines())
    values = dict(zip(header, row, strict=True))
    assert [values[f"unknown_{name}"] for name in ("documents", "queries", "pairs")] == ["0.752", "0.5", ""]
    write_results(tmp_path, [record()], lambda _: None)
    assert "warning" not in (tmp_path / "tables" / "all.md").read_text(encoding="utf-8")
