"""The stage of pieces by words: what is loaded is what the library places; what it shares; when it is asked for."""

from __future__ import annotations

import pytest

from harness.collections.text import lines
from harness.initialization import needs
from harness.initialization.needs import BRIDGE, TEXT, Materials
from harness.initialization.settings import filled_by, settable
from harness.store.artifact import Artifact, Local
from harness.store.store import Store
from sembridge.bridge import load_bridge
from sembridge.bridging.piece_vectors import embed_by_words
from sembridge.encoder.loading import load_tokenizer
from sembridge.semantic_bridge import SemBridge
from sembridge.signet import Signet
from sembridge.vocabulary.vocabulary import Vocabulary
from tests.helpers.tokenizers_made import made_tokenizer
from tests.helpers.vector_stages import assert_same_arrays

NEED = needs._load("bridge")
SOURCES = ("bridge", "text")


def inputs(materials, target="target", source="source", names=SOURCES, profile="fixed", prompt=""):
    files = {"bridge": Local(materials / "bridge"), "text": Local(materials / "text.txt")}
    read = {name: files[name] for name in names}
    sides = Local(materials / source), Local(materials / target)
    return NEED.inputs(Materials(*sides, read, prompt=prompt, language="ru", profile=profile))


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    store.create()
    return store


def made(store, sources) -> list[str]:
    """Compute what is missing; returns the names of its stages, sorted."""
    missing = {artifact for source in sources.values() for artifact in source.walk() if not store.has(artifact)}
    for source in sources.values():
        store.make(source)
    return sorted(artifact.stage.name for artifact in missing)


@pytest.mark.parametrize(("profile", "prompt"), [("fixed", ""), ("compat", "window ")])
def test_the_stage_stores_what_the_library_places(materials, store, profile, prompt):
    made_tokenizer("wordpiece", "russian", 200).save_pretrained(materials / "small-target")
    read = inputs(materials, target="small-target", profile=profile, prompt=prompt)
    made(store, read)
    loaded = NEED.load({name: store.locate(source) for name, source in read.items()})
    tokenizer, bridge = load_tokenizer(str(materials / "small-target")), load_bridge(str(materials / "bridge"))
    expected = embed_by_words(
        bridge,
        Vocabulary.from_tokenizer(tokenizer, profile),
        tokenizer,
        lines(materials / "text.txt"),
        language="ru",
        prompt=prompt,
    )
    assert_same_arrays(loaded.target, expected, ("vectors", "known", "placed"))
    assert loaded.prompt == prompt and loaded.source.placed is None
    assert loaded.target.placed.sum() > 20


def test_words_are_embedded_once_for_all_encoders_and_tokenizers(materials, store):
    made_tokenizer("byte-bpe", "russian").save_pretrained(materials / "other-target")
    made_tokenizer("wordpiece", "english").save_pretrained(materials / "other-source")
    both = ["bridge-vectors", "bridge-vectors"]
    assert made(store, inputs(materials)) == [*both, "piece-vectors", "word-counts", "word-vectors"]
    assert made(store, inputs(materials)) == []
    assert made(store, inputs(materials, source="other-source")) == ["bridge-vectors"]
    assert made(store, inputs(materials, target="other-target")) == ["bridge-vectors", "piece-vectors"]
    assert made(store, inputs(materials, prompt="window ")) == [*both, "piece-vectors", "word-vectors"]


def test_without_text_the_vectors_are_those_of_methods_that_do_not_ask(materials):
    plain, placed = (inputs(materials, names=names) for names in (("bridge",), SOURCES))
    assert isinstance(plain["bridge_target"], Artifact) and plain["bridge_target"].stage.name == "bridge-vectors"
    assert placed["bridge_source"] == plain["bridge_source"] and placed["bridge_target"] != plain["bridge_target"]
    assert placed["bridge_target"].inputs["own"] == plain["bridge_target"]


def test_text_is_read_where_a_method_asks_for_it_and_it_is_there():
    choices = [
        (["bridge", "text"], {"pieces": "words"}, [BRIDGE, TEXT]),
        (["bridge"], {"pieces": "words"}, [BRIDGE]),
        (["bridge", "text"], {"pieces": "own"}, [BRIDGE]),
        (["bridge", "text"], {}, [BRIDGE]),
    ]
    for available, fields, expected in choices:
        assert NEED.choose(available, "x", str, fields) == expected
        lacks = [request.option for request in NEED.unavailable(expected, fields)]
        assert lacks == ([TEXT] if fields.get("pieces") == "words" and "text" not in available else [])


def test_a_text_is_given_by_its_option_and_pieces_are_set():
    shared = {"position", "geometry", "directions", "csls", "pieces"}
    assert set(settable(SemBridge)) == {"alpha"} | shared
    assert set(settable(Signet)) == {"donors", "own", "seed"} | shared
    for method in (SemBridge, Signet):
        assert filled_by(method, "text") == TEXT and filled_by(method, "bridge") == BRIDGE
