"""The command from options to tables, on a small world: complete, repeatable, and not to be killed."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.paths import ROOT

pytestmark = pytest.mark.slow

SMALL = ["--languages", "ru"]
for setting in ("focus.min_count=1", "focus.buckets=1000"):
    SMALL += ["--set", f"settings.{setting}"]
SMALL += ["--set", "training.batch_size=8", "--set", "training.learning_rate=0.001"]


def start(data: Path, folder: Path, *options: str, store: Path | None = None) -> subprocess.Popen:
    """The command as a person runs it, in a process group of its own."""
    script = ROOT / "experiments" / "run_grid.py"
    arguments = [sys.executable, str(script), "--preset", "own-data", "--set", f"data={data}", *SMALL]
    arguments += ["--store", str(store or folder / "store"), "--results", str(folder / "results"), *options]
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=400)
    return process.returncode, out, err


def outputs(folder: Path, *names: str) -> dict[str, bytes]:
    """Result files by relative name; the log and the seconds of cells.csv differ between runs and are left out."""
    found = {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted((folder / "results").rglob("*"))
        if p.is_file() and p.name != "run.log"
    }
    return {name: content for name, content in found.items() if not names or name.split("/")[1] in names}


@pytest.fixture(scope="module")
def whole(own_data, tmp_path_factory):
    """One complete run over every initializer and both stages."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, *finish(start(own_data, folder))


def test_every_cell_is_there(whole):
    folder, code, out, err = whole
    assert code == 0, err
    cells = pd.read_csv(folder / "results" / "cells.csv")
    assert len(cells) == 20 and set(cells["status"]) == {"ok"}
    assert list(cells.columns[:22]) == [
        "language", "architecture", "collection", "initializer", "bridge", "alpha", "regime", "seed",
        "ndcg@10", "recall@100", "mrr@10", "query_active", "doc_active", "flops",
        "unknown_documents", "unknown_queries", "unknown_pairs", "documents", "queries", "train_pairs",
        "seconds", "status",
    ]  # fmt: skip
    assert cells["ndcg@10"].between(0, 1).all() and cells["ndcg@10"].nunique() > 5
    assert (folder / "results" / "tables" / "all.md").is_file()
    assert len(list((folder / "results" / "runs").glob("*.run"))) == 20
    queries = pd.read_parquet(folder / "results" / "queries.parquet")
    assert len(queries) == 20 * 20
    means = queries.groupby(["initializer", "regime"])["ndcg@10"].mean()
    for row in cells.itertuples():
        assert means[row.initializer, row.regime] == pytest.approx(cells.loc[row.Index, "ndcg@10"], abs=1e-12)
    assert "own, fine-tuned (after training), encoder source: nDCG@10" in out and "tables/summary.md" in out
    assert re.search(r"; about \d+ (s|min)", out), "progress tells the remaining time"


def test_marks_follow_from_the_scores_of_the_queries(whole):
    """p once more, by scipy, from the two files that a person takes away."""
    from scipy import stats

    def mean_difference(x, y, axis):
        return x.mean(axis=axis) - y.mean(axis=axis)

    folder, _, out, _ = whole
    out, summary, _ = out.partition("\nEncoder source: nDCG@10 (0 to 1, higher is better); each number is a mean over")
    assert summary, "the last table"
    rows = pd.read_csv(folder / "results" / "significance.csv")
    assert set(rows["column"]) == {"ru"} and set(rows["table"]) == {"own_zero-shot_source", "own_fine-tuned_source"}
    queries = pd.read_parquet(folder / "results" / "queries.parquet")
    labels = dict(pd.read_csv(folder / "results" / "cells.csv")[["label", "initializer"]].itertuples(index=False))
    for row in rows.itertuples():
        stage = queries[queries["regime"] == row.table.split("_")[1]]
        best, method = (
            stage[stage["initializer"] == labels[name]].sort_values("query_id")["ndcg@10"].to_numpy()
            for name in (row.best, row.method)
        )
        assert (
            row.difference == pytest.approx((best - method).mean(), abs=1e-9)
            and row.difference >= 0
            and row.queries == 20
        )
        p = stats.permutation_test(
            (best, method), mean_difference, permutation_type="samples", vectorized=True, n_resamples=10_000, rng=1
        ).pvalue
        assert row.p == pytest.approx(p, abs=0.03)
    assert out.count("†: not shown to be below the best") == 2
    printed = re.findall(r"^(.+?) +↓?0\.\d{3}†$", out, re.MULTILINE)
    assert printed and sorted(printed) == sorted(rows[(rows["p_holm"] >= 0.05) & (rows["difference"] > 0)]["method"])


def test_run_files_give_the_scores_to_other_tools(whole, own_data):
    import ir_measures
    from ir_measures import RR, R, nDCG

    folder = whole[0]
    cells = pd.read_csv(folder / "results" / "cells.csv")
    lines = (own_data / "collections" / "ru" / "qrels" / "test.tsv").read_text().splitlines()[1:]
    qrels = [ir_measures.Qrel(q, d, int(score)) for q, d, score in (line.split("\t") for line in lines)]
    for cell in cells.itertuples():
        (path,) = (folder / "results" / "runs").glob(f"ru_source_own_{cell.initializer}_*{cell.regime}_s42.run")
        found = ir_measures.calc_aggregate([nDCG @ 10, RR @ 10, R @ 100], qrels, ir_measures.read_trec_run(str(path)))
        row = cells.loc[cell.Index]
        assert [found[nDCG @ 10], found[RR @ 10], found[R @ 100]] == pytest.approx(
            [row["ndcg@10"], row["mrr@10"], row["recall@100"]], abs=1e-9
        )


def test_the_same_command_again_computes_nothing(whole, own_data):
    folder, before = whole[0], outputs(whole[0])
    code, out, _ = finish(start(own_data, folder))
    assert code == 0 and "20 cells: 20 in the store, 0 to compute" in out
    assert "computed ru_" not in out and "Ray is ready" not in out
    assert outputs(folder) == before


def test_two_empty_stores_give_the_same_bits(whole, own_data, tmp_path):
    options = ["--initializers", "sembridge", "univariate", "base"]
    code, _, err = finish(start(own_data, tmp_path, *options))
    assert code == 0, err
    names = [p.name for p in (tmp_path / "results" / "runs").iterdir()]
    assert len(names) == 6
    assert outputs(tmp_path, *names) == outputs(whole[0], *names)


def test_a_failed_cell_is_recorded_and_the_others_go_on(own_data, whole, tmp_path):
    options = ["--regimes", "zero-shot", "--initializers", "focus", "mean"]
    code, out, err = finish(start(own_data, tmp_path, *options, "--set", "settings.focus.min_count=100000"))
    assert code == 1
    cells = pd.read_csv(tmp_path / "results" / "cells.csv").set_index("initializer")
    assert list(cells["status"]) == ["failed", "ok"] and "no token occurs 100000 times" in cells.loc["focus", "error"]
    assert re.search(r"focus +failed", out) and "failed: ru_source_own_focus" in err


@pytest.mark.parametrize("moment", ["shared]", "1/4 cells]", "3/4 cells]"])
def test_kill_and_repeat(own_data, whole, tmp_path, moment):
    """After kill -9 of the driver the same command gives the undisturbed table and computes no finished cell again."""
    options = ["--initializers", "sembridge", "mean"]
    first = start(own_data, tmp_path, *options)
    assert first.stdout is not None
    seen = []
    for line in first.stdout:
        seen.append(line)
        if moment in line:
            break
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    code, out, err = finish(start(own_data, tmp_path, *options))
    assert code == 0, err
    names = [p.name for p in (tmp_path / "results" / "runs").iterdir()]
    assert len(names) == 4
    assert outputs(tmp_path, *names) == outputs(whole[0], *names)
    log = (tmp_path / "results" / "run.log").read_text()
    computed = re.findall(r"computed (\S+):", log)
    assert len(computed) == len(set(computed)), "a finished cell was computed again"
    unwarned = "\n".join(line for line in out.splitlines() if not line.startswith("warning: "))
    for line in seen:
        if match := re.search(r"computed (\S+):", line):
            assert match.group(1) not in unwarned, "it was finished before"
