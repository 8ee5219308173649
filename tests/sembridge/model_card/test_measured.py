"""What a card says of training and scores: the numbers as they are, and no more than was measured."""

from __future__ import annotations

from sembridge.model_card.card import model_card, trained_card
from sembridge.model_card.measured import Measured, Scores, Training
from tests.helpers.records_made import recipe, record

MEASURES = ("ndcg@10", "recall@100")
ROWS = [("this encoder", {"ndcg@10": 0.12345, "recall@100": 1.0}), ("BM25", {"ndcg@10": 0.5})]
SCORES = Scores("faq (ko)", 2000, 400, MEASURES, ROWS)
TRAINING = Training("pairs", 1600, 50, {"batch_size": 32})


def test_scores_are_a_table_with_what_they_are_compared_with():
    assert Measured(None, SCORES).scores_text() == (
        "| | ndcg@10 | recall@100 |\n|---|---:|---:|\n| this encoder | 0.123 | 1.000 |\n| BM25 | 0.500 | – |\n\n"
        "Means over the queries of faq (ko) (2,000 documents and 400 queries), from 0 to 1."
    )
    unknown = Measured(None, Scores("faq", None, 7, MEASURES, ROWS, ["BM25 was not measured."]))
    assert unknown.scores_text().endswith("of faq (7 queries), from 0 to 1. BM25 was not measured.")


def test_a_card_says_whether_anything_was_trained():
    zero, tuned = (model_card(record(), "x", measured=Measured(training, SCORES)) for training in (None, TRAINING))
    assert "**Nothing was trained.**" in zero and "Not fine-tuned. Measured on one collection" in zero
    assert "fine-tuned** in 50 steps on 1,600 pairs of a query and its document from pairs." in tuned
    assert "**Nothing was trained.**" not in tuned and "Not fine-tuned" not in tuned
    assert "before the training" in tuned and "before the training" not in zero
    assert "| training: batch_size | `32` |" in tuned and "training: " not in zero


def test_a_card_without_a_transfer_speaks_of_none():
    card = trained_card(recipe(), "x", Measured(TRAINING, SCORES), language="ko")
    assert "with its own vocabulary" in card and "## How good it is" in card and 'language: ["ko"]' in card
    assert "vocabulary-transfer" not in card and "transfer.json" not in card and "translation" not in card


def test_names_of_strangers_stay_in_their_cell():
    odd = "a|b`c\n# d"
    scores = Scores(odd, 1, 1, MEASURES, [(odd, {})])
    text = model_card(record(), "x", measured=Measured(Training(odd, 1, 1, {odd: odd}), scores))
    assert "\n# d" not in text and "a|b" not in text and "a/b'c # d" in text
