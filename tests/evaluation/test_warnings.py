"""What a measurement warns of, and the words it uses."""

from __future__ import annotations

from harness.evaluation.warnings import MODEL, TOKENIZER, of_activity, of_precision, of_unknown
from tests.helpers.processors import processor


def test_unknown_tokens():
    rates = {"documents": 0.752, "queries": 0.02, "pairs": 0.0201}
    assert of_unknown(rates, TOKENIZER) == [
        "75.2% of the tokens of the documents are unknown to the tokenizer (more than 2%), and what they say is lost; "
        "give the language a tokenizer that was trained on it, on text in NFC (tokenizers.LANGUAGE)",
        "2.0% of the tokens of the training pairs are unknown to the tokenizer (more than 2%), and what they say is "
        "lost; give the language a tokenizer that was trained on it, on text in NFC (tokenizers.LANGUAGE)",
    ]
    assert of_unknown({}, MODEL) == of_unknown({"documents": 0.0, "queries": 0.0}, MODEL) == []


def test_vectors_that_are_not_sparse():
    assert of_activity({"doc_active": 193.0, "query_active": 96.5, "flops": 1.0}, 193) == [
        "documents have 193 of 193 dimensions active (100%, more than 50%), so they are not sparse; fine-tune with a "
        "larger training.lambda_document, or choose another initializer"
    ]
    assert of_activity({"doc_active": 1.0, "query_active": 15_262.0}, 30_522) == [
        "queries have 15,262 of 30,522 dimensions active (50%, more than 50%), so they are not sparse; fine-tune with "
        "a larger training.lambda_query, or choose another initializer"
    ]
    assert of_activity({}, 193) == []


def test_slow_bfloat16_is_in_the_record(monkeypatch):
    processor(monkeypatch, 6.5)
    (sentence,) = of_precision({"precision": "bfloat16"})
    assert sentence.startswith("evaluation.precision bfloat16 is slow") and "6.5 times" in sentence
    assert of_precision({"precision": "float32"}) == of_precision({"precision": "auto"}) == []
    processor(monkeypatch, 0.2)
    assert of_precision({"precision": "bfloat16"}) == []
