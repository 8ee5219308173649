"""Every folder and file of a preset is resolved and checked once, and a wrong one is named before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

from harness.collections import beir
from harness.initialization.aligned_vectors import NEED as ALIGNED
from harness.initialization.bridge_vectors import NEED as BRIDGED
from harness.plan.inputs import Inputs, chosen, documents
from harness.plan.plan import plan
from harness.plan.preset import Preset, PresetError
from harness.store.artifact import Artifact, Hub, Local, Member
from harness.store.stage import Stage
from tests.helpers.encoders_made import made_bridge_folder

COMMIT = "0123456789abcdef" * 2 + "01234567"
DOWNLOAD = {"hub": "org/data", "revision": COMMIT}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a tokenizer, a collection without training pairs and a dictionary, all of ru, to the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words" / "ru").mkdir(parents=True)
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0}, unk_token="[PAD]"))
    tokenizer.save(str(tmp_path / "words" / "ru" / "tokenizer.json"))
    (tmp_path / "words" / "ru" / "tokenizer_config.json").write_text('{"pad_token": "[PAD]"}')
    beir.write(tmp_path / "data" / "ru", [("d", "", "text")], [("q", "question")], [("q", "d", 1)])
    (tmp_path / "ru.tsv").write_text("cat\tкот\n")
    return tmp_path


def preset(*initializers: str, **options) -> Preset:
    content = {
        "title": "t",
        "languages": ["ru"],
        "architectures": {"a": {"model": "org/a", "revision": "1", "hub": True}},
        "tokenizers": "words/{language}",
        "collections": {"c": "data/{language}", "d": DOWNLOAD | {"limit": 0}},
        "initializers": list(initializers or ["mean"]),
    }
    return Preset.model_validate(content | options)


def refusal(preset: Preset) -> str:
    with pytest.raises(PresetError, match=r"\S") as error:
        Inputs(preset)
    return str(error.value)


def test_documents_are_a_file_of_the_collection(tmp_path):
    artifact = Artifact(Stage("made", 1, 1, print), {})
    assert documents(Local(tmp_path)) == Local(tmp_path / "corpus.jsonl")
    assert documents(artifact) == Member(artifact, "corpus.jsonl")
    assert documents(Member(artifact, "ru")) == Member(artifact, "ru/corpus.jsonl")


def test_the_first_available_option_of_each_group_is_read():
    available = ["dictionary", "source_text", "target_vectors", "text"]
    assert [option.name for option in chosen(ALIGNED, "wechsel", available)] == available[:3]
    message = "initializer 'sembridge' needs a multilingual sentence encoder: add --set bridges.NAME.model=FOLDER"
    with pytest.raises(PresetError, match=re.escape(message)):
        chosen(BRIDGED, "sembridge", available)
    with pytest.raises(
        PresetError, match=r"initializer 'wechsel' needs a bilingual dictionary, .*: add --set dictiona"
    ):
        chosen(ALIGNED, "wechsel", [])


def test_everything_named_is_resolved_by_language_and_by_the_name_in_tables(here):
    inputs = Inputs(preset())
    assert inputs.encoders == {"a": Hub("org/a", "1")} and inputs.bridges == inputs.references == {}
    assert inputs.tokenizers == {"ru": Local(here / "words" / "ru")}
    assert inputs.collections["c", "ru"] == Local(here / "data" / "ru")
    assert set(inputs.collections) == {("c", "ru"), ("d", "ru"), ("d-judged", "ru")}
    assert inputs.collections["d", "ru"] == inputs.collections["d-judged", "ru"]
    assert inputs.files == {"ru": {}}


def test_only_files_that_rows_read_are_looked_for(here):
    files = {"dictionary": "{language}.tsv", "source_text": "ru.tsv", "text": "ru.tsv", "words": "nowhere"}
    assert set(Inputs(preset("mean", "base", **files)).files["ru"]) == {"text"}
    read = Inputs(preset("wechsel", **files)).files["ru"]
    assert read == {name: Local(here / "ru.tsv") for name in ("dictionary", "source_text", "text")}
    assert refusal(preset("ofa", **files)) == "words: 'nowhere' does not exist here; check the path"


def test_files_are_looked_into(here):
    (here / "ru.tsv").write_text("cat кот\n")
    message = refusal(preset("wechsel", dictionary="{language}.tsv", source_text="ru.tsv", text="ru.tsv"))
    assert message.startswith("dictionary: ") and "line 1: expected a source word, a tab and a target word" in message


def test_text_may_be_the_documents_of_a_collection(here):
    assert Inputs(preset(text="collection:c")).files["ru"]["text"] == Local(here / "data" / "ru" / "corpus.jsonl")
    downloaded = Inputs(preset(text="collection:d"))
    assert downloaded.files["ru"]["text"] == documents(downloaded.collections["d", "ru"])
    assert refusal(preset(text="collection:e")) == "text: collection 'e' is unknown; known: c, d"


def test_a_language_needs_its_tokenizer(here):
    tokenizers = {"ru": "words/ru", "kor": "words/ru"}
    message = refusal(preset(languages=["ko"], tokenizers=tokenizers))
    assert message == "--languages ko: no tokenizer for this language; did you mean 'kor'? known: kor, ru"
    assert refusal(preset(languages=["ko"])) == "--languages ko: words/ko does not exist; known: ru"


def test_pairs_are_needed_of_the_collection_that_is_trained_on(here):
    fine_tuned = {"regimes": ["fine-tuned"]}
    message = refusal(preset(**fine_tuned))
    assert (
        message.startswith("--languages ru, collection c: ") and "add qrels/train.tsv, or leave fine-tuned" in message
    )
    assert Inputs(preset(**fine_tuned, training={"collection": "d"})).collections["c", "ru"] is not None


def test_models_are_looked_into_where_a_row_uses_them(here):
    (here / "empty").mkdir()
    assert refusal(preset(architectures={"a": "empty"})).startswith("architectures.a: ")
    unused = preset("mean", references={"r": "empty"}, bridges={"b": "empty"})
    assert Inputs(unused).references == {}
    used = preset("r", references={"r": "empty"}, bridges={"b": "empty"})
    assert refusal(used).startswith("references.r: ")
    assert refusal(preset("dense", bridges={"b": "empty"})).startswith("bridges.b: ")


def test_a_bridge_without_its_prompt_is_warned_of_where_a_row_reads_it(here):
    made_bridge_folder(here / "e5-small", ["cat", "кот"])
    bridge = {"e5": {"model": "e5-small"}}
    prompted = {"e5": {"model": "e5-small", "prompt": "query: "}}
    [warning] = Inputs(preset("sembridge", bridges=bridge)).warnings
    assert warning == (
        f"bridges.e5: {here / 'e5-small'} seems to be of the e5 family, which expects 'query: ' before a text; "
        "add --set 'bridges.e5.prompt=query: '"
    )
    told: list[str] = []
    plan(preset("sembridge", bridges=bridge), told.append)
    assert told == [warning]
    assert Inputs(preset("sembridge", bridges=prompted)).warnings == []
    assert Inputs(preset("mean", bridges=bridge)).warnings == []
    [warning] = Inputs(preset("dense", bridges=prompted)).warnings
    assert "'query: ' before a query and 'passage: ' before a document (row dense); add --set" in warning
