"""CELL is a name, the beginning of a key, or a label; whatever it is, the answer says which cell is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.refusal import RefusedError
from harness.cli.store.chosen_cell import chosen_cell
from harness.results.scored_cells import ScoredCell

RESULTS = Path("results")


def cell(initializer, regime, key, status="ok", seed=1, label=None):
    names = ("ko", "bert", "faq", initializer, "", None, regime, seed, label or initializer, key * 32, status)
    return ScoredCell(*names, {"ndcg@10": 0.5}, 10, 5, None)


CELLS = [
    cell("sembridge", "zero-shot", "a"),
    cell("sembridge", "zero-shot", "a", seed=2),
    cell("sembridge", "fine-tuned", "b"),
    cell("ofa", "zero-shot", "c", label="ofa (bridge vectors)"),
    cell("mean", "zero-shot", "d", status="failed"),
    cell("mean", "fine-tuned", "e", status="missing"),
    cell("bm25", "zero-shot", "f"),
    cell("bm25", "fine-tuned", "f"),
    cell("base", "zero-shot", "0"),
    cell("base", "fine-tuned", "1"),
]


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("ko_bert_faq_sembridge_fine-tuned_s1", 2),
        ("ko_bert_faq_sembridge_fine-tuned_s1.run", 2),
        ("bbbb", 2),
        ("aaaaaaaa", 0),  # one artifact serves both seeds
        ("ofa (bridge vectors)", 3),
        ("ko_bert_faq_base_fine-tuned_s1", 9),
    ],
)
def test_what_is_meant_is_found(typed, place):
    assert chosen_cell(CELLS, typed, RESULTS) is CELLS[place]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("sembridge", r"^CELL 'sembridge' means 3 cells of results: ko_bert_faq_sembridge_zero-shot_s1 \(aaaaaaaa\), "),
        ("ko_bert_faq_sembrige_fine-tuned", r"did you mean 'ko_bert_faq_sembridge_fine-tuned_s1' or "),
        ("ofa (bridge", r"did you mean 'ofa \(bridge vectors\)' or "),
        ("aaa", "^CELL 'aaa' is not a cell of results; did you mean "),
        ("", "^CELL '' is not a cell of results"),
        ("bm25", "the row 'bm25' compares words and has no encoder; choose a row of an initializer$"),
        ("ffff", "the row 'bm25' compares words and has no encoder"),
        ("dddd", "^CELL ko_bert_faq_mean_zero-shot_s1 failed, so it has no encoder; run the grid's command again with"),
        ("eeee", "^CELL ko_bert_faq_mean_fine-tuned_s1 is not computed, so it has no encoder; run the grid's"),
        ("0000", "is the source encoder as it was, nothing was made; use that itself$"),
    ],
)
def test_what_has_no_encoder_is_refused(typed, message):
    with pytest.raises(RefusedError, match=message):
        chosen_cell(CELLS, typed, RESULTS)
