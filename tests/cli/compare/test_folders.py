"""`compare A B` through the command: what it prints, what it refuses, exit codes."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.results.export import write_results
from harness.results.record import OK, Identity, Record


@pytest.fixture
def folder(tmp_path):
    """Make a results folder: scores of single queries by (initializer, language)."""

    def make(name: str, scores: dict[tuple[str, str], list[float]], ids: list[str] | None = None) -> Path:
        records, artifacts = [], {}
        for (initializer, language), values in scores.items():
            identity = Identity(language, "bert", "help", initializer, "", None, "zero-shot", 1)
            mean = {measure: sum(values) / len(values) for measure in ("ndcg@10", "recall@100", "mrr@10")}
            counts = {"documents": 30, "queries": len(values), "about": {}}
            record = Record(identity, f"{name}-{identity.name}", initializer, False, OK, scores=mean, provenance=counts)
            artifact = artifacts[record.key] = tmp_path / record.key
            artifact.mkdir()
            (artifact / "run.trec.gz").write_bytes(gzip.compress(b""))
            columns = {measure: values for measure in mean}
            queries = ids or [f"q{number}" for number in range(len(values))]
            pq.write_table(pa.table({"query_id": queries, **columns}), artifact / "queries.parquet")
            records.append(record)
        write_results(tmp_path / name, records, lambda record: artifacts[record.key])
        return tmp_path / name

    return make


def lines(out: str) -> list[str]:
    return [re.sub(r"\s+", " ", line.strip()) for line in out.splitlines()]


def test_rows_marks_and_counts(command, folder):
    half = [0.5] * 8
    before = folder("before", {("up", "ko"): half, ("same", "ko"): half, ("some", "ko"): half, ("gone", "ko"): half})
    after = {("up", "ko"): [0.75] * 8, ("same", "ko"): half, ("some", "ko"): [0.25, *half[1:]], ("new", "ko"): half}
    after = folder("after", after)
    code, out, err = command("compare", before, after)
    assert (code, err) == (0, "")
    told = lines(out)
    assert told[:2] == [f"A: {before}", f"B: {after}"]
    start = told.index("help, zero-shot, bert")
    assert told[start:] == [
        "help, zero-shot, bert",
        "A B B - A",
        "[B > A] up ko 0.500 0.750 +0.250 [+0.250, +0.250]",
        "[B = A] same ko 0.500 0.500 +0.000 [+0.000, +0.000]",
        "[B ? A] some ko 0.500 0.469 -0.031 [-0.094, +0.000]",
        "",
        "only in A:",
        "help, zero-shot, bert: gone (ko)",
        "",
        "only in B:",
        "help, zero-shot, bert: new (ko)",
        "",
        "3 rows compared: 1 above A, 0 below A, 1 the same, 1 not shown to differ; methods only in A: 1, only in B: 1",
    ]
    assert command("compare", before, after, "--strict")[0] == 0
    code, out, _ = command("compare", after, before, "--strict")
    assert code == 1 and "[B < A] up" in " ".join(lines(out))


def test_names_of_a_folder_change_nothing_on_the_terminal(command, folder):
    a = folder("a", {("mean", "ko"): [0.5]})
    cells = (a / "cells.csv").read_text(encoding="utf-8")
    (a / "cells.csv").write_text(cells.replace(",mean,", ",me\x1b[2Jan,"), encoding="utf-8")
    _, out, _ = command("compare", a, a)
    assert "\x1b" not in out and "me\\x1b[2Jan" in out


def test_nothing_in_common_is_said_and_is_strictly_an_error(command, folder):
    a, b = folder("a", {("mean", "ko"): [0.5]}), folder("b", {("mean", "ru"): [0.5]})
    code, out, _ = command("compare", a, b)
    assert code == 0 and out.splitlines()[-1].startswith("0 rows compared: ") and "(ko)" in out and "(ru)" in out
    assert command("compare", a, b, "--strict")[0] == 1


def test_without_queries_parquet_rows_are_compared_and_not_tested(command, folder):
    a, b = folder("a", {("mean", "ko"): [0.5, 0.25]}), folder("b", {("mean", "ko"): [0.75, 0.25]})
    (b / "queries.parquet").unlink()
    _, out, _ = command("compare", a, b)
    assert "[-----] mean ko 0.375 0.500 +0.125 no scores of single queries" in lines(out)
    assert out.splitlines()[-1].endswith("0 not shown to differ, 1 not tested; methods only in A: 0, only in B: 0")


def test_what_cannot_be_compared_is_refused(command, folder, tmp_path):
    a, b = folder("a", {("mean", "ko"): [0.5, 0.25]}), folder("b", {("mean", "ko"): [0.75, 0.25]}, ["q0", "x"])

    def refused(*arguments: object) -> str:
        code, out, err = command("compare", *arguments)
        assert (code, out) == (2, "") and err.count("\n") == 1
        return err

    assert "help, ko: A has 2 queries and B 2, and the query 'q1' is in one of them alone; scores over" in refused(a, b)
    assert f"RESULTS '{tmp_path / 'none'}' has no cells.csv" in refused(a, tmp_path / "none")
    assert "RESULTS: 3 folders were given; give one, or two to compare" in refused(a, b, a)
    assert "--expected belongs to a comparison with published figures" in refused(a, b, "--expected", tmp_path / "x")
    assert "--catalog belongs to a comparison with published figures" in refused(a, b, "--catalog", tmp_path / "x")
    (b / "queries.parquet").write_bytes(b"nothing")
    assert "queries.parquet cannot be read (" in refused(a, b)
