"""Cells read from a file of their own; hostile files, as the command refuses them, are in test_damaged_results.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.results.export import COLUMNS
from harness.results.scored_cells import ScoredCell, read_cells

FIELDS = {"language": "ko", "architecture": "bert", "collection": "faq", "initializer": "mean", "bridge": "labse"}
FIELDS |= {"alpha": "1.5", "regime": "zero-shot", "seed": "3", "label": "mean, again", "key": "k1", "status": "ok"}
FIELDS |= {"ndcg@10": "0.25", "recall@100": "0.5", "mrr@10": "", "documents": "12", "queries": "4", "train_pairs": ""}
CELL = ScoredCell(
    "ko", "bert", "faq", "mean", "labse", 1.5, "zero-shot", 3, "mean, again", "k1", "ok",
    {"ndcg@10": 0.25, "recall@100": 0.5}, 12, 4, None,
)  # fmt: skip


def table(*rows: dict[str, str]) -> str:
    lines = [FIELDS, *({**FIELDS, **row} for row in rows)]
    head = ",".join(FIELDS)
    return "\n".join([head, *(",".join(f'"{value}"' for value in line.values()) for line in lines)]) + "\n"


@pytest.fixture
def cells(tmp_path: Path):
    def read(content: str) -> list[ScoredCell]:
        (tmp_path / "cells.csv").write_text(content, encoding="utf-8")
        return read_cells(tmp_path)

    return read


def test_cells_of_a_folder_or_of_the_file_itself(cells, tmp_path):
    assert cells(table()) == [CELL] == read_cells(tmp_path / "cells.csv")


def test_a_failed_cell_has_no_scores_whatever_its_columns_hold(cells):
    failed = {"status": "failed", "alpha": "", "documents": "", "queries": "", "ndcg@10": "not looked at"}
    expected = dataclasses.replace(CELL, alpha=None, status="failed", scores={}, documents=None, queries=None)
    assert cells(table(failed)) == [CELL, expected]


def test_further_columns_and_any_order_of_columns(cells):
    lines = table().splitlines()
    assert cells("\n".join([f"weather,{lines[0]}", f"x,{lines[1]}"])) == [CELL]
    assert set(FIELDS) <= set(COLUMNS)  # those that a run writes


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"ndcg@10": "nan"}, "a score is not from 0 to 1"),
        ({"ndcg@10": "1.5"}, "a score is not from 0 to 1"),
        ({"alpha": "inf"}, "alpha is not a finite number"),
        ({"mrr@10": "half"}, "could not convert string to float: 'half'"),
        ({"seed": ""}, r"invalid literal for int\(\) with base 10: ''"),
        ({"documents": "1.5"}, r"invalid literal for int\(\)"),
        ({"train_pairs": '1","2'}, "more than 17 columns"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(cells, row, reason):
    with pytest.raises(
        ValueError, match=rf"cells\.csv, line 3 cannot be read \({reason}.*\); run the grid's command ag"
    ):
        cells(table(row))


def test_files_that_are_not_of_a_run(cells, tmp_path):
    own = r"; give the folder that a run wrote with --results$"
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(ValueError, match=rf"^RESULTS '{path}' has no cells\.csv{own}"):
            read_cells(path)
    for content in ("", table().splitlines()[0] + "\n"):
        with pytest.raises(ValueError, match=rf"cells\.csv holds no cells{own}"):
            cells(content)
    with pytest.raises(ValueError, match=r"cells\.csv has no column 'regime'; run the grid's command again to rewrite"):
        cells(table().replace("regime", "stage"))
    (tmp_path / "cells.csv").write_bytes(b"language\n\xff\n")
    with pytest.raises(ValueError, match=rf"cells\.csv is not a CSV in UTF-8 \(.*\){own}"):
        read_cells(tmp_path)
