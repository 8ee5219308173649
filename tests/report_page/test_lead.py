"""The lead of the best row of a table: which row it is, by how much, and whether the test shows it."""

from __future__ import annotations

from harness.report_page.folder import ResultsFolder
from harness.report_page.lead import sentences
from tests.helpers.results_made import record_of, results_of

HIGH, MIDDLE, LOW = [0.9, 0.7] * 20, [1.0, 0.5, 0.8, 0.8] * 10, [0.1, 0.2] * 20


def told(tmp_path, cells: list[tuple[str, str, list[float]]]) -> list[str]:
    folder = results_of(tmp_path, [(record_of(name, language, own), own) for name, language, own in cells])
    [group] = ResultsFolder(folder).groups
    return sentences(ResultsFolder(folder), group)


def test_a_lead_that_is_shown(tmp_path):
    [best] = told(tmp_path, [("signet", "ko", HIGH), ("mean", "ko", LOW), ("bm25", "ko", LOW)])
    assert best.startswith("signet has nDCG@10 0.800 in ko, the best: 0.650 [0.6")
    assert best.endswith("] above mean, shown (p < 0.05).")


def test_a_lead_that_is_not_shown_is_not_called_one(tmp_path):
    [best] = told(tmp_path, [("signet", "ko", HIGH), ("ofa", "ko", MIDDLE), ("mean", "ko", LOW)])
    assert "] above ofa, a difference that is not shown; the other 1 row is shown to be below." in best


def test_languages_with_another_best_row_are_named(tmp_path):
    cells = [("signet", "ko", HIGH), ("mean", "ko", LOW), ("signet", "ru", LOW), ("mean", "ru", MIDDLE)]
    best, others = told(tmp_path, cells)
    assert best.startswith("signet has nDCG@10 0.475 over 2 languages, the best: 0.0")
    assert others == "Another row has the highest score in some languages: mean in ru."
    assert told(tmp_path / "b", [*cells[:2], ("signet", "ru", HIGH), cells[3]])[1] == (
        "It has the highest score in each of them."
    )


def test_a_row_alone_competes_with_nothing(tmp_path):
    assert told(tmp_path, [("signet", "ko", HIGH)]) == ["signet has nDCG@10 0.800 in ko: the only row that competes."]


def test_a_row_that_lacks_a_language_is_not_best(tmp_path):
    assert told(tmp_path, [("signet", "ko", HIGH), ("mean", "ko", LOW), ("mean", "ru", LOW)]) == [
        "mean has nDCG@10 0.150 over 2 languages: the only row that competes.",
        "Not compared, for lack of scores in a language: signet.",
    ]
