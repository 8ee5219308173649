"""The summary: means over languages worked out by hand, the marks of the tables, gaps that nobody can overlook."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace

from harness.results.export import write_results
from harness.results.record import NOT_COMPUTED, Record
from harness.results.tables.strata_tables import Split
from harness.results.tables.summary import make_summary, to_files
from harness.results.tables.table import Table, make_tables
from harness.results.tables.terminal import to_text


def summary(records: Sequence[Record]) -> dict[str, Table]:
    return make_summary(records, unsplit(make_tables(records)), "ndcg@10")


def unsplit(tables: Sequence[Table]) -> dict[str, Split]:
    return {table.name: Split(table) for table in tables}


def texts(table: Table) -> dict[str, list[str]]:
    return {row.label: [cell.text for cell in row.cells] for row in table.rows}


def two_methods(record, **coordinates) -> list[Record]:
    """Means over ko and ru: mean .3 and .6, ofa .4 and .5, bm25 .9 and .9."""
    scores = {"bm25": ((0.9, 0.9), (0.9, 0.9)), "mean": ((0.2, 0.4), (0.5, 0.7)), "ofa": ((0.3, 0.5), (0.4, 0.6))}
    return [
        record(name, language, ndcg, regime=regime, reference=name == "bm25", **coordinates)
        for name, by_regime in scores.items()
        for regime, values in zip(("zero-shot", "fine-tuned"), by_regime, strict=True)
        for language, ndcg in zip(("ko", "ru"), values, strict=True)
    ]


def test_methods_by_collection_and_regime_with_the_mean_over_languages(record):
    [table] = summary(two_methods(record)).values()
    assert table.title == "Mean nDCG@10 over ko, ru; bert, seed 0"
    assert table.columns == ("pocket-faq, zero-shot", "pocket-faq, fine-tuned")
    assert texts(table) == {"mean": ["0.300", "0.600"], "ofa": ["0.400", "0.500"], "bm25": ["0.900", "0.900"]}
    assert [[cell.best for cell in row.cells] for row in table.rows] == [[False, True], [True, False], [False, False]]
    assert [row.reference for row in table.rows] == [False, False, True] and table.note == ""


def test_a_block_for_each_architecture(record):
    records = [*two_methods(record), *two_methods(record, architecture="roberta")]
    blocks = summary(records)
    assert list(blocks) == ["bert", "roberta"] and blocks["roberta"].title.endswith("; roberta, seed 0")
    files = to_files(blocks)
    rows = list(csv.DictReader(files[".csv"].splitlines()))
    assert [(row["architecture"], row["method"], row["reference"]) for row in rows[2:5]] == [
        ("bert", "bm25", "yes"),
        ("roberta", "mean", "no"),
        ("roberta", "ofa", "no"),
    ]
    assert rows[1]["pocket-faq, zero-shot"] == "0.400"
    assert files[".md"].count("| ofa | **0.400** | 0.500 |") == 2 == files[".tex"].count("\\begin{table}")


def test_a_language_that_failed_or_is_missing_leaves_no_mean_and_is_named(record):
    records = [
        record("mean", "ko", 0.2),
        record("mean", "ru", 0.4),
        record("ofa", "ko", 0.9),
        record("ofa", "ru", None),
        record("focus", "ko", 0.9),
        record("mean", "ko", 0.5, regime="fine-tuned"),
        record("mean", "ru", 0.5, regime="fine-tuned"),
    ]
    [table] = summary(records).values()
    assert texts(table) == {"mean": ["0.300", "0.500"], "ofa": ["failed", "–"], "focus": ["–", "–"]}
    assert [row.cells[0].best for row in table.rows] == [True, False, False]
    for sentence in (
        "No mean of ofa on pocket-faq, zero-shot: ru failed.",
        "No mean of focus on pocket-faq, zero-shot: ru not computed.",
        "No mean of ofa on pocket-faq, fine-tuned: not computed.",
    ):
        assert sentence in table.note
        assert all(sentence in content for form, content in to_files({"bert": table}).items() if form != ".csv")


def test_columns_of_other_languages_say_so(record):
    records = [record(language="ko"), record(language="ru"), record(language="ko", collection="miracl")]
    [table] = summary(records).values()
    assert table.title == "Mean nDCG@10 over the languages of each column; bert, seed 0"
    assert table.note == "Languages: pocket-faq, zero-shot: ko, ru; miracl, zero-shot: ko."


def test_many_missing_means_are_counted(record):
    there = [record(f"m{number}", "ko", 0.5) for number in range(7)]
    of_ru = [replace(each, identity=replace(each.identity, language="ru")) for each in there]
    absent = [replace(each, status=NOT_COMPUTED, scores={}) for each in of_ru]
    [table] = summary([*there, *absent]).values()
    assert {cell.text for row in table.rows for cell in row.cells} == {"–"}
    count = "Not complete: 7 of 14 cells are computed; –: a cell, or a cell of a mean, is missing."
    assert table.note == f"{count} 7 means are missing; cells.csv says which cells."


def test_several_seeds(record):
    """The seeds' means over languages are .3 and .4."""
    scores = {("ko", 0): 0.2, ("ko", 1): 0.4, ("ar", 0): 0.4, ("ar", 1): 0.4}
    [table] = summary([record("a", language, ndcg, seed=seed) for (language, seed), ndcg in scores.items()]).values()
    assert table.title.endswith("over ko, ar; bert, seeds 0, 1") and texts(table) == {"a": ["0.350 ± 0.071"]}


def test_a_cell_has_the_mark_of_its_table(record):
    records = two_methods(record)
    first, *others = make_tables(records)
    row = first.rows[0]
    marked = replace(row, cells=(*row.cells[:-1], replace(row.cells[-1], undecided=True)))
    tables = [replace(first, rows=(marked, *first.rows[1:])), *others]
    [table] = make_summary(records, unsplit(tables), "ndcg@10").values()
    assert [cell.undecided for cell in table.rows[0].cells] == [True, False]
    assert table.note.startswith("†: not shown to be below the best of its column")


def test_on_a_terminal_a_column_stands_below_the_parts_of_its_name(record):
    [table] = summary(two_methods(record)).values()
    assert to_text(table).splitlines() == [
        "Encoder bert: nDCG@10 (0 to 1, higher is better); each number is a mean over the languages ko, ru;",
        "seed 0.",
        "        ----- pocket-faq -----",
        "method  zero-shot   fine-tuned",
        "------------------------------",
        "mean        0.300        0.600*",
        "ofa         0.400*       0.500",
        "------------------------------",
        "bm25        0.900        0.900",
    ]


def test_a_run_writes_it_and_a_run_without_cells_removes_it(record, tmp_path):
    written = write_results(tmp_path, two_methods(record), lambda _: None)
    files = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "tables").glob("summary.*")}
    assert files == {f"summary{form}": content for form, content in to_files(written.summary).items()}
    assert files["summary.md"].split("\n")[0] == "# Mean nDCG@10 over ko, ru; bert, seed 0"
    assert "\n## Mean nDCG@10 over ko, ru" in (tmp_path / "tables" / "all.md").read_text(encoding="utf-8")
    write_results(tmp_path, [], lambda _: None)
    assert not list((tmp_path / "tables").glob("summary.*"))
