"""The table of low and high queries: means by hand, which columns there are, what the notes say, the summary, files."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.results.export import write_results
from harness.results.tables.terminal import to_text

LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9


class World:
    """Cells with scores of queries, and the shares of the queries of their language."""

    def __init__(self, folder: Path, record) -> None:
        self.folder, self.record = folder, record
        self.records: list = []
        self.shares: dict[str, list[float | None]] = {}
        self._artifacts: dict[str, Path] = {}

    def add(self, method: str, language: str, values: list[float], **settings) -> None:
        cell = self.record(method, language, sum(values) / len(values), **settings)
        artifact = self.folder / "store" / str(len(self.records))
        artifact.mkdir(parents=True)
        (artifact / "run.trec.gz").write_bytes(gzip.compress(b""))
        ids = [f"q{number:02d}" for number in range(len(values))]
        columns = {name: values for name in ("ndcg@10", "recall@100", "mrr@10")}
        pq.write_table(pa.table({"query_id": ids, **columns}), artifact / "queries.parquet")
        self._artifacts[cell.key] = artifact
        self.records.append(cell)

    def fail(self, method: str, language: str) -> None:
        self.records.append(self.record(method, language, None))

    def write(self, name: str = "results"):
        def shares_of(record):
            own = self.shares.get(record.identity.language)
            return None if own is None else {f"q{number:02d}": share for number, share in enumerate(own)}

        return write_results(
            self.folder / name, self.records, lambda record: self._artifacts.get(record.key), shares_of
        )

    def text(self, name: str) -> str:
        return (self.folder / "results" / name).read_text(encoding="utf-8")


@pytest.fixture
def world(tmp_path, record) -> World:
    return World(tmp_path, record)


def crossing(world: World, *languages: str) -> None:
    """`meaning` leads in 5 low queries and trails in 6 high ones; 4 are in the middle, one has no words."""
    for language in languages:
        world.shares[language] = [LOW] * 5 + [HIGH] * 6 + [MIDDLE] * 4 + [None]
        spread = [number / 100 for number in range(6)]
        world.add("meaning", language, [0.4 + x for x in spread[:5]] + [0.2 + x for x in spread] + [0.3] * 4 + [1.0])
        world.add("identity", language, [0.1] * 5 + [0.8] * 6 + [0.3] * 4 + [0.0])
        world.add("bm25", language, [0.0] * 5 + [1.0] * 10 + [0.0], reference=True)


def test_low_and_high_stand_side_by_side_below_the_table(world):
    crossing(world, "ko")
    names = [table.name for table in world.write().tables]
    assert names == ["pocket-faq_zero-shot_bert", "pocket-faq_zero-shot_bert_strata"]
    lines = world.text("tables/pocket-faq_zero-shot_bert_strata.md").splitlines()
    assert lines[0] == (
        "# pocket-faq, zero-shot, bert: nDCG@10 of queries that share few words with their answers (low) or most of "
        "them (high)"
    )
    assert lines[2].startswith(
        "pocket-faq, zero-shot (as initialized), encoder bert: nDCG@10 (0 to 1, higher is better); "
    )
    assert lines[4:] [:6] == [
        "| method | ko, low | ko, high |",
        "| :--- | ---: | ---: |",
        "| meaning | **0.420** | 0.225† |",  # 6 queries: p = 2 / 64 for each of two pairs
        "| identity | 0.100† | **0.800** |",
        "| *for reference* |  |  |",
        "| bm25 | 0.000 | 1.000 |",
    ]  # fmt: skip
    note = lines[-3]
    assert note.startswith("Queries: ko 5 low, 4 middle, 6 high; a column needs 5. meaning minus identity is +0.320 ")
    assert "+0.320 in low and -0.575 in high on ko; these differ (p = 0.00" in note and note.count("†: ") == 1
    assert world.text("tables/all.md").index("zero-shot, bert: nDCG@10\n") < world.text("tables/all.md").index(
        "(high)\n"
    )


def test_several_languages_have_means_and_each_stratum_only_the_columns_that_it_fills(world):
    crossing(world, "ko", "ar")
    world.shares["ru"] = [LOW] * 4 + [HIGH] * 6
    for method in ("meaning", "identity"):
        world.add(method, "ru", [0.5] * 4 + [0.25] * 6)
    world.add("bm25", "ru", [0.5] * 10, reference=True)
    _, table = world.write().tables
    assert table.columns == (
        "mean, low", "mean, high", "ko, low", "ko, high", "ar, low", "ar, high", "ru, high",
    )  # fmt: skip
    meaning = {column: cell.value for column, cell in zip(table.columns, table.rows[0].cells, strict=True)}
    assert meaning["mean, low"] == pytest.approx(0.42)
    assert meaning["mean, high"] == pytest.approx((0.225 + 0.225 + 0.25) / 3)
    assert "; ru 4 low, 0 middle, 6 high; a column needs 5." in table.note
    assert "in the mean over ko, ar; these differ" in table.note
    [summary] = world.write().summary.values()
    assert summary.columns == tuple(f"pocket-faq, zero-shot, {part}" for part in ("all", "low", "high"))
    assert [cell.text for cell in summary.rows[0].cells[1:]] == ["0.420", "0.233"]
    assert summary.rows[0].cells[1].best and not summary.rows[0].cells[2].best
    assert "pocket-faq: low over ko, ar (fewer than 5 such queries in the others)." in summary.note


def test_a_collection_of_one_stratum_has_no_second_table_and_says_so_in_its_columns(world):
    world.shares["ko"] = [LOW] * 6 + [None]
    world.add("meaning", "ko", [0.5] * 7)
    written = world.write()
    [table] = written.tables
    assert table.note == "All queries are low, by the words they share with their answers."
    assert written.summary["bert"].columns == ("pocket-faq, zero-shot, all low",)
    assert world.text("interactions.csv").count("\n") == 1


def test_too_few_low_and_high_queries_are_counted_in_the_note(world):
    world.shares["ko"] = [LOW] * 4 + [MIDDLE] * 20 + [HIGH] * 3
    world.add("meaning", "ko", [0.5] * 27)
    written = world.write()
    [table] = written.tables
    assert table.note == "Too few low and high queries for columns of their own: ko 4 low, 20 middle, 3 high."
    assert written.summary["bert"].columns == ("pocket-faq, zero-shot",)


def test_one_stratum_that_is_large_enough_has_a_column(world):
    world.shares["ko"] = [MIDDLE] * 20 + [HIGH] * 5
    world.add("meaning", "ko", [0.5] * 20 + [0.75] * 5)
    _, table = world.write().tables
    assert table.columns == ("ko, high",) and [cell.text for cell in table.rows[0].cells] == ["0.750"]


def test_without_shares_nothing_is_split(world):
    world.add("meaning", "ko", [0.5] * 6)
    written = world.write()
    assert [table.note for table in written.tables] == [""]
    assert written.summary["bert"].columns == ("pocket-faq, zero-shot",)
    assert world.text("cells.csv").splitlines()[1].endswith("_s0,,,,,,,,false,,,,,,")


def test_a_failed_language_leaves_no_mean_and_seeds_are_averaged(world):
    crossing(world, "ko")
    world.shares["ru"] = world.shares["ko"]
    world.fail("meaning", "ru")
    world.add("identity", "ru", [0.5] * 16)
    world.add("identity", "ru", [0.7] * 5 + [0.5] * 11, seed=1)
    world.add("identity", "ko", [0.2] * 5 + [0.8] * 11, seed=1)
    written = world.write()
    rows = {row.label: [cell.text for cell in row.cells] for row in written.tables[1].rows}
    assert rows["meaning"] == ["–", "–", "0.420", "0.225", "failed", "failed"]
    assert rows["identity"][2] == "0.150 ± 0.071" and rows["identity"][4] == "0.600 ± 0.141"
    assert rows["identity"][0] == "0.375 ± 0.106"  # the means of the seeds are .3 and .45
    summary = {row.label: [cell.text for cell in row.cells] for row in written.summary["bert"].rows}
    assert summary["meaning"] == ["failed"] * 3 and summary["identity"][1] == "0.375 ± 0.106"


def test_files_for_further_use(world):
    crossing(world, "ko")
    world.write()
    with (world.folder / "results" / "cells.csv").open(encoding="utf-8") as lines:
        cells = list(csv.DictReader(lines))
    assert float(cells[0]["ndcg@10_low"]) == pytest.approx(0.42)
    assert [cells[0][f"ndcg@10_{name}"] for name in ("middle", "high")] == ["0.3", "0.225"]
    assert [cells[0][f"queries_{name}"] for name in ("low", "middle", "high")] == ["5", "4", "6"]
    queries = pq.read_table(world.folder / "results" / "queries.parquet").to_pylist()
    assert [(row["share"], row["stratum"]) for row in queries[4:6]] == [(LOW, "low"), (HIGH, "high")]
    assert (queries[15]["share"], queries[15]["stratum"]) == (None, None)
    with (world.folder / "results" / "significance.csv").open(encoding="utf-8") as lines:
        rows = [(row["table"], row["column"], row["best"], row["queries"]) for row in csv.DictReader(lines)]
    name = "pocket-faq_zero-shot_bert"
    assert rows == [
        (name, "ko", "identity", "16"),
        (f"{name}_strata", "ko, low", "meaning", "5"),
        (f"{name}_strata", "ko, high", "identity", "6"),
    ]
    with (world.folder / "results" / "interactions.csv").open(encoding="utf-8") as lines:
        [row] = csv.DictReader(lines)
    assert (row["table"], row["column"], row["method"], row["other"]) == (f"{name}_strata", "ko", "meaning", "identity")
    assert float(row["interaction"]) == pytest.approx(0.32 + 0.575)


def test_the_same_scores_give_the_same_bytes_and_a_table_that_is_gone_is_removed(world):
    crossing(world, "ko", "ru")
    world.write("results"), world.write("again")
    contents = [
        {path.relative_to(world.folder / name): path.read_bytes() for path in (world.folder / name).rglob("*.*")}
        for name in ("results", "again")
    ]
    assert contents[0] == contents[1] and len(list((world.folder / "results" / "tables").glob("*_strata.*"))) == 3
    world.shares.clear()
    world.write()
    assert not list((world.folder / "results" / "tables").glob("*_strata.*"))


def test_the_legend_says_in_one_sentence_what_the_columns_ask_for(world):
    crossing(world, "ko")
    world.write()
    sentence = (
        "low: queries that share less than a third of their words with every relevant document, so meaning decides; "
        "high: queries that share two thirds or more of their words with a relevant document, so shared words help."
    )
    for name in ("all", "summary", "pocket-faq_zero-shot_bert_strata"):
        assert world.text(f"tables/{name}.md").count(sentence) == 1
    assert "low: " not in world.text("tables/pocket-faq_zero-shot_bert.md")


def test_a_terminal_shows_the_strata_below_the_languages(world):
    crossing(world, "ko", "ru")
    _, table = world.write().tables
    lines = to_text(table).splitlines()
    assert lines[3:7] == [
        "          ---- mean ----   ---- ko -----   ---- ru -----",
        "method      low     high     low    high     low    high",
        "--------------------------------------------------------",
        "meaning   0.420*  ↓0.225   0.420*  0.225†  0.420*  0.225†",
    ]
    assert max(map(len, lines)) <= 100


def test_rows_below_bm25_are_marked_in_each_stratum_and_both_strata_are_corrected_together(world):
    """Low: both rows are above bm25. High: both are below it, by 12 queries in the mean (p = 2 / 4096)."""
    crossing(world, "ko", "ru")
    written = world.write()
    _, table = written.tables
    mean_high = [False, True, *[False] * 4]
    marked = {row.label: [cell.below for cell in row.cells] for row in table.rows}
    assert marked == {"meaning": mean_high, "identity": mean_high, "bm25": [False] * 6}
    assert table.note.count("↓: below bm25") == 1 and table.note.count("†: ") == 1
    [summary] = written.summary.values()
    assert [cell.below for cell in summary.rows[0].cells] == [False, False, True]
    assert "↓: below bm25, by the test of that column's own table." in summary.note
    rows = [row for row in csv.DictReader(world.text("against.csv").splitlines()) if ", " in row["column"]]
    # two rows in ko, ru and the mean, in two strata: a family of twelve, of which two have the smallest p
    assert len(rows) == 12 and {row["baseline"] for row in rows} == {"bm25"}
    assert [float(row["p_holm"]) for row in rows if row["column"] == "mean, high"] == [12 * 2 / 4096] * 2


def test_the_verdict_is_on_all_queries_and_stands_in_the_summary(world):
    crossing(world, "ko", "ru")
    [sentence] = world.write().verdict
    # identity: (5 x .1 + 6 x .8 + 4 x .3) / 16 = .406, meaning .353, bm25 .625
    assert sentence == (
        "pocket-faq, zero-shot, bert: the best row, identity, is not shown to differ from bm25 in ko, ru."
    )
    assert sentence in world.text("tables/summary.md") and sentence in world.text("tables/all.md")
