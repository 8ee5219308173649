"""From records to tables: which rows and columns there are, what they are called, and which cell is the best."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from harness.results.record import NOT_COMPUTED, OK, Record
from harness.results.tables.table import Table, make_tables


def texts(table: Table) -> dict[str, list[str]]:
    return {row.label: [cell.text for cell in row.cells] for row in table.rows}


def best(table: Table) -> dict[str, list[bool]]:
    return {row.label: [cell.best for cell in row.cells] for row in table.rows}


def test_one_table_per_collection_stage_and_architecture(record):
    records = [
        record(collection=collection, regime=stage, architecture=architecture)
        for collection in ("pocket-faq", "miracl")
        for stage in ("zero-shot", "fine-tuned")
        for architecture in ("bert", "roberta")
    ]
    tables = make_tables(records)
    assert [table.name for table in tables][:3] == [
        "pocket-faq_zero-shot_bert",
        "pocket-faq_zero-shot_roberta",
        "pocket-faq_fine-tuned_bert",
    ]
    assert len(tables) == 8
    assert tables[0].title == "pocket-faq, zero-shot, bert: nDCG@10"


def test_columns_in_order_of_appearance_then_the_mean(record):
    [table] = make_tables([record(language="zh", ndcg=0.25), record(language="ar", ndcg=0.5)])
    assert table.columns == ("zh", "ar", "mean")
    assert texts(table) == {"mean": ["0.250", "0.500", "0.375"]}


def test_rows_keep_the_order_of_the_grid_in_every_table(record):
    records = [
        record("ofa"),
        record("random"),
        record("random", regime="fine-tuned"),
        record("ofa", regime="fine-tuned"),
    ]
    for table in make_tables(records):
        assert [row.label for row in table.rows] == ["ofa", "random"]


def test_references_come_last_and_are_never_best(record):
    [table] = make_tables([record("bm25", ndcg=0.9, reference=True), record("ofa", ndcg=0.3), record("mean", ndcg=0.2)])
    assert [(row.label, row.reference) for row in table.rows] == [("ofa", False), ("mean", False), ("bm25", True)]
    assert best(table) == {"ofa": [True, True], "mean": [False, False], "bm25": [False, False]}
    assert [row.label for row in table.references] == ["bm25"]


def test_the_exact_value_decides_and_exact_ties_are_all_best(record):
    [table] = make_tables([record("a", ndcg=0.42101), record("b", ndcg=0.42102), record("c", ndcg=0.42102)])
    assert texts(table) == {name: ["0.421", "0.421"] for name in "abc"}
    assert best(table) == {"a": [False, False], "b": [True, True], "c": [True, True]}


def test_each_column_has_its_own_best(record):
    [table] = make_tables(
        [record("a", "ko", 0.1), record("a", "ar", 0.8), record("b", "ko", 0.2), record("b", "ar", 0.3)]
    )
    assert best(table) == {"a": [False, True, True], "b": [True, False, False]}


def test_failed_and_missing_cells_leave_the_row_without_a_mean(record):
    records = [
        record("a", "ko", 0.4),
        record("a", "ar", 0.2),
        record("b", "ko", None),
        record("b", "ar", 0.9),
        record("c", "ko", 0.9),
    ]
    [table] = make_tables(records)
    assert texts(table) == {"a": ["0.400", "0.200", "0.300"], "b": ["failed", "0.900", "–"], "c": ["0.900", "–", "–"]}
    assert best(table) == {"a": [False, False, True], "b": [False, True, False], "c": [True, False, False]}


def test_a_column_without_a_value_has_no_best(record):
    [table] = make_tables([record("a", ndcg=None), record("b", ndcg=None)])
    assert best(table) == {"a": [False, False], "b": [False, False]}


def test_nan_is_shown_but_never_best(record):
    [table] = make_tables([record("a", ndcg=float("nan")), record("b", ndcg=0.1)])
    assert texts(table)["a"] == ["nan", "nan"]
    assert best(table) == {"a": [False, False], "b": [True, True]}


def test_seeds_are_averaged_with_their_deviation(record):
    # the means of the seeds over languages are .3 and .4: a smaller deviation than either language's own
    scores = {("ko", 0): 0.2, ("ko", 1): 0.4, ("ar", 0): 0.4, ("ar", 1): 0.4}
    [table] = make_tables([record("a", language, ndcg, seed=seed) for (language, seed), ndcg in scores.items()])
    assert texts(table) == {"a": ["0.300 ± 0.141", "0.400 ± 0.000", "0.350 ± 0.071"]}


def same_artifact(record, *scores: tuple[str, int, float]) -> list[Record]:
    """Cells of seeds that changed nothing: one artifact for each language."""
    return [
        replace(record("a", language, ndcg, seed=seed), key=f"key of {language}") for language, seed, ndcg in scores
    ]


def test_seeds_that_share_an_artifact_are_one_measurement(record):
    shared = same_artifact(record, ("ko", 0, 0.2), ("ko", 1, 0.2), ("ar", 0, 0.4), ("ar", 1, 0.4))
    [table] = make_tables(shared)
    assert texts(table) == {"a": ["0.200", "0.400", "0.300"]}
    assert [cell.keys for cell in table.rows[0].cells] == [("key of ko",), ("key of ar",), ()]


def test_a_mean_over_languages_varies_with_those_that_the_seed_changes(record):
    shared = same_artifact(record, ("ko", 0, 0.2), ("ko", 1, 0.2))
    [table] = make_tables([*shared, record("a", "ar", 0.4, seed=0), record("a", "ar", 0.6, seed=1)])
    assert texts(table) == {"a": ["0.200", "0.500 ± 0.141", "0.350 ± 0.071"]}


def test_a_failed_seed_fails_the_cell(record):
    [table] = make_tables([record("a", seed=0), record("a", ndcg=None, seed=1)])
    assert texts(table) == {"a": ["failed", "–"]}


def test_languages_with_different_seeds_have_a_mean_without_deviation(record):
    [table] = make_tables(
        [record("a", "ko", 0.2, seed=0), record("a", "ko", 0.4, seed=1), record("a", "ar", 0.5, seed=0)]
    )
    assert texts(table) == {"a": ["0.300 ± 0.141", "0.500", "0.400"]}


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        ([("BAAI/bge-m3", 4)], ["sembridge"]),
        ([("BAAI/bge-m3", 4), ("BAAI/bge-m3", 1.5)], ["sembridge (α=4)", "sembridge (α=1.5)"]),
        ([("BAAI/bge-m3", 4), ("LaBSE", 4)], ["sembridge (bge-m3)", "sembridge (LaBSE)"]),
        ([("BAAI/bge-m3", 4), ("LaBSE", 2)], ["sembridge (bge-m3, α=4)", "sembridge (LaBSE, α=2)"]),
        ([("mine/m3", 4), ("BAAI/m3", 4)], ["sembridge (mine/m3)", "sembridge (BAAI/m3)"]),
    ],
)
def test_labels_are_qualified_by_what_differs(record, settings, labels):
    records = [record("sembridge", bridge=bridge, alpha=alpha) for bridge, alpha in settings]
    [table] = make_tables([*records, record("mean")])
    assert [row.label for row in table.rows] == [*labels, "mean"]


def test_qualification_is_the_same_in_every_table(record):
    records = [
        record("sembridge", bridge="m3", alpha=4),
        record("sembridge", bridge="m3", alpha=2, regime="fine-tuned"),
    ]
    assert [[row.label for row in table.rows] for table in make_tables(records)] == [
        ["sembridge (α=4)"],
        ["sembridge (α=2)"],
    ]


def test_a_label_that_qualifies_itself_keeps_one_pair_of_parentheses(record):
    records = [record("ofa", bridge=bridge, label="ofa (bridge vectors)") for bridge in ("m3", "labse")]
    [table] = make_tables(records)
    assert [row.label for row in table.rows] == ["ofa (bridge vectors, m3)", "ofa (bridge vectors, labse)"]


def test_two_initializers_of_one_label_are_told_apart(record):
    [table] = make_tables([record("ofa", label="OFA"), record("ofa-mine", label="OFA")])
    assert [row.label for row in table.rows] == ["OFA (ofa)", "OFA (ofa-mine)"]


def test_other_measures(record):
    [table] = make_tables([record(ndcg=0.5)], measure="recall@100")
    assert table.title.endswith(": Recall@100")
    assert texts(table) == {"mean": ["0.250", "0.250"]}
    with pytest.raises(ValueError, match=r"unknown measure 'ndcg'.*ndcg@10"):
        make_tables([record()], measure="ndcg")


def test_a_score_that_was_not_computed_is_missing(record):
    bare = Record(record().identity, "key", "mean", False, OK)
    assert texts(make_tables([bare])[0]) == {"mean": ["–", "–"]}


def test_a_cell_given_twice_is_refused(record):
    with pytest.raises(ValueError, match=r"more than one record for the cell ko_bert_pocket-faq_mean_zero-shot_s0"):
        make_tables([record(ndcg=0.1), record(ndcg=0.2)])


def missing(record, *names: object, **coordinates: object) -> Record:
    whole = record(*names, **coordinates)
    return Record(whole.identity, whole.key, whole.label, whole.reference, NOT_COMPUTED)


def test_a_table_counts_what_is_there_unless_it_is_all(record):
    records = [record("a", "ko", 0.5), record("a", "ar", None), missing(record, "b", "ko"), missing(record, "b", "ar")]
    [table] = make_tables(records)
    assert texts(table) == {"a": ["0.500", "failed", "–"], "b": ["–", "–", "–"]}
    assert table.note.startswith("Not complete: 1 of 4 cells are computed, 1 failed; –: ")
    assert make_tables(records[:2])[0].note == ""


def test_no_mean_over_the_seeds_that_are_there(record):
    [table] = make_tables([record("a", ndcg=0.5, seed=0), missing(record, "a", seed=1)])
    assert texts(table) == {"a": ["–", "–"]}


def test_no_records_no_tables():
    assert make_tables([]) == []


def test_the_best_is_never_below_another_competitor(record):
    rng = random.Random(3)
    records = [
        record(f"m{i}", language, rng.choice([None, rng.random()])) for i in range(6) for language in ("ko", "ar", "zh")
    ]
    [table] = make_tables(records)
    for column in range(len(table.columns)):
        cells = [row.cells[column] for row in table.rows]
        values = [cell.value for cell in cells if cell.value is not None]
        assert [cell.value for cell in cells if cell.best] == ([max(values)] if values else [])
