"""Rows that a grid is about to remove or replace are counted and named; what stays is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.results.earlier import earlier_cells, lost_rows
from harness.results.export import write_results
from harness.results.measurement import failed, not_computed
from harness.results.record import OK, Identity, Record
from sembridge.options import AUTOMATIC

BASE = Identity("ko", "bert", "faq", "sembridge", "bge", 4.0, "zero-shot", 1)


def written(folder, identities):
    """Write finished cells with the keys k0, k1, ...; their artifacts are not needed for cells.csv."""
    records = [
        Record(
            identity,
            f"k{n}",
            identity.initializer,
            False,
            OK,
            scores={"ndcg@10": 0.5, "recall@100": 0.5, "mrr@10": 0.5},
        )
        for n, identity in enumerate(identities)
    ]
    write_results(folder, records, lambda record: None)
    return {record.key for record in records}


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


def test_the_same_grid_loses_nothing(results):
    identities = [
        replace(BASE, seed=seed, alpha=alpha, initializer=name, bridge=bridge)
        for seed in (1, 2)
        for alpha, name, bridge in ((4.0, "sembridge", "bge"), (AUTOMATIC, "signet", "=1+1"), (None, "@mean", ""))
    ]
    keys = written(results, identities)
    assert len(earlier_cells(results / "cells.csv")) == 6
    assert lost_rows(results, identities, keys) == []
    assert lost_rows(results, [*identities, replace(BASE, language="ru")], keys | {"more"}) == []


def test_removed_rows_are_counted_and_named(results):
    identities = [replace(BASE, language=language) for language in ("ar", "hi", "ko", "ru", "zh")]
    keys = written(results, identities)
    assert lost_rows(results, identities[:4], keys) == [
        f"--results {results} holds 1 row of an earlier grid that this grid does not have ({identities[4].name}); it "
        "removes it, with runs and tables; to keep it, give another folder with --results"
    ]
    (sentence,) = lost_rows(results, identities[4:], keys)
    names = ", ".join(identity.name for identity in identities[:3])
    assert f"holds 4 rows of an earlier grid that this grid does not have ({names} and 1 more); it removes" in sentence


def test_rows_of_other_settings_are_replaced(results):
    identities = [BASE, replace(BASE, seed=2)]
    written(results, identities)
    (sentence,) = lost_rows(results, identities, {"k0", "other"})
    assert sentence == (
        f"--results {results} holds 1 row that this grid computes from other settings, inputs or versions "
        f"({identities[1].name}); it replaces it; to keep it, give another folder with --results"
    )


def test_a_row_without_a_score_is_not_lost_by_a_new_key(results):
    records = failed(BASE, "k0", "a", False, "no"), not_computed(replace(BASE, seed=2), "k1", "a", False, "")
    write_results(results, records, lambda record: None)
    assert lost_rows(results, [BASE, replace(BASE, seed=2)], {"k7"}) == []
    assert len(lost_rows(results, [BASE], {"k7"})) == 1


@pytest.mark.parametrize("content", [None, "", "a,b\n1,2\n", "language,architecture\nko\n", "\x00\n"])
def test_a_file_that_is_not_ours_has_no_rows(results, content):
    results.mkdir()
    if content is not None:
        (results / "cells.csv").write_text(content)
    assert lost_rows(results, [BASE], set()) == []
