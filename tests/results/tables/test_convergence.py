"""Curves of trainings as a CSV and as tables, against texts and numbers written by hand."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from harness.results.export import write_results
from harness.results.record import NOT_COMPUTED
from harness.results.tables import convergence
from harness.results.tables.terminal import to_text


@pytest.fixture
def trained(record):
    """A fine-tuned cell with a point for each score, `step` steps of 8 pairs apart."""

    def make(initializer, scores, language="ko", step=3, **options):
        fine_tuned = record(initializer, language, scores[-1] if scores else None, regime="fine-tuned", **options)
        numbers = {"query_active": 3.0, "doc_active": 5.5, "flops": 0.25}
        curve = [
            {
                "step": i * step,
                "pairs": i * step * 8,
                "scores": {"ndcg@10": s, "recall@100": s / 2, "mrr@10": s / 4},
                "statistics": numbers,
            }
            for i, s in enumerate(scores or [])
        ]
        return replace(fine_tuned, provenance={"about": {"curve": curve}}) if scores else fine_tuned

    return make


def test_one_language_as_text(trained, record):
    records = [
        trained("sembridge", [0.3, 0.5, 0.52]),
        trained("random", [0.0, 0.2, 0.5]),
        trained("mean", [0.01, 0.1, 0.49]),
        trained("ofa", None),
        trained("base", [0.6, 0.6, 0.6], reference=True),
        record("bm25", reference=True, regime="fine-tuned"),
        record("sembridge", ndcg=0.3),
    ]
    [table] = convergence.make_tables(records)
    assert table.name == "pocket-faq_convergence_bert_ko"
    # 95% of .52 is .494; base is not a competitor, so its .6 is not the goal
    assert (
        to_text(table)
        == """\
pocket-faq, fine-tuned (after training), encoder bert: nDCG@10 (0 to 1, higher is better) by steps
of 8 pairs; each number is a mean over the queries in ko; seed 0.
method          0        3        6   95% at
--------------------------------------------
sembridge   0.300*   0.500*   0.520*       3
random      0.000    0.200    0.500        6
mean        0.010    0.100    0.490    never
ofa        failed   failed   failed   failed
--------------------------------------------
base        0.600    0.600    0.600        0
95% at: the first of these points with 95% of the best competitor's last score.
"""
    )


def test_a_mean_over_languages_is_by_share_of_the_training_for_their_steps_differ(trained):
    records = [
        trained("sembridge", [0.25, 0.5, 0.75], "ko", step=4),
        trained("sembridge", [0.75, 0.75, 1.0], "ru", step=9),
        trained("mean", [0.0, 0.0, 0.5], "ko", step=4),
        trained("mean", None, "ru"),
    ]
    tables = convergence.make_tables(records)
    assert [table.name.rsplit("_", 1)[1] for table in tables] == ["ko", "ru", "bert"]
    assert tables[0].columns == ("0", "4", "8", "95% at") and tables[1].columns == ("0", "9", "18", "95% at")
    mean = tables[2]
    assert mean.title == "pocket-faq, bert, mean over ko, ru: nDCG@10 by share of the training"
    assert mean.columns == ("0%", "50%", "100%", "95% at")
    assert [[cell.text for cell in row.cells] for row in mean.rows] == [
        ["0.500", "0.625", "0.875", "100%"],
        ["–", "–", "–", "–"],
    ]
    short = [*records[:2], trained("sembridge", [0.1, 0.2], "ar")]
    assert [table.name.rsplit("_", 1)[1] for table in convergence.make_tables(short)] == ["ko", "ru", "ar"], (
        "other points: no mean"
    )


def test_seeds_are_averaged_point_by_point(trained):
    [table] = convergence.make_tables([trained("mean", [0.25, 0.5], seed=1), trained("mean", [0.75, 0.5], seed=2)])
    assert [cell.text for cell in table.rows[0].cells] == ["0.500 ± 0.354", "0.500 ± 0.000", "0"]
    assert [cell.best for cell in table.rows[0].cells] == [True, True, False]


def test_scores_of_zero_have_no_goal(trained):
    [table] = convergence.make_tables([trained("mean", [0.0, 0.0])])
    assert table.columns == ("0", "3") and table.note == ""


def test_the_files(trained, record, tmp_path):
    records = [
        trained("sembridge", [0.25, 0.5], bridge="BAAI/bge-m3", alpha=4.0),
        record("mean", regime="fine-tuned"),
        trained("ofa", [0.1, 0.2], "ru"),
    ]
    out = tmp_path / "out"
    written = write_results(out, records, lambda _: None)
    assert (out / "convergence.csv").read_text(encoding="utf-8").splitlines()[:3] == [
        "language,architecture,collection,initializer,bridge,alpha,regime,seed,step,pairs,ndcg@10,recall@100,mrr@10,query_active,doc_active,flops,"
        "label,key",
        "ko,bert,pocket-faq,sembridge,BAAI/bge-m3,4.0,fine-tuned,0,0,0,0.25,0.125,0.0625,3.0,5.5,0.25,sembridge,"
        "key-of-ko_bert_pocket-faq_sembridge_BAAI/bge-m3_a4_fine-tuned_s0",
        "ko,bert,pocket-faq,sembridge,BAAI/bge-m3,4.0,fine-tuned,0,3,24,0.5,0.25,0.125,3.0,5.5,0.25,sembridge,"
        "key-of-ko_bert_pocket-faq_sembridge_BAAI/bge-m3_a4_fine-tuned_s0",
    ]
    with (out / "convergence.csv").open(encoding="utf-8") as lines:
        assert len(list(csv.DictReader(lines))) == 4
    names = [
        "pocket-faq_fine-tuned_bert",
        "pocket-faq_convergence_bert_ko",
        "pocket-faq_convergence_bert_ru",
        "pocket-faq_convergence_bert",
    ]
    assert [table.name for table in written.tables] == names
    assert {path.stem for path in (out / "tables").iterdir()} == {*names, "all", "summary"}
    everything = (out / "tables" / "all.md").read_text(encoding="utf-8")
    assert all(name in everything for name in ("by steps of 8 pairs", "by share of the training", "**0.500**"))
    assert r"95\% at" in (out / "tables" / "pocket-faq_convergence_bert_ko.tex").read_text(encoding="utf-8")


def test_curves_of_an_earlier_call_go_and_a_file_of_that_name_that_is_not_ours_stays(trained, record, tmp_path):
    plain = [record("sembridge", regime="fine-tuned"), record("sembridge", "ru", regime="fine-tuned")]
    write_results(
        tmp_path, [trained("sembridge", [0.25, 0.5]), trained("sembridge", [0.25, 0.5], "ru")], lambda _: None
    )
    assert len(list((tmp_path / "tables").glob("*_convergence_*"))) == 9
    write_results(tmp_path, plain, lambda _: None)
    assert not (tmp_path / "convergence.csv").exists() and not list((tmp_path / "tables").glob("*_convergence_*"))
    (tmp_path / "convergence.csv").write_text("mine\n", encoding="utf-8")
    write_results(tmp_path, plain, lambda _: None)
    assert (tmp_path / "convergence.csv").read_text(encoding="utf-8") == "mine\n"


def test_two_tables_that_would_share_a_file_are_refused(trained, tmp_path):
    records = [trained("mean", [0.1, 0.2], language, architecture="a") for language in ("ko", "ru")]
    records += [
        trained("mean", [0.1, 0.2], "zh", architecture="a_ko"),
        trained("mean", [0.1, 0.2], "ar", architecture="a_ko"),
    ]
    with pytest.raises(
        ValueError,
        match=r"^architecture 'a' with language 'ko' and architecture 'a_ko' would share the file name "
        r"'pocket-faq_convergence_a_ko\.tex': rename",
    ):
        write_results(tmp_path / "out", records, lambda _: None)
    assert not (tmp_path / "out").exists()


def test_before_the_first_step_seeds_with_the_same_encoder_are_one(trained):
    records = [trained("mean", [0.25, 0.5], seed=1), trained("mean", [0.25, 0.75], seed=2)]
    [table] = convergence.make_tables(records)
    assert [cell.text for cell in table.rows[0].cells[:2]] == ["0.250", "0.625 ± 0.177"]


def test_no_mean_over_the_languages_whose_trainings_are_there(trained, record):
    absent = replace(record("mean", "hi", regime="fine-tuned"), status=NOT_COMPUTED, scores={})
    records = [trained("mean", [0.25, 0.5]), trained("mean", [0.25, 0.5], language="ru"), absent]
    assert [table.name.rpartition("_")[2] for table in convergence.make_tables(records)] == ["ko", "ru"]


def test_trainings_that_are_missing_are_marked_and_counted(trained, record):
    absent = replace(record("random", regime="fine-tuned"), status=NOT_COMPUTED, scores={})
    [table] = convergence.make_tables([trained("mean", [0.25, 0.5]), absent])
    assert [cell.text for cell in table.rows[1].cells] == ["–", "–", "–"]
    assert table.note.startswith("Not complete: 1 of 2 cells are computed; –: ")
