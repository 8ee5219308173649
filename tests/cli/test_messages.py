"""The line of a failure: its first line alone, and no token of this machine."""

from __future__ import annotations

from harness.cli.messages import failed, say


def test_the_first_line_of_an_error_is_said_without_secrets(capsys, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "a-token-of-mine")
    assert failed(ValueError("\n a-token-of-mine is refused\n  at line 3"), " (nothing was written)") == 1
    assert capsys.readouterr() == ("", "error: [hidden] is refused (nothing was written)\n")


def test_an_error_without_words_is_named(capsys):
    assert failed(MemoryError()) == 1
    assert capsys.readouterr().err == "error: MemoryError\n"


def test_steps_stand_in_two_columns(capsys):
    say("index", "12 documents")
    say("", "more")
    assert capsys.readouterr().out == "index      12 documents\n           more\n"
