"""The command with the row `dense`: one reference row per bridge, in the tables of both stages, computed once."""

import pandas as pd
import pytest


@pytest.mark.slow
def test_bridges_as_rows_of_both_tables(command, own_data, tmp_path):
    options = [
        "--languages",
        "ru",
        "--initializers",
        "univariate",
        "dense",
        "--set",
        f"bridges.second.model={own_data}/bridge",
    ]
    options += [
        "--set",
        "bridges.second.query_prompt='19 '",
        "--set",
        "training.batch_size=8",
        "--set",
        "training.epochs=1",
    ]
    code, _, err = command(*options)
    assert code == 0, err
    cells = pd.read_csv(tmp_path / "results" / "cells.csv")
    dense = cells[cells["initializer"] == "dense"]
    assert list(dense["label"]) == ["dense (bridge)", "dense (second)"] * 2 and set(dense["status"]) == {"ok"}
    assert dense["key"].nunique() == 2 and dense.groupby("label")["ndcg@10"].nunique().eq(1).all()
    assert dense[["query_active", "doc_active", "flops"]].isna().all(axis=None)
    assert (dense["recall@100"] > 0.5).all(), "the bridge knows every word"
    for stage in ("zero-shot", "fine-tuned"):
        (table,) = (tmp_path / "results" / "tables").glob(f"*{stage}*.csv")
        rows = pd.read_csv(table).iloc[:, :2].to_numpy().tolist()
        assert rows == [["univariate", "no"], ["dense (bridge)", "yes"], ["dense (second)", "yes"]]
