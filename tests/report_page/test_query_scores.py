"""Scores of queries: averaged over seeds, with intervals that a plain bootstrap confirms."""

from __future__ import annotations

import random
from statistics import fmean

import pyarrow.parquet as pq
import pytest

from harness.report_page.folder import FolderError, ResultsFolder
from harness.report_page.query_scores import QueryScores
from tests.helpers.results_made import record_of, results_of

FIRST = [0.0, 0.2, 0.4, 0.9, 1.0, 0.1, 0.5, 0.3]
SECOND = [0.4, 0.2, 0.0, 0.9, 0.8, 0.1, 0.5, 0.5]


def test_a_row_of_two_seeds_is_their_mean_query_by_query(tmp_path):
    cells = [(record_of("random", "ko", own, seed=seed), own) for seed, own in ((1, FIRST), (2, SECOND))]
    folder = ResultsFolder(results_of(tmp_path, cells))
    [group] = folder.groups
    read = QueryScores(folder.path).of(group.cells("random", "ko"))
    assert read.ids == [f"q{number:02d}" for number in range(8)]
    assert read.ndcg == pytest.approx([(a + b) / 2 for a, b in zip(FIRST, SECOND, strict=True)])


def test_the_interval_is_that_of_a_bootstrap_over_queries(tmp_path):
    folder = ResultsFolder(results_of(tmp_path, [(record_of("mean", "ko", FIRST), FIRST)]))
    [group] = folder.groups
    score, low, high = QueryScores(folder.path).intervals(group, "ko")["mean"]
    dice = random.Random(1)
    means = sorted(fmean(dice.choices(FIRST, k=len(FIRST))) for _ in range(20_000))
    assert score == pytest.approx(fmean(FIRST))
    assert low == pytest.approx(means[500], abs=0.015) and high == pytest.approx(means[-501], abs=0.015)


def test_a_row_with_a_seed_that_failed_has_no_interval(tmp_path):
    made = record_of("mean", "ko", FIRST)
    failed = type(made)(record_of("mean", "ko", FIRST, seed=2).identity, "key", "mean", False, "failed", "a reason")
    folder = ResultsFolder(results_of(tmp_path, [(made, FIRST)], others=[failed]))
    [group] = folder.groups
    assert QueryScores(folder.path).intervals(group, "ko") == {}


def test_a_file_that_is_not_one_is_refused(tmp_path):
    (tmp_path / "queries.parquet").write_bytes(b"no parquet")
    with pytest.raises(FolderError, match=r"queries\.parquet cannot be read \(.*\); run `sembridge-bench report`"):
        QueryScores(tmp_path)


def test_rows_that_differ_in_their_vectors_alone_keep_their_own_scores(tmp_path):
    cells = [(record_of("mean", "ko", own, vectors=vectors), own) for vectors, own in (("", FIRST), ("idf", SECOND))]
    folder = ResultsFolder(results_of(tmp_path, cells))
    [group] = folder.groups
    intervals = QueryScores(folder.path).intervals(group, "ko")
    assert {label: own.score for label, own in intervals.items()} == pytest.approx(
        {"mean": fmean(FIRST), "mean (idf)": fmean(SECOND)}
    )
    assert [group.score(label, "ko") for label in intervals] == pytest.approx([fmean(FIRST), fmean(SECOND)])


def test_a_folder_of_a_version_without_vectors_is_read(tmp_path):
    results = results_of(tmp_path, [(record_of("mean", "ko", FIRST), FIRST)])
    table = pq.read_table(results / "queries.parquet")
    pq.write_table(table.drop_columns(["vectors"]), results / "queries.parquet")
    folder = ResultsFolder(results)
    [group] = folder.groups
    assert QueryScores(results).of(group.cells("mean", "ko")).ndcg.tolist() == FIRST
