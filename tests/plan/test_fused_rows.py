"""Rows fused with bm25: planned from the cells they fuse, with the keys of all others as they were."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from harness.plan.load_preset import load_preset
from harness.plan.plan import Cell, plan
from harness.plan.preset import PresetError
from harness.store.store import Store
from tests.helpers.paths import PRESETS


@pytest.fixture
def cells_of(own_data):
    def make(*overrides: str, **choices) -> list[Cell]:
        return plan(load_preset("own-data", PRESETS, [f"data={own_data}", *overrides], {"languages": ["ru"]} | choices))

    return make


def test_a_fused_cell_reads_the_two_cells_and_changes_none(cells_of):
    grid = {"initializers": ["sembridge", "mean", "bm25"], "alphas": [2.0, 4.0], "seeds": [1, 2]}
    plain = cells_of(**grid)
    fused = cells_of(**grid, fusion=["sembridge"])
    assert [cell for cell in fused if not cell.identity.initializer.startswith("rrf-")] == plain
    by_identity = {cell.identity: cell for cell in fused}
    rows = [cell for cell in fused if cell.identity.initializer == "rrf-sembridge"]
    assert len(rows) == sum(cell.identity.initializer == "sembridge" for cell in plain) == 2 * 2 * 2
    for cell in rows:
        names = {"initializer": "sembridge"}
        row = by_identity[type(cell.identity)(**vars(cell.identity) | names)]
        bm25 = next(other for other in fused if other.identity.initializer == "bm25")
        assert {name: source.key for name, source in cell.artifact.inputs.items() if name != "collection"} == {
            "bm25": bm25.artifact.key,
            "row": row.artifact.key,
        }
        assert (cell.label, cell.reference, cell.artifact.stage.name) == ("rrf(bm25, sembridge)", True, "fusion")
        assert cell.artifact.parameters == {"k": 100, "constant": 60}
        assert cell.artifact.inputs["collection"].key == bm25.artifact.inputs["collection"].key


def test_any_row_but_bm25_can_be_fused_whether_bm25_is_a_row_or_not(cells_of, own_data):
    named = f"references.ready.model={own_data}/source"
    cells = cells_of(named, initializers=["dense", "base", "ready"], fusion=["ready", "dense", "base"])
    labels = list(dict.fromkeys(cell.label for cell in cells))
    assert labels[:3] == ["dense (bridge)", "base", "ready"]
    assert labels[3:] == ["rrf(bm25, dense (bridge))", "rrf(bm25, base)", "rrf(bm25, ready)"]


def test_shards_are_merged_before_they_are_fused(cells_of):
    cells = cells_of("evaluation.shares=2", initializers=["mean"], fusion=["mean"], regimes=["zero-shot"])
    row, fused = cells
    assert fused.artifact.inputs["row"] == row.artifact and "share-0001" not in fused.artifact.inputs


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {"fusion": ["maen"]},
            "fusion: 'maen' is not a row of this grid; did you mean 'mean'? known: base, mean; or add",
        ),
        (
            {"fusion": ["bm25"]},
            "fusion: bm25 is what each of its rows is fused with; name the other rows, known: mean,",
        ),
        ({"fusion": ["mean"], "initializers": ["bm25"]}, "fusion: 'mean' is not a row of this grid; add it to init"),
        ({"fusion": ["mean", "mean"]}, "fusion: mean is given twice"),
    ],
)
def test_what_cannot_be_fused_is_refused_in_one_line(cells_of, choices, message):
    with pytest.raises(PresetError) as error:
        cells_of(**{"initializers": ["mean", "base", "bm25"]} | choices)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_row_of_that_name_is_refused(cells_of, own_data):
    named = f"references.rrf-mean.model={own_data}/source"
    with pytest.raises(PresetError, match="'rrf-mean', as a row that exists already; choose another name for that one"):
        cells_of(named, initializers=["mean", "rrf-mean"], fusion=["mean"])


def test_the_store_makes_it_from_the_stored_runs(cells_of, tmp_path):
    store = Store(tmp_path / "store")
    store.create()
    row, fused = cells_of(initializers=["base"], fusion=["base"], regimes=["zero-shot"])
    store.make(fused.artifact)
    parts = [fused.artifact.inputs["bm25"], row.artifact]
    assert all(map(store.has, parts)), "what it is made from is made with it"
    scores: dict[str, dict[str, float]] = {}
    for part in parts:
        for query, document, rank in lines(store.path(part)):
            own = scores.setdefault(query, {})
            own[document] = own.get(document, 0.0) + 1 / (60 + rank)
    rankings: dict[str, list[str]] = {}
    for query, document, _ in lines(store.path(fused.artifact)):
        rankings.setdefault(query, []).append(document)
    assert rankings == {
        query: sorted(own, key=lambda name: (-round(own[name], 12), name))[:100] for query, own in scores.items()
    }


def lines(folder: Path) -> list[tuple[str, str, int]]:
    """Query, document and rank on each line of a stored run."""
    columns = (line.split() for line in gzip.decompress((folder / "run.trec.gz").read_bytes()).decode().splitlines())
    return [(query, document, int(rank)) for query, _, document, rank, _, _ in columns]


@pytest.mark.slow
def test_fused_rows_of_a_run_stand_with_the_references_of_both_stages(command, tmp_path):
    """The fused cells come after those they read: in a new store nothing is there before."""
    options = ["--languages", "ru", "--initializers", "univariate", "bm25", "--fusion", "univariate"]
    code, _, err = command(*options, "--set", "training.batch_size=8", "--set", "training.epochs=1")
    assert code == 0, err
    with (tmp_path / "results" / "cells.csv").open(encoding="utf-8") as file:
        fused = [row for row in csv.DictReader(file) if row["initializer"] == "rrf-univariate"]
    assert [(row["regime"], row["label"], row["status"]) for row in fused] == [
        (regime, "rrf(bm25, univariate)", "ok") for regime in ("zero-shot", "fine-tuned")
    ]
    assert fused[0]["key"] != fused[1]["key"]
    for regime in ("zero-shot", "fine-tuned"):
        (table,) = (tmp_path / "results" / "tables").glob(f"*{regime}*.csv")
        with table.open(encoding="utf-8") as file:
            rows = [row[:2] for row in csv.reader(file)]
        assert rows[1:] == [["univariate", "no"], ["bm25", "yes"], ["rrf(bm25, univariate)", "yes"]]


def test_a_row_with_options_of_vectors_is_fused_with_them(cells_of):
    options = {"initializers": ["mean", "bm25"], "fusion": ["mean"], "regimes": ["zero-shot"]}
    cells = cells_of("evaluation.query_idf=[false,true]", **options)
    fused = {cell.identity.vectors: cell for cell in cells if cell.identity.initializer.startswith("rrf")}
    own = {cell.identity.vectors: cell for cell in cells if cell.identity.initializer == "mean"}
    assert fused.keys() == own.keys() == {"", "idf"}
    for vectors, cell in fused.items():
        assert cell.artifact.inputs["row"].key == own[vectors].artifact.key and cell.reference
    (plain,) = [cell for cell in cells_of(**options) if cell.identity.initializer.startswith("rrf")]
    assert plain.artifact.key == fused[""].artifact.key != fused["idf"].artifact.key
