"""Names of cells: what identifies a cell, written as a file name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.results.record import Identity

CELL = Identity("ko", "bert", "faq", "mean", "", None, "zero-shot", 42)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({}, "ko_bert_faq_mean_zero-shot_s42"),
        ({"bridge": "labse"}, "ko_bert_faq_mean_labse_zero-shot_s42"),
        ({"bridge": "labse", "alpha": 4.0, "regime": "fine-tuned"}, "ko_bert_faq_mean_labse_a4_fine-tuned_s42"),
        ({"alpha": 1.5, "seed": 0}, "ko_bert_faq_mean_a1.5_zero-shot_s0"),
        ({"alpha": 0.0}, "ko_bert_faq_mean_aauto_zero-shot_s42"),
        ({"vectors": "idf, document top 64"}, "ko_bert_faq_mean_zero-shot_s42_idf+document-top-64"),
    ],
)
def test_only_what_a_method_has_is_in_the_name(parts, name):
    assert replace(CELL, **parts).name == name


def test_each_coordinate_changes_the_name():
    others = {"language": "ru", "architecture": "xlmr", "collection": "web", "initializer": "ofa", "bridge": "labse"}
    others |= {"alpha": 1.0, "regime": "fine-tuned", "seed": 7, "vectors": "idf"}
    assert others.keys() == vars(CELL).keys()
    names = {replace(CELL, **{field: value}).name for field, value in others.items()}
    assert len(names | {CELL.name}) == 10
