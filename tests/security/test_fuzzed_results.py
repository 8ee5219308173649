"""A damaged results folder makes the page and the comparison of what its files say, or one line that names a file."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from harness.cli.refusal import RefusedError
from harness.cli.search.texts import read_queries
from harness.report_page import page
from harness.report_page.folder import ResultsFolder
from harness.results.folders_compared import compare
from harness.results.matched_rows import MEASURE, match
from harness.results.query_scores import read
from harness.results.scored_cells import read_cells
from tests.helpers.fuzzing import Place, answers, folder_of, fuzz, mutations, overwritten
from tests.helpers.results_made import record_of, results_of

PAGE = (
    "cells.csv",
    "queries.parquet",
    "significance.csv",
    "tables/summary.md",
    "tables/faq_zero-shot_bert.csv",
    "convergence.csv",
)


def results(folder: Path) -> None:
    scores = dict.fromkeys(("ndcg@10", "recall@100", "mrr@10"), 0.25)
    statistics = dict.fromkeys(("query_active", "doc_active", "flops"), 1.0)
    curve = [{"step": step, "pairs": step, "scores": scores, "statistics": statistics} for step in (0, 9)]
    rows = {"a": [0.1, 0.9, 0.4], "b": [0.2, 0.7, 0.4], "bm25": [0.0, 1.0, 0.5]}
    cells = []
    for name, own in rows.items():
        for language in ("ko", "ru"):
            made = record_of(name, language, own)
            cells.append((replace(made, provenance={"about": {"curve": curve}}) if name != "bm25" else made, own))
    results_of(folder, cells)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    made = folder_of(results)
    return {name.removeprefix("results/"): made[name] for name in made if name.startswith("results/")}


@pytest.fixture(scope="module")
def whole(files, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(mutations(content), overwritten(content))


@pytest.mark.parametrize("name", ["cells.csv", "queries.parquet"])
def test_comparisons(files, whole, name, request):
    def check(content: bytes) -> None:
        with Place(files).with_file(name, content) as folder:

            def compared() -> None:
                for change in compare(
                    match(read_cells(whole), read_cells(folder)), read(whole, MEASURE), read(folder, MEASURE)
                ):
                    assert change.b is None or 0 <= change.b <= 1, change
                    assert change.p is None or 0 <= change.p <= 1, change

            answers(compared, ValueError)

    check(files[name])
    fuzz(request, f"compare: {name}", damaged(files[name]), check, 25)


@pytest.mark.parametrize("name", PAGE)
def test_pages(files, name, request, monkeypatch):
    monkeypatch.setattr(page.interval_section, "pieces", lambda folder, scores: iter(_intervals(folder, scores)))
    monkeypatch.setattr(page.tradeoff_section, "pieces", lambda folder: iter(()))

    def check(content: bytes) -> None:
        with Place(files).with_file(name, content) as folder:
            answers(functools.partial(page.page, ResultsFolder(folder)), ValueError, exactly=False)

    assert name in files
    check(files[name])
    fuzz(request, f"page: {name}", damaged(files[name]), check, 15)


def _intervals(folder, scores):
    """Read what the drawings show, without the time that it takes to draw them."""
    for group in folder.groups:
        for language in group.languages:
            for interval in scores.intervals(group, language).values():
                assert 0 <= interval.low <= interval.score <= interval.high <= 1 or abs(interval.score) <= 1
    return ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.jsonl", '{"_id": "a", "text": "첫 번째"}\n{"_id": "b", "text": "two"}\n'.encode()),
        ("q.tsv", "a\t첫 번째\nb\ttwo\n".encode()),
    ],
)
def test_queries_of_a_run(name, content, request):
    def check(changed: bytes) -> None:
        with Place({}).with_file(name, changed) as folder:

            def asked() -> None:
                for identifier, text in read_queries(folder / name).items():
                    assert identifier.split() == [identifier] and text.strip()

            answers(asked, RefusedError)

    check(content)
    fuzz(request, f"queries: {name}", mutations(content), check)
