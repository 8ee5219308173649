"""`sembridge-bench recommend` finds the planted tokenizer and bridge, and refuses wrong input in one line."""

from __future__ import annotations

import json
import re
import shlex
import shutil

import pytest

from harness.cli.main import main, parser
from tests.helpers.families_made import with_marks
from tests.helpers.planted_bridges import planted_bridge
from tests.helpers.tokenizers_made import made_tokenizer

PAIRS = [
    ("cat", "кот"), ("song", "песня"), ("river", "река"), ("window", "окно"), ("old", "старый"), ("market", "рынок"),
    ("bread", "хлеб"), ("water", "вода"), ("winter", "зима"), ("summer", "лето"), ("garden", "сад"), ("bridge", "мост"),
    ("street", "улица"), ("train", "поезд"), ("captain", "капитан"), ("island", "остров"), ("story", "рассказ"),
    ("evening", "вечер"), ("music", "музыка"), ("silence", "тишина"),
]  # fmt: skip


@pytest.fixture(scope="module")
def planted(made, tmp_path_factory):
    """Two tokenizers, one with whole words and one of short pieces; two bridges, one of which translates."""
    root = tmp_path_factory.mktemp("planted")
    with_marks(made_tokenizer("wordpiece", "russian", 120)).save_pretrained(root / "pieces")
    planted_bridge(root / "good", PAIRS)
    planted_bridge(root / "bad", PAIRS, translates=False)
    (root / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in PAIRS), encoding="utf-8")
    shutil.copytree(made.target, root / "words")
    return root


def recommended(planted, made, command, *options, bridges=("bad", "good"), tokenizers=("pieces", "words")):
    code, out, err = command(
        *("recommend", made.source, "--json", "--tokenizer", *(planted / name for name in tokenizers)),
        *("--bridge", *(planted / name for name in bridges), *options),
    )
    assert code == 0, err
    return json.loads(out), err


def test_the_planted_combination_is_recommended(planted, made, command):
    content, err = recommended(
        planted, made, command, "--text", made.text, "--dictionary", planted / "pairs.tsv", "--language", "ru"
    )
    chosen = content["recommended"]
    assert (chosen["tokenizer"], chosen["bridge"]) == ("words", "good")
    by_name = {(each["tokenizer"], each["bridge"]): each for each in content["combinations"]}
    assert len(by_name) == 4
    good, bad = by_name["words", "good"], by_name["words", "bad"]
    assert good["dictionary"]["precision"] == good["dictionary"]["csls"] == 1.0 > bad["dictionary"]["precision"]
    assert good["translated"] > 0.9 > bad["translated"]
    assert good["of_tokenizer"]["reading"]["pieces"] < by_name["pieces", "good"]["of_tokenizer"]["reading"]["pieces"]
    assert good["of_tokenizer"]["reading"]["unknown"] == 0
    assert "left" in err.splitlines()[0] and "left" not in err.splitlines()[-1]


def test_neighbors_and_pieces_find_it_without_a_dictionary(planted, made, command):
    content, _ = recommended(planted, made, command, "--text", made.text)
    assert (content["recommended"]["tokenizer"], content["recommended"]["bridge"]) == ("words", "good")
    assert all(each["dictionary"] is None and each["translated"] is None for each in content["combinations"])


def test_the_next_command_transfers(planted, made, command, tmp_path, monkeypatch):
    """Without a text, SemBridge is advised, at the alpha of its measures."""
    monkeypatch.chdir(tmp_path)
    content, _ = recommended(planted, made, command, "--language", "ru", bridges=["good"], tokenizers=["words"])
    assert content["recommended"]["initializer"] == "sembridge" and content["expected"]["active"] is None
    words = shlex.split(content["command"])
    assert words[0] == "sembridge-bench" and words[-2:] == ["--out", "splade-ru"]
    arguments = parser().parse_args(words[1:])
    assert (arguments.initializer, arguments.alpha) == ("sembridge", content["recommended"]["alpha"])
    assert main(words[1:]) == 0 and (tmp_path / "splade-ru" / "transfer.json").is_file()


def test_the_next_command_with_text_is_signet_s(planted, made, command, tmp_path, monkeypatch):
    """It reads the text, as its card says: pieces are placed by it, and the bias is calibrated on it."""
    monkeypatch.chdir(tmp_path)
    text = tmp_path / "a text.txt"
    shutil.copy(made.text, text)
    content, _ = recommended(
        planted, made, command, "--text", "a text.txt", "--language", "ru", bridges=["good"], tokenizers=["words"]
    )
    assert (content["recommended"]["initializer"], content["recommended"]["alpha"]) == ("signet", None)
    words = shlex.split(content["command"])
    arguments = parser().parse_args(words[1:])
    assert (arguments.initializer, arguments.language, arguments.alpha) == ("signet", "ru", None)
    assert str(arguments.text) == "a text.txt"
    assert main(words[1:]) == 0
    record = json.loads((tmp_path / "splade-ru" / "transfer.json").read_text(encoding="utf-8"))
    assert record["recipe"]["options"]["bias"] == "calibrated" and "text" in record["recipe"]["inputs"]


def test_a_source_without_a_bias_is_not_to_be_calibrated(planted, made, command, tmp_path, monkeypatch):
    """Signet's own policy would be refused; the command names one that is not, and the page says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.advice.measuring.has_bias", lambda encoder: False)
    options = ["--tokenizer", planted / "words", "--bridge", planted / "good", "--text", made.text]
    code, out, _ = command("recommend", made.source, *options)
    assert code == 0 and "leaves the bias: the decoder of SOURCE has none" in out
    words = shlex.split(out.strip().splitlines()[-1])
    assert parser().parse_args(words[1:]).bias == "transfer"
    assert main(words[1:]) == 0


def test_the_page_says_why_this_method(planted, made, command, tmp_path):
    models = ["--tokenizer", planted / "words", "--bridge", planted / "good"]
    _, out, _ = command("recommend", made.source, *models)
    assert "why sembridge: there is no text; with --text FILE, signet would score better" in out
    assert "it is not known how many dimensions will be active, because there is no --text" in out
    _, out, _ = command("recommend", made.source, *models, "--text", made.text)
    assert "why signet: there is text; it places pieces by the words of the text, and calibrates the bias on it" in out
    assert re.search(
        r"on \d+ lines of the text, calibrated on \d+ others; so few leave rare words active too often", out
    )
    short = tmp_path / "short.txt"
    short.write_text("".join(f"слово {i}\n" for i in range(30)), encoding="utf-8")
    code, out, _ = command("recommend", made.source, *models, "--text", short)
    assert code == 0 and "with signet" in out
    assert "because the text has only 30 different lines (at least 40: the bias is calibrated on some" in out


def test_the_page(planted, made, command):
    """Two models of one name are told apart by what was typed."""
    same = planted / "another" / "words"
    shutil.copytree(planted / "words", same)
    code, out, _ = command(
        "recommend", made.source, "--tokenizer", planted / "words", same, "--bridge", planted / "good"
    )
    assert code == 0
    assert out.count(str(same)) == 3 and "take the tokenizer" in out
    assert "unknown  pieces/word" in out and "measured on" not in out
    row = next(line for line in out.splitlines() if line.startswith(str(same)) and "copied" not in line)
    assert row.split()[2:4] == ["-", "-"], "without a text its reading is not known"


def test_scores_of_earlier_grids(planted, made, command, tmp_path):
    """Enough cells give a number with an interval, and the languages and bridges that it reaches over."""
    columns = "language,architecture,collection,initializer,bridge,alpha,regime,seed,ndcg@10,recall@100,mrr@10"
    columns += ",query_active,doc_active,unknown_documents,documents,queries,train_pairs,status,label,key"
    rows = [
        f"{language},bert,faq,{method},{bridge},,zero-shot,1,{level + step / 10},1,1,{1 + 999 * step},{1 + 999 * step},"
        f"0,1,1,,ok,{method},{language}{method}{bridge}"
        for language in ("ko", "ar", "hi")
        for method, level in (("signet", 0.5), ("mean", 0.1), ("random", 0.3))
        for bridge, step in (("x", 0), ("y", 1))
    ]
    for name, lines in (("many", rows), ("few", rows[:3])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cells.csv").write_text("\n".join([columns, *lines]) + "\n", encoding="utf-8")
    options = ["--text", made.text, "--language", "ru", "--results"]
    chosen = {"bridges": ["good"], "tokenizers": ["words"]}
    content, _ = recommended(planted, made, command, *options, tmp_path / "many", **chosen)
    (score,) = content["expected"]["scores"]
    assert 0 <= score["low"] <= score["score"] <= score["high"] <= 1
    assert (score["cells"], score["languages"], score["reach"]["language"]) == (18, 3, pytest.approx(1))
    assert score["method"] == "signet" and set(score["reach"]) == {"language", "bridge"}
    content, _ = recommended(planted, made, command, *options, tmp_path / "few", **chosen)
    assert content["expected"]["scores"] == [] and "too few to learn from" in content["expected"]["not_predicted"][0]


def test_a_sample_is_told(planted, made, command):
    code, out, _ = command(
        "recommend", made.source, "--tokenizer", planted / "words", "--bridge", planted / "good", "--sample", "100"
    )
    assert code == 0
    told = next(line for line in out.splitlines() if line.startswith("measured on"))
    assert re.match(r"measured on 100 of \d{3} donors, 100 of 1\d\d tokens that need a row; with --sample all, ", told)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sample", "5"], "--sample '5' is not a number of tokens; give one from 100 on, or all"),
        (["--language", "Russian!"], "--language 'Russian!' is not a language code"),
        (["--text", "nowhere.txt"], "--text 'nowhere.txt' is not a file; check the path"),
        (["--text", "{dots}"], "the text has no words; give text of the new language"),
        (["--text", "{chinese}"], "the text has no spaces between words; add its language, such as --language zh"),
        (["--dictionary", "{chinese}"], "line 1: expected a source word, a tab and a target word"),
        (["--tokenizer", "{words}", "{words}"], "is given twice; name each model once"),
        (["--tokenizer", "monologg/kobigbird"], "add its pinned revision as monologg/kobigbird@COMMIT"),
        (["--bridge", "BAAI/bge-m3"], "add its pinned revision as BAAI/bge-m3@COMMIT"),
        (["--bridge", "{good}", "{bad}", "--bridge-prompt", "query: "], "'query: ' is the prefix of one bridge"),
        (["--tokenizer", "{good}"], "has no pad token"),
        (["--results", "{words}"], "add --text FILE, or leave --results out"),
        (["--results", "{words}", "--text", "{ru}"], "has no cells.csv; give the folder that a run wrote"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_in_one_line(planted, made, command, tmp_path, options, message):
    (tmp_path / "dots").write_text("... !\n", encoding="utf-8")
    (tmp_path / "chinese").write_text("北京是中国的首都\n", encoding="utf-8")
    places = {name: planted / name for name in ("words", "good", "bad")}
    places |= {name: tmp_path / name for name in ("dots", "chinese")} | {"ru": made.text}
    defaults = ["--tokenizer", "{words}"] * ("--tokenizer" not in options)
    defaults += ["--bridge", "{good}"] * ("--bridge" not in options)
    filled = [option.format(**places) for option in (*defaults, *options)]
    code, out, err = command("recommend", made.source, *filled)
    assert (code, out) == (2, "")
    assert message in err and err.count("\n") == 1


def test_a_dictionary_the_wrong_way_round(planted, made, command, tmp_path):
    (tmp_path / "ru-en.tsv").write_text("".join(f"{b}\t{a}\n" for a, b in PAIRS), encoding="utf-8")
    code, out, err = command(
        *("recommend", made.source, "--tokenizer", planted / "words", "--bridge", planted / "good"),
        *("--dictionary", tmp_path / "ru-en.tsv"),
    )
    assert (code, out) == (1, "")
    assert "none of the words in the dictionary's first column is a token of the source" in err


def test_a_bridge_that_knows_nothing(planted, made, command, tmp_path):
    planted_bridge(tmp_path / "none", [("xyz", "zyx")])
    code, _, err = command("recommend", made.source, "--tokenizer", planted / "words", "--bridge", tmp_path / "none")
    assert code == 1 and "none of the bridges knows a token" in err


def test_the_source_s_own_vocabulary_needs_no_advice(planted, made, command):
    code, _, err = command("recommend", made.source, "--tokenizer", made.source, "--bridge", planted / "good")
    assert code == 1 and "every token of a tokenizer is in the source's vocabulary" in err
