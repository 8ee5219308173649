"""`sembridge-bench transfer` says what a tokenizer shares with the source, and how it reads the text."""

from __future__ import annotations

import re

from harness.advice.tokenizer_measures import read
from sembridge.encoder.loading import load_tokenizer
from sembridge.model_card.record import load_record


def run(made, command, out, *options):
    code, printed, err = command(
        "transfer", made.source, "--tokenizer", made.target, "--bridge", made.bridge, "--out", out, *options
    )
    assert code == 0, err
    return printed


def test_coverage_by_rule(made, command, tmp_path):
    printed = run(made, command, tmp_path / "out")
    rules = re.search(r"tokens are copied \((.+?)\); 9\d% stand for text", printed)
    counts = dict(part.split(" ") for part in rules[1].split(", "))
    stored = [rule for rule in load_record(tmp_path / "out").rule if rule]
    assert counts == {rule: str(stored.count(rule)) for rule in set(stored)}
    assert "pieces per" not in printed


def test_how_the_text_is_read(made, command, tmp_path):
    printed = run(made, command, tmp_path / "out", "--set", "pieces=words", "--text", made.text, "--language", "ru")
    lines = made.text.read_text(encoding="utf-8").splitlines()
    reading = read(load_tokenizer(str(made.target)), lines, "ru")
    assert f"text       {reading.pieces:.2f} pieces per word, 0.0% of the tokens unknown, in 300 lines" in printed


def test_a_text_that_only_calibrates_is_read_too(made, command, tmp_path):
    """SemBridge itself reads no text, its calibrated bias does."""
    printed = run(made, command, tmp_path / "out", "--bias", "calibrated", "--text", made.text)
    assert "pieces per word, 0.0% of the tokens unknown, in 300 lines" in printed
    assert "bias       calibrated on the text" in printed
