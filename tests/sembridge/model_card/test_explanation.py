"""What tokens are made of, as lines for a person and as data, from a record worked out on paper."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from sembridge.model_card.explanation import explain
from tests.helpers.records_made import TARGET, record


@pytest.fixture
def folder(tmp_path):
    record().save(tmp_path)
    return tmp_path


def with_tokenizer(folder, *added: str):
    """Write a tokenizer that cuts at white space into the target tokens, and `added` ones with further ids."""
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(TARGET)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_tokens([AddedToken(token) for token in added])
    tokenizer.enable_truncation(1)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_lines_for_tokens_of_every_origin(folder):
    texts = ("passcode", "[CLS]", "\U0001f984", "##들")
    assert str(explain(folder, *texts, top=2)).splitlines() == [
        "passcode  = passcode                                  copied (exact)",
        "[CLS]     = [CLS]                                     special",
        "\U0001f984        = drawn at random                           sampled",
        "##들      = .40 ##s + .30 password + .30 in 2 others  mixed, cosine .30",
        "",
        "cosine: how near a token and its heaviest donor are, as worked out on paper; "
        "usual here is .55, the lowest tenth is below .06",
        "##: the token continues a word",
    ]


def test_the_legend_explains_only_what_is_shown(folder):
    assert len(str(explain(folder, "passcode")).splitlines()) == 1
    assert str(explain(folder, "의사", top=1)).count("##:") == 0, "its donor ##s is among the others"
    assert str(explain(folder, "의사", top=2)).count("##:") == 1


def test_phrases_are_cut_whole(folder):
    """Neither truncation nor padding of the tokenizer's file applies."""
    lines = str(explain(with_tokenizer(folder), "passcode 병원", "passcode")).splitlines()
    assert lines[0] == "passcode 병원 is read as passcode 병원"
    assert [line.split("=")[0] for line in lines[1:4]] == ["  passcode  ", "  병원      ", "passcode    "]


def test_the_weakest_by_cosine_and_by_flatness(folder, tmp_path):
    by_cosine = explain(folder, worst=2)
    assert [token["token"] for token in by_cosine.to_dict()["tokens"]] == ["의사", "##들"]
    lines = str(by_cosine).splitlines()
    assert lines[0].startswith("2 of 5 mixed tokens, those with the farthest donors first: ")
    assert lines[-1] == "tokens without any donor, drawn at random: 1 (\U0001f984)"
    assert "mixed, cosine -.10" in lines[2]
    (tmp_path / "flat").mkdir()
    record(strength=False).save(tmp_path / "flat")
    by_weight = explain(tmp_path / "flat", worst=99)
    assert [token["id"] for token in by_weight.to_dict()["tokens"]] == [4, 5, 7, 1, 2], "largest weights .4 .5 .6 .71 1"
    assert str(by_weight).startswith("5 of 5 mixed tokens, those with the flattest mixtures first")
    assert "cosine" not in str(by_weight)


def test_data_holds_all_donors_and_survives_json(folder):
    content = explain(folder, "##들", "\U0001f984", top=1).to_dict()
    assert json.loads(json.dumps(content)) == content and content["measure"] == "as worked out on paper"
    mixed, sampled = content["tokens"]
    assert [(donor["id"], donor["token"]) for donor in mixed["donors"]] == [
        (3, "##s"),
        (1, "password"),
        (2, "passcode"),
        (4, "hospital"),
    ]
    assert [donor["weight"] for donor in mixed["donors"]] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert (mixed["asked"], mixed["support"], mixed["strength"]) == ("##들", 4, pytest.approx(0.3))
    assert sampled["donors"] == [] and sampled["strength"] is None and sampled["origin"] == "sampled"


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ((), {}, "no token was given; name some, or add worst=20"),
        (("passcode",), {"worst": 1}, "worst and tokens were both given"),
        (("passcode",), {"top": 0}, "top 0 is not a number of things to show; give 1 or more"),
        ((), {"worst": -1}, "worst -1 is not a number of things to show"),
        ((" ",), {}, "token ' ' is empty; name a token"),
        (
            ("passcodes",),
            {},
            r"'passcodes' is not a token, and tokenizer\.json is not there .*tokens like it: passcode",
        ),
        (("zzz",), {}, "no token is like it"),
    ],
)
def test_requests_that_cannot_be_answered(folder, texts, options, message):
    with pytest.raises(ValueError, match=message):
        explain(folder, *texts, **options)


def test_texts_the_tokenizer_does_not_know(folder):
    with_tokenizer(folder, "later")
    with pytest.raises(ValueError, match=r"'passcodes' is unknown to this encoder.*tokens like it: passcode"):
        explain(folder, "passcodes")
    with pytest.raises(ValueError, match="'later' has tokens that were added to the tokenizer after the transfer"):
        explain(folder, "later")
    assert "[UNK]" in str(explain(folder, "passcode passcodes")), "a phrase that is known in part is explained"


def test_folders_and_encoders_without_what_is_needed(folder):
    with pytest.raises(ValueError, match="'/no/such/place' does not exist; give the one that a transfer wrote"):
        explain("/no/such/place", "passcode")
    with pytest.raises(ValueError, match="this encoder has no record"):
        explain(SimpleNamespace(), "passcode")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match=r"tokenizer\.json is not a tokenizer .*copy the encoder anew"):
        explain(folder, "passcode")
