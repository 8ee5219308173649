"""What `pocket:...` names stand for, and the messages for wrong ones."""

from __future__ import annotations

import pytest

from harness.pocket import dictionary
from harness.pocket.architectures import ARCHITECTURES
from harness.pocket.names import COLLECTIONS, LANGUAGES, SEED, pocket_member
from harness.store.artifact import Artifact, Member


@pytest.mark.parametrize("language", [*LANGUAGES, "en"])
def test_texts_and_tokenizers_that_exist(language, pocket_text, pocket_tokenizers):
    for name in COLLECTIONS:
        member = pocket_member(f"collections/{language}/{name}")
        assert isinstance(member, Member) and member.artifact.parameters == {"seed": SEED}
        assert member.artifact.stage.name == "pocket-text"
        assert (pocket_text / member.path / "corpus.jsonl").is_file()
    member = pocket_member(f"text/{language}.txt")
    assert member.artifact.stage.name == "pocket-text" and (pocket_text / member.path).is_file()
    member = pocket_member(f"tokenizers/{language}")
    assert member.artifact.stage.name == "pocket-tokenizers"
    assert (pocket_tokenizers / member.path / "tokenizer.json").is_file()


@pytest.mark.parametrize("language", LANGUAGES)
def test_dictionaries(language, tmp_path):
    member = pocket_member(f"dictionary/{language}.tsv")
    assert (member.artifact.stage.name, member.artifact.needed) == ("pocket-dictionary", ())
    dictionary.build(tmp_path, member.artifact.parameters, {})
    assert (tmp_path / member.path).is_file()


def test_models():
    for architecture in ARCHITECTURES:
        encoder = pocket_member(f"encoders/{architecture}")
        assert isinstance(encoder, Artifact) and encoder.stage.name == "pocket-encoder"
        assert encoder.parameters["family"] == architecture
        assert {artifact.stage.name for artifact in encoder.needed} == {"pocket-text", "pocket-tokenizers"}
    bridge = pocket_member("bridge")
    assert isinstance(bridge, Artifact) and bridge.stage.name == "pocket-bridge"
    assert [artifact.stage.name for artifact in bridge.walk()] == ["pocket-text", "pocket-bridge"]


def test_every_architecture_has_its_own_key():
    assert len({pocket_member(f"encoders/{name}").key for name in ARCHITECTURES}) == len(ARCHITECTURES) == 4


def test_names_are_stable():
    assert pocket_member("bridge") == pocket_member("bridge") != pocket_member("encoders/bert")
    assert pocket_member("text/ko.txt") == pocket_member("text/ko.txt") != pocket_member("text/ru.txt")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("collections/fr/faq", r"language 'fr' is not in the pocket; .*known: ar, hi, ko, ru, zh"),
        ("tokenizers/kp", r"language 'kp' is not in the pocket; did you mean 'ko'\?"),
        ("text/de.txt", r"language 'de' is not in the pocket"),
        ("collections/ko/fqa", r"collection 'fqa' is not in the pocket; did you mean 'faq'\? known: faq, passages"),
        ("dictionary/en.tsv", r"language 'en' has no dictionary in the pocket; .*known: ar, hi, ko, ru, zh"),
        ("dictionary/ko", r"the pocket has no 'dictionary/ko'; did you mean 'dictionary/ko.tsv'"),
        ("encoders/distil-bert", r"encoder 'distil-bert' is not in the pocket; did you mean 'distilbert'\?"),
        ("encoders/brt", r"encoder 'brt' is not in the pocket; did you mean 'bert'\?"),
        ("collections", r"the pocket has no 'collections'; did you mean"),
        ("collections/ko", r"the pocket has no 'collections/ko'; did you mean 'collections/ko/faq'"),
        ("collections/ko/faq/corpus.jsonl", r"the pocket has no"),
        ("text/ko", r"the pocket has no 'text/ko'; did you mean 'text/ko.txt'"),
        ("tokenizers/ko/tokenizer.json", r"the pocket has no"),
        ("bridge/ko", r"the pocket has no 'bridge/ko'; did you mean 'bridge'"),
        ("brigde", r"the pocket has no 'brigde'; did you mean 'bridge'"),
        ("", r"the pocket has no ''"),
    ],
)
def test_wrong_names(path, message):
    with pytest.raises(ValueError, match=message):
        pocket_member(path)
