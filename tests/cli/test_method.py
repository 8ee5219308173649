"""The initializer that a command names, its parameters and its inputs: refused before anything is computed."""

from __future__ import annotations

import argparse
import re

import pytest

from harness.cli.inputs import Input
from harness.cli.method import check_name, input_options, method
from harness.cli.refusal import RefusedError
from harness.initialization.needs import options
from harness.store.artifact import Hub, Local
from sembridge.extras import EXTRAS, MissingExtraError
from sembridge.semantic_bridge import SemBridge
from tests.helpers.pieces_method import register

BRIDGE = {"bridge": Input("a/b", Hub("a/b", "abc"))}


def arguments(initializer: str = "sembridge", **typed) -> argparse.Namespace:
    """Return the options of `transfer` that a method reads."""
    rest = {"alpha": None, "set": [], "bridge_prompt": None, "bridge_revision": None}
    return argparse.Namespace(**dict.fromkeys(options()) | rest | {"initializer": initializer} | typed)


@pytest.fixture
def words(tmp_path) -> dict[str, Input]:
    path = tmp_path / "words.vec"
    path.write_text("1 2\na 1 2\n")
    return {"words": Input(str(path), Local(path))}


def test_names():
    check_name("sembridge")
    with pytest.raises(RefusedError, match="--initializer 'sembrigde' is unknown; did you mean 'sembridge'"):
        check_name("sembrigde")


def test_settings_and_inputs_of_a_method():
    described = method(arguments(alpha=2.5), BRIDGE)
    assert described.kind is SemBridge and described.settings == {"alpha": 2.5} and described.inputs == BRIDGE
    assert described.parameters()["alpha"] == 2.5 and "bridge" not in described.parameters()
    assert method(arguments(), BRIDGE).parameters()["alpha"] == SemBridge.alpha, "the default is written down, too"


def test_values_are_read_as_the_type_of_the_default(words):
    described = method(arguments("ofa", set=["temperature=1", "neighbours=3"]), words)
    assert described.settings == {"temperature": 1.0, "neighbours": 3}
    assert [type(value) for value in described.settings.values()] == [float, int]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"set": ["alpha"]}, "--set 'alpha' is not of the form FIELD=VALUE"),
        ({"set": ["alhpa=2"]}, "initializer 'sembridge' has no parameter 'alhpa'; did you mean 'alpha'?"),
        ({"set": ["bridge=x"]}, "has no parameter 'bridge'; use --bridge instead"),
        ({"set": ["alpha=two"]}, "is not a float; the default is 4.0"),
        ({"set": ["alpha=[1"]}, "is not a float; the default is 4.0"),
        ({"set": ["alpha=.nan"]}, "nan is not a finite number; the default is 4.0"),
        ({"set": ["alpha=2", "alpha=2"]}, "--set 'alpha=2': alpha is given twice"),
        ({"set": ["alpha=2"], "alpha": 2.0}, "alpha is given twice"),
        ({"alpha": float("inf")}, "--alpha inf is not a finite number; give one from 1 on, or auto"),
        ({"alpha": 0.5}, "initializer 'sembridge': alpha 0.5"),
        ({"initializer": "mean", "alpha": 2.0}, "initializer 'mean' has no alpha; leave --alpha out"),
        ({"initializer": "mean", "set": ["x=1"]}, "initializer 'mean' has no parameter 'x'; it has no parameters"),
    ],
    ids=str,
)
def test_settings_that_are_refused(typed, message):
    with pytest.raises(RefusedError, match=re.escape(message)):
        method(arguments(**typed), BRIDGE)


def test_inputs_that_are_missing():
    with pytest.raises(RefusedError, match=r"initializer 'focus' needs text .*: add --text FILE$"):
        method(arguments("focus"), {})
    with pytest.raises(RefusedError, match=r"initializer 'ofa' needs .* or .*: add --words FILE or --bridge$"):
        method(arguments("ofa"), {})


def test_options_that_would_not_be_read(words):
    with pytest.raises(RefusedError, match="initializer 'mean' does not use --bridge; leave it out"):
        method(arguments("mean"), BRIDGE)
    with pytest.raises(RefusedError, match="initializer 'ofa' does not use --bridge beside --words; leave it out"):
        method(arguments("ofa"), BRIDGE | words)
    for option in ("bridge_prompt", "bridge_revision"):
        flag = f"--{option.replace('_', '-')}"
        with pytest.raises(RefusedError, match=f"initializer 'mean' does not use {flag}; leave it out"):
            method(arguments("mean", **{option: "x"}), {})


def test_a_text_is_read_where_pieces_are_placed_by_words(tmp_path, monkeypatch):
    register(monkeypatch)
    text = {"text": Input("ru.txt", Local(tmp_path / "ru.txt"))}
    described = method(arguments("pieced", set=["pieces=words"]), BRIDGE | text)
    assert described.inputs == BRIDGE | text and described.parameters() == {"alpha": 4.0, "pieces": "words"}
    assert method(arguments("pieced", set=["pieces=words"]), BRIDGE).inputs == BRIDGE
    message = "initializer 'pieced' does not use --text; add --set pieces=words, or leave it out"
    with pytest.raises(RefusedError, match=f"^{message}$"):
        method(arguments("pieced"), BRIDGE | text)
    with pytest.raises(RefusedError, match="has no parameter 'text'; use --text instead"):
        method(arguments("pieced", set=["text=ru.txt"]), BRIDGE)


def test_inputs_of_the_command_line(tmp_path):
    (tmp_path / "text").write_text("кот\n", encoding="utf-8")
    typed = input_options(arguments(bridge="a/b", bridge_revision="abc", text=tmp_path / "text"))
    assert typed == BRIDGE | {"text": Input(str(tmp_path / "text"), Local(tmp_path / "text"))}
    assert input_options(arguments()) == {}
    with pytest.raises(RefusedError, match=r"--source-text .* is not a file; check the path"):
        input_options(arguments(source_text=tmp_path / "nothing"))


def test_a_missing_package_is_told_before_anything_is_read(words, tmp_path, monkeypatch):
    """Only what the chosen options need: `ofa` reads a bridge without gensim, and word vectors with it."""
    monkeypatch.setitem(EXTRAS, "focus", ("surely_not_there",))
    text = {"text": Input("ru.txt", Local(tmp_path / "ru.txt"))}
    wechsel = text | {name: Input(name, Local(tmp_path / name)) for name in ("dictionary", "source_text")}
    for initializer, offered in (("focus", text), ("wechsel", wechsel), ("ofa", words)):
        message = f"^initializer '{initializer}' needs surely_not_there, .*pip install 'sembridge-bench\\[focus\\]'$"
        with pytest.raises(MissingExtraError, match=message):
            method(arguments(initializer), offered)
    assert method(arguments("ofa"), BRIDGE | text).inputs == BRIDGE | text
