"""How far a piece is: written by the process that computes it, read by another one, and silent outside of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from unittest import mock

import pytest

from harness.files import headway
from harness.files.headway import Count, Headway


@pytest.fixture
def clock():
    """Both clocks, which a test sets."""
    with mock.patch("time.time", return_value=1000.0) as wall, mock.patch("time.monotonic", return_value=0.0) as clock:

        def at(seconds: float) -> None:
            wall.return_value, clock.return_value = 1000.0 + seconds, seconds

        yield at


def test_counts_with_their_rates(tmp_path, clock):
    with headway.reporting(tmp_path / "running" / "key.json"):
        assert headway.read(tmp_path / "running") == {"key": Headway(0.0)}
        clock(10)
        with headway.counting("steps", 40, done=8):
            clock(20)
            headway.advance(20)
            # 20 of the 28 were done here, in 10 s
            assert headway.read(tmp_path / "running")["key"] == Headway(20.0, (Count("steps", 28, 40, 2.0),))
            with headway.counting("texts", 0):
                clock(25)
                headway.reach(300, 500)
                (key,) = headway.read(tmp_path / "running").values()
                assert key.counts == (Count("steps", 28, 40, 20 / 15), Count("texts", 300, 500, 60.0))
            clock(30)
            headway.reach(29)
            (key,) = headway.read(tmp_path / "running").values()
            assert key == Headway(30.0, (Count("steps", 29, 40, 21 / 20),))
    assert headway.read(tmp_path / "running") == {}


def test_it_is_written_at_most_once_a_second(tmp_path, clock, monkeypatch):
    written = []
    monkeypatch.setattr(headway.os, "replace", real := mock.Mock(side_effect=os.replace))
    with headway.reporting(tmp_path / "key.json"), headway.counting("texts", 10_000):
        for number in range(1000):
            clock(number / 100)
            headway.advance(10)
            written.append(real.call_count)
    assert written[-1] == 1 + 9 and written[50] == 1  # at the beginning, and after 1, 2, ... 9 s


def test_outside_of_a_run_nothing_happens(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with headway.counting("texts", 10):
        headway.advance(3)
        headway.reach(4)
    headway.advance()
    assert list(headway.steps(3)) == [0, 1, 2] and headway.current() is None and not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_disturbs_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(headway, "SECONDS", 0.0)
    (tmp_path / "file").write_text("")
    with headway.reporting(tmp_path / "file" / "key.json"), headway.counting("texts", 2):
        headway.advance()
    with headway.reporting(tmp_path / "running" / "key.json"), headway.counting("texts", 2):
        (tmp_path / "running" / "key.json").unlink()
        (tmp_path / "running").rmdir()
        headway.advance()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_killed_process_is_not_running(tmp_path):
    code = (
        "import os, pathlib; from harness.files import headway\n"
        f"with headway.reporting(pathlib.Path({str(tmp_path / 'key.json')!r})): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    report = json.loads((tmp_path / "key.json").read_text())
    assert headway.read(tmp_path) == {}
    (tmp_path / "elsewhere.json").write_text(json.dumps(report | {"host": "another node"}))
    assert list(headway.read(tmp_path)) == ["elsewhere"], "what runs on another node is taken at its word"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"host": 1, "pid": "x", "began": 0, "counts": 3}', "\x00"])
def test_what_another_program_wrote_is_left_out(tmp_path, content):
    (tmp_path / "key.json").write_text(content)
    assert headway.read(tmp_path) == {} and headway.read(tmp_path / "nowhere") == {}


def test_rows_of_a_sentence_transformer_are_counted_and_not_changed(tmp_path, monkeypatch):
    import numpy as np
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"?": 0, "a": 1, "b": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=4)], device="cpu")
    texts = ["a", "b a", "b", "a a", "b b"]
    plain = model.encode(texts, batch_size=2)
    monkeypatch.setattr(headway, "SECONDS", 0.0)
    with headway.reporting(tmp_path / "key.json"), headway.counting_rows(model, "texts", 5):
        counted = model.encode(texts, batch_size=2)
        (piece,) = headway.read(tmp_path).values()
    assert piece.counts[0][:3] == ("texts", 5, 5) and np.array_equal(plain, counted)
    assert not model[-1]._forward_hooks
