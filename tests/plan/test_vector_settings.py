"""Options of vectors in a preset: one value or a list, all combinations, and one line for what cannot be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.plan.preset import EvaluationSettings
from harness.retrieval.vector_options import AS_ENCODED, VectorOptions


def options(**settings):
    return EvaluationSettings.model_validate(settings).vector_options


def test_nothing_set_leaves_vectors_as_encoded():
    assert options() == options(query_idf=False, max_active_query=None, weight_bits=[None]) == [AS_ENCODED]


def test_one_value_is_a_list_of_one():
    assert options(query_idf=True) == options(query_idf=[True]) == [VectorOptions(query_idf=True)]


def test_all_combinations_in_order():
    combined = options(query_idf=[False, True], max_active_query=[None, 8], mass_document=0.9, weight_bits=8)
    assert [each.label for each in combined] == [
        "document mass 0.9, 8 bits",
        "query top 8, document mass 0.9, 8 bits",
        "idf, document mass 0.9, 8 bits",
        "idf, query top 8, document mass 0.9, 8 bits",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"query_idf": "on"}, r"'on' is not valid; give true, false, or \[false, true\] for a row of each"),
        ({"query_idf": 1}, "1 is not valid; give true, false"),
        ({"query_idf": None}, "null is not valid; give true, false"),
        ({"query_idf": [True, True]}, "true is given twice; give each value once"),
        ({"max_active_query": []}, "a list of no values; give a whole number from 1 on"),
        ({"max_active_query": 0}, "0 is not valid; give a whole number from 1 on, null for all dimensions"),
        ({"max_active_document": 1.5}, "1.5 is not valid; give a whole number"),
        ({"max_active_document": True}, "true is not valid; give a whole number"),
        ({"max_active_document": [64, None, 64]}, "64 is given twice"),
        ({"mass_query": 1}, "1 is not valid; give a share between 0 and 1"),
        ({"mass_query": float("nan")}, "nan is not valid; give a share between 0 and 1"),
        ({"mass_document": [0.5, "x"]}, "'x' is not valid; give a share between 0 and 1"),
        ({"weight_bits": 4}, r"4 is not valid; give 8, null for 32-bit numbers, or \[null, 8\]"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        EvaluationSettings.model_validate(settings)
