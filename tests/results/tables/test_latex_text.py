"""Places where a line may end, and widths: against those of Computer Modern, measured by LaTeX."""

from __future__ import annotations

import pytest

from harness.results.tables.latex_text import breakable, width, written
from tests.helpers.latex_compiled import compiled

BREAK = r"\allowbreak{}"


def test_a_text_whose_words_fit_stays_as_it_is():
    assert breakable("faq, zero-shot", 100, 10) == "faq, zero-shot" == written("faq,\n zero-shot")


def test_a_word_that_fits_no_line_may_end_anywhere():
    assert breakable("ab xxxxxx", 20, 10) == "ab " + BREAK.join("xxxxxx")
    assert breakable("x%x-yyyyyy", 25, 10) == r"x\%x-" + BREAK.join("yyyyyy")


SAMPLES = ["sembridge", "ofa (bridge vectors)", "0.421", "fine-tuned", "multivariate", "WEIGHT @ 100 = x+y", "a_b/c|d"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "size"), [("normalsize", 10), ("small", 9), ("footnotesize", 8), ("scriptsize", 7)]
)
def test_widths_are_those_of_computer_modern_or_a_little_more(tmp_path, command, size):
    tabular = r"\begin{{tabular}}{{@{{}}l@{{}}}}{}\end{{tabular}}"
    pairs = [(text, bold) for text in SAMPLES for bold in (False, True)]
    rows = [written(text) if not bold else f"\\textbf{{{written(text)}}}" for text, bold in pairs]
    measured = compiled(f"\\{command} " + "\n\n".join(map(tabular.format, rows)), tmp_path)
    for (text, bold), real in zip(pairs, measured.widths, strict=True):
        assert real * 0.99 <= width(text, size, bold=bold) <= real * 1.12, (text, bold)
