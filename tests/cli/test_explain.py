"""`sembridge-bench explain`: the numbers of a case worked out on paper, aligned columns, unknown tokens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from sembridge.model_card.lines import columns, mixture_text, weight_text, width
from tests.helpers.paths import ROOT
from tests.helpers.records_made import record


@pytest.fixture
def folder(tmp_path):
    """The record worked out on paper, and the tokenizer of its target side."""
    made = record()
    made.save(tmp_path)
    vocabulary = {token: token_id for token_id, token in enumerate(made.target.tokens)} | {"added": len(made)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


LEGEND = (
    "\ncosine: how near a token and its heaviest donor are, as worked out on paper; usual here is .55, "
    "the lowest tenth is below .06\n"
)


def test_tokens(command, folder):
    assert command("explain", folder, "비밀번호", "병원", "passcode", "[CLS]", "\U0001f984")[1] == (
        "비밀번호  = .71 password + .29 passcode  mixed, cosine .80\n"
        "병원      = 1 hospital                   mixed, cosine .90\n"
        "passcode  = passcode                     copied (exact)\n"
        "[CLS]     = [CLS]                        special\n"
        "\U0001f984        = drawn at random              sampled\n" + LEGEND
    )


def test_a_phrase_is_shown_piece_by_piece(command, folder):
    code, out, _ = command("explain", folder, "의사들", "PASSCODE", "--top", "1")
    assert code == 0 and out == (
        "의사들 is read as 의사 ##들\n"
        "  의사      = .60 password + .40 in 1 other  mixed, cosine -.10\n"
        "  ##들      = .40 ##s + .60 in 3 others      mixed, cosine .30\n"
        "PASSCODE is read as passcode\n"
        "  passcode  = passcode                       copied (exact)\n" + LEGEND + "##: the token continues a word\n"
    )


def test_the_worst(command, folder):
    out = command("explain", folder, "--worst", "3")[1]
    assert [line.split()[0] for line in out.splitlines() if " = " in line] == ["의사", "##들", "은행"]
    assert out.startswith("3 of 5 mixed tokens, those with the farthest donors first")
    assert out.endswith("tokens without any donor, drawn at random: 1 (\U0001f984)\n")
    record(strength=False).save(folder)
    out = command("explain", folder, "--worst", "3")[1]
    assert [line.split()[0] for line in out.splitlines() if " = " in line] == ["##들", "은행", "의사"]
    assert out.startswith("3 of 5 mixed tokens, those with the flattest mixtures first") and "cosine" not in out


def test_the_legend_explains_what_is_shown(command, folder):
    assert "continues a word" not in command("explain", folder, "의사", "--top", "1")[1]
    assert "continues a word" in command("explain", folder, "의사", "--top", "2")[1], "its second donor is ##s"
    record(strength=False).save(folder)
    assert command("explain", folder, "병원")[1] == "병원  = 1 hospital  mixed\n"


def test_json(command, folder):
    code, out, _ = command("explain", folder, "비밀번호", "의사들", "--format", "json", "--top", "1")
    explanation = json.loads(out)
    assert code == 0 and explanation["measure"] == "as worked out on paper"
    assert [(entry["asked"], entry["token"], entry["id"]) for entry in explanation["tokens"]] == [
        ("비밀번호", "비밀번호", 1),
        ("의사들", "의사", 7),
        ("의사들", "##들", 4),
    ]
    first = explanation["tokens"][0]
    assert first["donors"] == [
        {"token": "password", "id": 1, "weight": pytest.approx(0.71)},
        {"token": "passcode", "id": 2, "weight": pytest.approx(0.29)},
    ]
    assert (first["origin"], first["rule"], first["support"], first["strength"]) == ("mixed", "", 2, pytest.approx(0.8))
    worst = json.loads(command("explain", folder, "--worst", "2", "--format", "json")[1])["tokens"]
    assert [entry["token"] for entry in worst] == ["의사", "##들"] and "asked" not in worst[0]
    sampled = json.loads(command("explain", folder, "\U0001f984", "--format", "json")[1])["tokens"][0]
    assert sampled["strength"] is None and sampled["donors"] == [] and sampled["origin"] == "sampled"


def test_unknown_tokens(command, folder):
    code, out, err = command("explain", folder, "비밀번허")
    reason = "'비밀번허' is unknown to this encoder, its tokenizer knows no piece of it"
    assert (code, out, err) == (2, "", f"error: {reason}; tokens like it: 비밀번호\n")
    assert "no token is like it" in command("explain", folder, "qq")[2]
    assert "has tokens that were added to the tokenizer after the transfer" in command("explain", folder, "added")[2]
    assert "is empty; name a token" in command("explain", folder, "  ")[2]
    (folder / "tokenizer.json").unlink()
    assert command("explain", folder, "비밀번호")[0] == 0, "tokens are found without the tokenizer"
    assert "and tokenizer.json is not there to cut it into tokens" in command("explain", folder, "비밀번호 병원")[2]


def test_half_known_phrases_show_what_is_not_known(command, folder):
    lines = command("explain", folder, "병원 zzz")[1].splitlines()
    assert lines[0] == "병원 zzz is read as 병원 [UNK]" and lines[2].split() == ["[UNK]", "=", "[UNK]", "special"]


def test_a_fine_tuned_folder_explains_its_start(made, command, transferred, tmp_path):
    from sentence_transformers import SparseEncoder

    start = transferred("sembridge")
    SparseEncoder(str(start), device="cpu").save_pretrained(str(tmp_path / "tuned"))
    code, _, err = command("explain", tmp_path / "tuned", "кот")
    assert (
        code == 2
        and "has no transfer.json, so it is not a transferred encoder, or its record was not copied along" in err
    )
    for name in ("transfer.json", "transfer.safetensors"):
        shutil.copy(start / name, tmp_path / "tuned" / name)
    assert command("explain", tmp_path / "tuned", "кот")[1] == command("explain", start, "кот")[1] != ""


@pytest.mark.parametrize("family", ["roberta", "inference-free"])
def test_real_folders(made, command, transferred, family):
    """Tokens of a byte-level source are shown as text; the tokenizer in an inference-free encoder's folder is read."""
    from sembridge.model_card.record import load_record

    folder = transferred("sembridge", source=made.sources[family])
    whole, cut = load_record(folder).find("кот"), command("explain", folder, "новый кот смотрит", "--format", "json")[1]
    assert whole is not None and whole in [entry["id"] for entry in json.loads(cut)["tokens"]]
    out = command("explain", folder, "кот")[1]
    assert out.startswith("кот") and "Ġ" not in out


def test_narrow_terminals_and_impatient_readers(folder):
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-m", "harness.cli.main", "explain", str(folder), "비밀번호"]
    process = subprocess.run(arguments, capture_output=True, env=environment)
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith(b"\\ube44\\ubc00\\ubc88\\ud638  = .71 password")
    process = subprocess.run([*arguments, "\U0001f984", "--format", "json"], capture_output=True, env=environment)
    tokens = [entry["token"] for entry in json.loads(process.stdout)["tokens"]]
    assert tokens == ["비밀번호", "\U0001f984"], "the escapes are those of JSON"


def test_columns_are_straight_on_a_terminal():
    widths = {
        "abc": 3,
        "비밀번호": 8,
        "병원a": 5,
        "日本": 4,
        "ＡＢ": 4,
        "ｱ": 1,
        "é": 1,
        "e\u0301": 1,
        "हिन्दी": 5,
        "\u1112\u1161\u11ab": 2,
        "": 0,
        "\u200d": 0,
    }
    assert {text: width(text) for text in widths} == widths
    assert columns([["가", "x", "y"], ["abc", "", "z"]]) == ["가   x  y", "abc     z"]


def test_weights_are_short():
    assert [weight_text(weight) for weight in (0.714, 0.05, 0.996, 1.0, 0.004, 0.0, -0.126)] == [
        ".71",
        ".05",
        "1",
        "1",
        "<.01",
        ".00",
        "-.13",
    ]
    assert mixture_text(record(), 4, 2) == ".40 ##s + .30 password + .30 in 2 others"


def test_tokens_that_cannot_be_seen_are_escaped():
    from sembridge.model_card.lines import printable

    assert printable("a\u200bb\x07\n") == "a\\u200bb\\x07\\n" and printable("é 비") == "é 비"
