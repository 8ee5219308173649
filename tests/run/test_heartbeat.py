"""A sign of life under a fake clock: the bar on a terminal, a line after a silence, and names that people know."""

from __future__ import annotations

from types import SimpleNamespace
from unittest import mock

import pytest

from harness.estimate.remaining import Piece, Remaining
from harness.files.headway import Count, Headway
from harness.plan.plan import Cell
from harness.results.record import Identity
from harness.run.heartbeat import SILENCE, Heartbeat, describe, names
from harness.run.progress import Progress
from harness.store.artifact import Artifact
from harness.store.stage import Stage

TRAINING = Headway(90.0, (Count("steps", 12, 48, 0.2), Count("texts", 1500, 2400, 60.0)))


def test_how_far_a_piece_is():
    assert describe(TRAINING) == "12 of 48 steps, 1,500 of 2,400 texts, 0.2 a second, for 1 min 30 s"
    assert describe(Headway(3.2)) == "for 3 s"
    assert describe(Headway(7, (Count("lines", 0, 0, 0.0),))) == "for 7 s"
    assert describe(Headway(200, (Count("steps", 5, 9, 0.025),))).startswith("5 of 9 steps, 1.5 a minute, ")
    tokens = Headway(2, (Count("tokens", 3000, 30_522, 1500.4),))
    assert describe(tokens) == "3,000 of 30,522 tokens, 1,500 a second, for 2 s"


@pytest.fixture
def run(tmp_path):
    lines: list[str] = []
    with mock.patch("time.perf_counter", return_value=0.0) as clock:
        progress = Progress(1, tmp_path / "run.log", lines.append)
        piece = Piece("trained-encoder", 100, True, (), False)
        progress.begin(
            Remaining({"k": piece}), 0, {"k": 1}, lambda artifact: None, lambda: {"k": TRAINING, "x": TRAINING}
        )
        yield SimpleNamespace(progress=progress, lines=lines, clock=clock, log=tmp_path / "run.log")


def test_a_log_gets_a_line_after_a_silence_and_then_every_half_minute(run):
    heartbeat = Heartbeat(run.progress, {"k": "trained-encoder of a cell"}, terminal=False)
    for now in range(0, 101, 5):
        run.clock.return_value = float(now)
        heartbeat.beat()
    text = "trained-encoder of a cell: 12 of 48 steps, 1,500 of 2,400 texts, 0.2 a second, for 1 min 30 s"
    assert SILENCE == 30 and len(run.lines) == 3 and all(line.endswith(f" left; {text}") for line in run.lines)
    run.progress.line("[1/1 cells] done")
    run.clock.return_value = 129.0
    heartbeat.beat()
    assert len(run.lines) == 4, "a line was shown 29 s ago"


def test_a_terminal_gets_a_bar_and_the_log_lines(run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    heartbeat = Heartbeat(run.progress, {"k": "trained-encoder of a cell"}, terminal=True)
    heartbeat.beat()
    (bar,) = capsys.readouterr().out.split("\r\x1b[K")[1:]
    assert len(bar) == 59 and bar.startswith("about ") and "trained-encoder of a cell: 12 of" in bar
    run.clock.return_value = 30.0
    heartbeat.beat()
    assert run.lines == [] and len(run.log.read_text().splitlines()) == 1


def test_of_many_pieces_four_are_shown(run):
    pieces = {str(number): Headway(1.0) for number in range(9)}
    run.progress.running = lambda: pieces
    heartbeat = Heartbeat(run.progress, {key: f"piece {key}" for key in pieces}, terminal=False)
    run.clock.return_value = 60.0
    heartbeat.beat()
    assert run.lines[0].endswith("; piece 2: for 1 s; piece 3: for 1 s; and 5 more")


def test_the_thread_ends_with_its_block_whatever_happens_there(run):
    with pytest.raises(ValueError, match="inside"), Heartbeat(run.progress, {}, terminal=False) as heartbeat:
        raise ValueError("inside")
    assert not heartbeat.is_alive()


def test_names_are_those_of_the_cell_or_of_the_stage_with_its_language():
    def stage(name: str) -> Stage:
        return Stage(name, 1, 1, lambda *_: None)

    bridge = Artifact(stage("bridge"), {})
    words = {
        language: Artifact(stage("words"), {"language": language}, {"bridge": bridge}) for language in ("ko", "ru")
    }
    cells = [
        Cell(
            Identity(language, "bert", "faq", name, "", None, "zero-shot", 42),
            name,
            False,
            Artifact(stage("evaluation"), {"row": name}, {"words": words[language]}),
            Artifact(stage("strata"), {"language": language}),
        )
        for language in ("ko", "ru")
        for name in ("mean", "ofa")
    ]
    artifacts = [artifact for cell in cells for artifact in cell.walk()]
    assert set(names(artifacts, cells).values()) == {
        "bridge", "words ko", "words ru", "strata ko", "strata ru",
        *(f"evaluation {cell.identity.name}" for cell in cells)
    }  # fmt: skip
    assert names([bridge], cells) == {bridge.key: "bridge"}
