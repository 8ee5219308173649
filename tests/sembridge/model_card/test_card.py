"""The card says what is known and no more: front matter the hub reads, licenses as stated, numbers that add up."""

from __future__ import annotations

import pytest
import yaml

from sembridge.model_card.card import UNKNOWN, carried_license, model_card
from sembridge.model_card.recipe import Ingredient
from tests.helpers.records_made import recipe, record


def front_matter(card: str) -> dict:
    _, head, _ = card.split("---\n", 2)
    return yaml.safe_load(head)


def test_front_matter():
    assert front_matter(model_card(record(), "splade-ko", language="ko")) == {
        "library_name": "sentence-transformers",
        "pipeline_tag": "feature-extraction",
        "tags": ["sparse-encoder", "sparse", "splade", "cross-lingual-transfer", "vocabulary-transfer"],
        "language": ["ko"],
        "base_model": ["naver/splade-v3"],
        "license": "cc-by-nc-sa-4.0",
    }


def test_what_is_not_known_is_left_out():
    local = record(source=Ingredient("my-splade"))
    head = front_matter(model_card(local, "splade-ko"))
    assert not {"language", "base_model", "license"} & set(head), (
        "a folder's name is no hub id, and its license is not known"
    )
    assert f"- source, `my-splade`: {UNKNOWN}" in model_card(local, "x")


def test_the_numbers():
    card = model_card(record(), "splade-ko")
    for row in (
        "| copied | 1 | 11.1% |",
        "| special | 2 | 22.2% |",
        "| mixed | 5 | 55.6% |",
        "| sampled | 1 | 11.1% |",
        "2.2 source tokens on average",
    ):
        assert row in card
    for row in (
        "| source | `naver/splade-v3`, revision `abc123` |",
        "| tokenizer | `ko-tokenizer` |",
        "| alpha | `4.0` |",
        "| seed | `42` |",
    ):
        assert row in card
    assert "sembridge-bench 0.1.0, torch 2.13" in card
    assert "source tokens on average" not in model_card(record_without_mixtures(), "x")


def record_without_mixtures():
    import numpy as np

    from sembridge.assembly import assemble
    from sembridge.model_card.record import TransferRecord
    from tests.helpers.records_made import question

    task = question()
    return TransferRecord.of(task, assemble(task, sampled=np.ones((len(task.missing), 3), dtype=np.float32)), recipe())


def test_restrictions_are_called_out():
    card = model_card(record(), "x")
    assert "**Not for commercial use**: the source is under cc-by-nc-sa-4.0." in card and "No derivatives" not in card
    card = model_card(
        record(source=Ingredient("a/b", "c", "apache-2.0"), inputs={"text": Ingredient("t", None, "cc-by-nd-2.0")}), "x"
    )
    assert "**No derivatives**: cc-by-nd-2.0 of the text" in card and "commercial" not in card
    assert "**" not in model_card(record(source=Ingredient("a/b", "c", "apache-2.0")), "x").partition("## Licenses")[2]


@pytest.mark.parametrize(
    ("source", "tokenizer", "bridge", "carried"),
    [
        ("apache-2.0", "apache-2.0", "mit", "apache-2.0"),
        ("apache-2.0", None, None, "apache-2.0"),
        ("apache-2.0", "mit", "cc-by-nc-4.0", "cc-by-nc-4.0"),
        ("cc-by-sa-4.0", "cc-by-4.0", "apache-2.0", "cc-by-sa-4.0"),
        ("mit", "gpl-3.0", "cc-by-sa-4.0", "gpl-3.0"),
        ("mit", "gemma", "gpl-3.0", "gemma"),
        ("cc-by-nd-4.0", "cc-by-nc-4.0", "mit", "cc-by-nc-4.0"),
        ("cc-by-nc-4.0", "cc-by-nc-nd-4.0", "mit", "cc-by-nc-nd-4.0"),
        (None, "mit", "cc-by-nc-4.0", None),
    ],
)
def test_the_license_to_declare(source, tokenizer, bridge, carried):
    described = recipe(
        source=Ingredient("s", None, source),
        tokenizer=Ingredient("t", None, tokenizer),
        inputs={"bridge": Ingredient("b", None, bridge)},
    )
    assert carried_license(described) == carried
    assert (
        front_matter(
            model_card(record(source=described.source, tokenizer=described.tokenizer, inputs=described.inputs), "x")
        ).get("license")
        == carried
    )


def test_names_cannot_break_out():
    """A name with Markdown or YAML in it stays a name."""
    bad = 'x`|\n---\nlicense: mit\n# "y'
    card = model_card(record(source=Ingredient(bad, "r\n|", "l`\n|")), 'n"\n---', language="ko")
    head = front_matter(card)
    assert head["base_model"] == [bad] and head["license"] == "l`\n|" and head["language"] == ["ko"]
    table = [line for line in card.splitlines() if line.startswith("| source")]
    assert len(table) == 1 and table[0].count("|") == 3 and table[0].count("`") == 4


def test_inference_free_encoders_keep_their_masked_lm_in_a_subfolder():
    card = model_card(record(), "x", masked_lm="document_0_Transformer")
    assert card.count("subfolder='document_0_Transformer'") == 2 and "inference-free" in card
    assert "subfolder" not in model_card(record(), "x")


@pytest.mark.parametrize("strategy", ["max", "sum"])
@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_the_program_pools_as_the_encoder_does(strategy, activation):
    import re

    import torch

    from sembridge.encoder.head import pool

    line = re.search(r"weights = (.*)  # one", model_card(record(), "x", strategy=strategy, activation=activation))[1]
    logits, mask = (
        torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0)),
        torch.tensor([[1, 1, 1], [1, 0, 0]]),
    )
    masked = logits.masked_fill(mask.unsqueeze(-1) == 0, float("-inf"))
    assert torch.allclose(eval(line, {"torch": torch, "masked": masked}), pool(logits, mask, strategy, activation))


def test_the_form_of_unicode_that_the_encoder_was_made_for():
    card = model_card(record(), "splade-ko")
    assert "made for text in Unicode NFC" in card and "`unicodedata.normalize('NFC', text)`" in card
