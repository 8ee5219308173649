"""Curves by alpha and by steps of training: their points are those of the files."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.report_page.curves_section import MOST_NAMED, alphas, convergence
from harness.report_page.folder import ResultsFolder
from tests.helpers.results_made import record_of, results_of

SCORES = {1.0: 0.2, 2.0: 0.6, 4.0: 0.4, 0.0: 0.5}  # 0.0 is the automatic alpha


def with_alphas(tmp_path, chosen, languages=("ko", "ru")) -> ResultsFolder:
    cells = [
        (record_of("sembridge", language, [SCORES[alpha]] * 2, alpha=alpha), [SCORES[alpha]] * 2)
        for language in languages
        for alpha in chosen
    ]
    return ResultsFolder(results_of(tmp_path, cells))


def texts(plot: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", plot)


def places(plot: str) -> list[tuple[float, float]]:
    """Return where markers stand, from the left and from above."""
    return [(float(x), float(y)) for x, y in re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"', plot)]


def test_a_line_per_language_goes_through_the_scores_and_auto_stands_apart(tmp_path):
    [plot] = alphas(with_alphas(tmp_path, SCORES))
    assert {"ko", "ru", "1", "2", "4", "auto", "alpha"} <= set(texts(plot))
    of_ko = places(plot)[:4]
    assert [x for x, _ in of_ko] == sorted(x for x, _ in of_ko)
    heights = [y for _, y in of_ko]  # of the scores .2, .6, .4 and, automatic, .5
    scale = (heights[0] - heights[1]) / 0.4
    assert [round((heights[0] - y) / scale + 0.2, 3) for y in heights] == [0.2, 0.6, 0.4, 0.5]
    assert of_ko[1][0] - of_ko[0][0] == pytest.approx(of_ko[2][0] - of_ko[1][0], abs=0.02)  # 1, 2, 4: a log axis


def test_one_alpha_is_no_curve(tmp_path):
    assert list(alphas(with_alphas(tmp_path, [4.0]))) == []
    assert list(alphas(with_alphas(tmp_path / "b", [4.0, 0.0]))) == []


def test_trainings_are_lines_by_their_steps_and_the_best_have_names(tmp_path):
    cells = []
    for number in range(MOST_NAMED + 3):
        last = (number + 1) / 20
        record = record_of(f"m{number:02d}", "ko", [last, last], regime="fine-tuned")
        points = [
            {"step": step, "pairs": 4 * step, "scores": dict.fromkeys(("ndcg@10", "recall@100", "mrr@10"), score),
             "statistics": dict.fromkeys(("query_active", "doc_active", "flops"), 1.0)}
            for step, score in ((0, 0.01), (5, last / 2), (10, last))
        ]  # fmt: skip
        cells.append((replace(record, provenance={"about": {"curve": points}}), [last, last]))
    [plot] = convergence(ResultsFolder(results_of(tmp_path, cells)))
    names = {text for text in texts(plot) if re.fullmatch(r"m\d\d", text)}
    assert names == {f"m{number:02d}" for number in range(3, MOST_NAMED + 3)} and {"0", "5", "10"} <= set(texts(plot))
    assert f"The best {MOST_NAMED} of {MOST_NAMED + 3} rows have their names." in plot
    assert len(places(plot)) == 3 * (MOST_NAMED + 3)


def test_without_trainings_there_are_no_curves(tmp_path):
    assert list(convergence(with_alphas(tmp_path, [4.0]))) == []


def test_rows_with_other_vectors_have_a_plot_of_their_own(tmp_path):
    cells = [
        (record_of("sembridge", "ko", own, alpha=alpha, vectors=vectors), own)
        for vectors, lower in (("", 0.0), ("idf", 0.1))
        for alpha in (1.0, 2.0)
        for own in [[SCORES[alpha] - lower] * 2]
    ]
    plots = list(alphas(ResultsFolder(results_of(tmp_path, cells))))
    captions = [re.search("<figcaption>(.*?)</figcaption>", plot)[1] for plot in plots]
    plain = "faq, zero-shot, bert: sembridge with the bridge bridge"
    assert captions == [plain, f"{plain}, idf"]
