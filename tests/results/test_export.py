"""The folder of results: its files, their content, and that they are whole, reproducible and current."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.results.export import write_results
from harness.results.record import MEASURES, OK, Record

COLUMNS = (
    "language,architecture,collection,initializer,bridge,alpha,regime,seed,ndcg@10,recall@100,mrr@10,"
    "query_active,doc_active,flops,unknown_documents,unknown_queries,unknown_pairs,documents,queries,train_pairs,seconds,status,error,label,key,"
    "ndcg@10_low,ndcg@10_middle,ndcg@10_high,queries_low,queries_middle,queries_high,"
    "vectors,query_idf,max_active_query,max_active_document,mass_query,mass_document,weight_bits,index_bytes"
)


@pytest.fixture
def artifact_of(tmp_path):
    """Makes a cell's artifact on demand, as the store would hold it."""

    def make(record: Record) -> Path | None:
        if record.status != OK:
            return None
        folder = (
            tmp_path / "store" / f"key={record.key.replace('/', '-')}"
        )  # '=': no reader may take it for a partition
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "run.trec.gz").write_bytes(gzip.compress(f"q1 Q0 d1 1 {record.scores['ndcg@10']} x\n".encode()))
            scores = {name: [value, 0.0] for name, value in record.scores.items()}
            pq.write_table(pa.table({"extra": [1, 2], "query_id": ["q2", "q1"], **scores}), folder / "queries.parquet")
        return folder

    return make


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def grid(record) -> list[Record]:
    return [
        record("sembridge", "ko", 0.421, bridge="BAAI/bge-m3", alpha=4.0, label="semantic bridge"),
        record("ofa", "ko", None),
        record("bm25", "ko", 0.1 + 0.2, reference=True),
    ]


def test_the_files_and_nothing_else(tmp_path, record, artifact_of):
    written = write_results(tmp_path / "out", grid(record), artifact_of)
    content_by_file = contents(tmp_path / "out")
    assert set(content_by_file) == {
        "cells.csv",
        "queries.parquet",
        "significance.csv",
        "against.csv",
        "interactions.csv",
        "runs/ko_bert_pocket-faq_sembridge_BAAI--bge-m3_a4_zero-shot_s0.run",
        "runs/ko_bert_pocket-faq_bm25_zero-shot_s0.run",
        "tables/all.md",
        *(
            f"tables/{name}.{form}"
            for name in ("summary", "pocket-faq_zero-shot_bert")
            for form in ("md", "csv", "tex")
        ),
    }
    assert {str(path.relative_to(tmp_path / "out")) for path in written.files} == set(content_by_file)


def test_cells_csv(tmp_path, record, artifact_of):
    write_results(tmp_path, grid(record), artifact_of)
    assert (tmp_path / "cells.csv").read_text(encoding="utf-8").splitlines() == [
        COLUMNS,
        "ko,bert,pocket-faq,sembridge,BAAI/bge-m3,4.0,zero-shot,0,0.421,0.2105,0.10525,12.0,80.5,1.25,,,,,,,3.5,ok,,"
        "semantic bridge,"
        "key-of-ko_bert_pocket-faq_sembridge_BAAI/bge-m3_a4_zero-shot_s0,,,,,,,,false,,,,,,",
        "ko,bert,pocket-faq,ofa,,,zero-shot,0,,,,,,,,,,,,,0.0,failed,out of memory,ofa,"
        "key-of-ko_bert_pocket-faq_ofa_zero-shot_s0,,,,,,,,,,,,,,",
        "ko,bert,pocket-faq,bm25,,,zero-shot,0,0.30000000000000004,0.15000000000000002,0.07500000000000001,12.0,80.5,1.25,"
        ",,,,,,3.5,ok,,bm25,key-of-ko_bert_pocket-faq_bm25_zero-shot_s0,,,,,,,,false,,,,,,",
    ]


def test_cells_csv_tells_what_was_measured_and_trained_on(tmp_path, record):
    training = {"pairs": 500, "pairs_used": 64}
    trained = replace(
        record("sembridge"), provenance={"documents": 1200, "queries": 40, "about": {"training": training}}
    )
    write_results(
        tmp_path,
        [trained, replace(record(), provenance={"documents": 1200, "queries": 40, "about": {}})],
        lambda _: None,
    )
    rows = list(csv.DictReader((tmp_path / "cells.csv").open()))
    assert [[row[name] for name in ("documents", "queries", "train_pairs")] for row in rows] == [
        ["1200", "40", "64"],
        ["1200", "40", ""],
    ]


def test_numpy_numbers_are_numbers(tmp_path, record):
    write_results(tmp_path, [replace(record(), scores={"ndcg@10": np.float64(0.25)})], lambda _: None)
    [row] = csv.DictReader((tmp_path / "cells.csv").open())
    assert (row["ndcg@10"], row["recall@100"]) == ("0.25", "")


def test_errors_of_any_content_survive(tmp_path, record):
    error = 'Traceback:\n  "a, b"\n\udcff'
    write_results(tmp_path, [replace(record(ndcg=None), error=error)], lambda _: None)
    with (tmp_path / "cells.csv").open(newline="", encoding="utf-8") as lines:
        [row] = csv.DictReader(lines)
    assert row["error"] == 'Traceback:\n  "a, b"\n\\udcff'


def test_tables_agree_with_all_md(tmp_path, record, artifact_of):
    records = [*grid(record), record("ofa", regime="fine-tuned")]
    write_results(tmp_path, records, artifact_of)
    everything = (tmp_path / "tables/all.md").read_text(encoding="utf-8")
    assert everything.startswith("# Results\n\n")
    single = [path.read_text(encoding="utf-8") for path in (tmp_path / "tables").glob("pocket-faq_*.md")]
    assert len(single) == 2
    assert all("\n#" + text.partition("\n\nBold: ")[0] in everything for text in single)
    assert everything.index("zero-shot") < everything.index("fine-tuned")
    assert "\\textbf{0.421}" in (tmp_path / "tables/pocket-faq_zero-shot_bert.tex").read_text(encoding="utf-8")
    assert "semantic bridge,no,0.421\n" in (tmp_path / "tables/pocket-faq_zero-shot_bert.csv").read_text(
        encoding="utf-8"
    )


def test_marks_are_in_every_form_and_their_numbers_in_significance_csv(tmp_path, record, artifact_of):
    """Two queries, of which one has the same score: p is 1, whatever the difference."""
    written = write_results(
        tmp_path, [*grid(record), record("mean", "ko", 0.4), record("mean", "ru", 0.4)], artifact_of
    )
    names = {".md": "| 0.400† |", ".tex": "0.400\\rlap{$^{\\dagger}$}", ".csv": "mean,no,0.400,0.400,0.400"}
    for form, expected in names.items():
        assert expected in (tmp_path / f"tables/pocket-faq_zero-shot_bert{form}").read_text(encoding="utf-8")
    everything = (tmp_path / "tables/all.md").read_text(encoding="utf-8")
    assert "| 0.400† |" in everything and "†: not shown to be below" in everything
    [table] = written.tables
    assert table.note and [cell.undecided for row in table.rows for cell in row.cells if row.label == "mean"] == [
        False,
        True,
        False,
    ]
    with (tmp_path / "significance.csv").open(encoding="utf-8") as lines:
        [row] = csv.DictReader(lines)
    assert [row[name] for name in ("table", "column", "best", "method")] == [
        "pocket-faq_zero-shot_bert",
        "ko",
        "semantic bridge",
        "mean",
    ]
    assert float(row["difference"]) == pytest.approx((0.421 - 0.4) / 2) and (
        row["p"],
        row["p_holm"],
        row["queries"],
    ) == ("1.0", "1.0", "2")


def test_cells_over_different_queries_are_refused_before_anything_is_written(tmp_path, record, artifact_of):
    records = [record("a", "ko", 0.5), record("b", "ko", 0.25)]
    pq.write_table(pa.table({"query_id": ["q2"], "ndcg@10": [0.25]}), artifact_of(records[1]) / "queries.parquet")
    with pytest.raises(ValueError, match="a and b cannot be compared"):
        write_results(tmp_path / "out", records, artifact_of)
    assert not (tmp_path / "out").exists()


def test_runs_are_plain_text(tmp_path, record, artifact_of):
    write_results(tmp_path, grid(record), artifact_of)
    assert (
        tmp_path / "runs/ko_bert_pocket-faq_bm25_zero-shot_s0.run"
    ).read_bytes() == b"q1 Q0 d1 1 0.30000000000000004 x\n"


def test_queries_parquet(tmp_path, record, artifact_of):
    write_results(tmp_path, grid(record), artifact_of)
    table = pq.read_table(tmp_path / "queries.parquet")
    assert table.column_names == [*COLUMNS.split(",")[:8], "query_id", *MEASURES, "share", "stratum", "vectors"]
    rows = table.to_pylist()
    assert [(row["initializer"], row["query_id"], row["ndcg@10"]) for row in rows] == [
        ("sembridge", "q2", 0.421),
        ("sembridge", "q1", 0.0),
        ("bm25", "q2", 0.1 + 0.2),
        ("bm25", "q1", 0.0),
    ]
    assert [(row["bridge"], row["alpha"], row["seed"]) for row in rows[1:3]] == [("BAAI/bge-m3", 4.0, 0), ("", None, 0)]


def test_without_artifacts_there_are_still_tables(tmp_path, record):
    write_results(tmp_path, grid(record), lambda _: None)
    assert list((tmp_path / "runs").iterdir()) == []
    assert "**0.421**" in (tmp_path / "tables/all.md").read_text(encoding="utf-8")
    assert pq.read_table(tmp_path / "queries.parquet").num_rows == 0


def test_no_records(tmp_path):
    write_results(tmp_path, [], lambda _: None)
    assert (tmp_path / "cells.csv").read_text() == COLUMNS + "\n"


def test_same_records_same_bytes(tmp_path, record, artifact_of):
    first = write_results(tmp_path / "a", grid(record), artifact_of)
    second = write_results(tmp_path / "b", grid(record), artifact_of)
    write_results(tmp_path / "b", grid(record), artifact_of)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert first == second._replace(files=[tmp_path / "a" / path.relative_to(tmp_path / "b") for path in second.files])


def test_a_reader_in_the_middle_of_a_file_keeps_that_file(tmp_path, record, artifact_of):
    write_results(tmp_path, grid(record), artifact_of)
    paths = [path for path in tmp_path.rglob("*") if path.is_file() and "store" not in path.parts]
    before = {path: path.read_bytes() for path in paths}
    opened = {path: path.open("rb") for path in paths}
    write_results(
        tmp_path, [replace(row, scores={"ndcg@10": 0.125}, error="x" * 9) for row in grid(record)], artifact_of
    )
    for path, file in opened.items():
        with file:
            assert file.read() == before[path]


def test_a_failure_leaves_the_old_file_and_no_temporary_one(tmp_path, record, artifact_of):
    out = tmp_path / "out"
    write_results(out, grid(record), artifact_of)
    before = contents(out)
    broken = grid(record)[2]
    (artifact_of(broken) / "run.trec.gz").write_bytes(gzip.compress(b"x" * 100_000)[:-20])
    with pytest.raises(EOFError):
        write_results(out, grid(record), artifact_of)
    assert contents(out) == before


def test_a_failure_within_the_parquet_leaves_the_old_one(tmp_path, record, artifact_of):
    out = tmp_path / "out"
    write_results(out, grid(record), artifact_of)
    before = contents(out)
    pq.write_table(pa.table({"query_id": ["q"]}), artifact_of(grid(record)[2]) / "queries.parquet")
    with pytest.raises(KeyError):
        write_results(out, grid(record), artifact_of)
    assert contents(out) == before


def test_stale_files_go_and_others_stay(tmp_path, record, artifact_of):
    out = tmp_path / "out"
    write_results(out, [*grid(record), record("ofa", "ko", regime="fine-tuned", alpha=1.5)], artifact_of)
    others = ["tables/notes.md", "tables/my_own_table.tex", "runs/other_s0.run", "pocket-faq_fine-tuned_bert.md"]
    for name in others:
        (out / name).write_text("mine")
    assert (out / "runs/ko_bert_pocket-faq_ofa_a1.5_fine-tuned_s0.run").exists()
    failed_now = replace(record("bm25", "ko", None, reference=True))
    write_results(out, [*grid(record)[:2], failed_now], artifact_of)
    write_results(tmp_path / "fresh", [*grid(record)[:2], failed_now], artifact_of)
    assert contents(out) == contents(tmp_path / "fresh") | {name: b"mine" for name in others}


def test_a_foreign_cells_csv_removes_nothing(tmp_path, record, artifact_of):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/pocket-faq_fine-tuned_bert.md").write_text("mine")
    (tmp_path / "cells.csv").write_text("a,b\n1,2\n")
    write_results(tmp_path, grid(record), artifact_of)
    assert (tmp_path / "tables/pocket-faq_fine-tuned_bert.md").read_text() == "mine"


@pytest.mark.parametrize(
    "pair",
    [
        ({"bridge": "a/b"}, {"bridge": "a--b"}),
        ({"collection": "a_b", "regime": "c"}, {"collection": "a", "regime": "b_c", "seed": 1}),
    ],
)
def test_names_that_would_overwrite_each_other_are_refused_before_anything_is_written(
    tmp_path, record, artifact_of, pair
):
    with pytest.raises(ValueError, match="share the file name"):
        write_results(tmp_path / "out", [record(**settings) for settings in pair], artifact_of)
    assert not (tmp_path / "out").exists()
