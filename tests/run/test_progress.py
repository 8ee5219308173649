"""Progress under a fake clock: counts, the remaining time, and how much of a run nothing was being computed."""

from __future__ import annotations

from types import SimpleNamespace
from unittest import mock

import pytest

from harness.estimate.remaining import Piece, Remaining
from harness.files.headway import Count, Headway
from harness.run import progress as module
from harness.run.progress import CELLS, SHARED, STOP, Progress
from harness.store.artifact import Artifact
from harness.store.stage import Stage

BASE = Artifact(Stage("base", 1, 10, lambda *_: None), {})
TRAINED = Artifact(Stage("trained", 1, 10, lambda *_: None, shared=False), {}, {"base": BASE})
FIRST, SECOND = (
    Artifact(Stage("score", 1, 10, lambda *_: None, shared=False), {"n": n}, {"trained": TRAINED}) for n in (1, 2)
)
PIECES = {
    artifact.key: Piece(artifact.stage.name, 10, True, tuple(part.key for part in artifact.needed), artifact is BASE)
    for artifact in (BASE, TRAINED, FIRST, SECOND)
}


@pytest.fixture
def clock():
    with mock.patch("time.perf_counter", return_value=100.0) as clock:
        yield clock


@pytest.fixture
def run(clock, monkeypatch):
    """A run of two cells that share a training; Ray takes 5 s, workers 8 s, trials another 3 s, and stopping 4 s."""
    monkeypatch.setattr(module, "STARTING", {"ray": 5.0, SHARED: 8.0, CELLS: 3.0, STOP: 4.0})
    lines: list[str] = []
    measured: dict[str, float] = {}
    running: dict[str, Headway] = {}
    progress = Progress(1, show=lines.append)
    cells = {FIRST.key: 2, SECOND.key: 1}
    progress.begin(Remaining(PIECES), 1, cells, lambda artifact: measured.get(artifact.key), lambda: running)
    return SimpleNamespace(progress=progress, lines=lines, measured=measured, running=running)


def test_the_first_estimate_counts_starting_and_stopping(run):
    assert run.progress.left() == "about 1 min 00 s left"  # 4 x 10 + 5 + 8 + 3 + 4


def test_starting_that_is_over_is_not_counted(run, clock):
    clock.return_value = 130  # Ray took longer than expected
    run.progress.enter(SHARED)
    assert run.progress.seconds_left() == 40 + 8 + 3 + 4
    clock.return_value = 133
    assert run.progress.seconds_left() == 40 + 5 + 3 + 4
    clock.return_value = 190
    assert run.progress.seconds_left() == 40 + 0 + 3 + 4


def test_cells_import_the_libraries_where_nothing_shared_comes_first(run):
    alone = {FIRST.key: Piece("score", 10, True, (), False)}
    run.progress.begin(Remaining(alone), 0, {FIRST.key: 1}, lambda artifact: None)
    assert run.progress.seconds_left() == 10 + 5 + (8 + 3) + 4


def test_the_first_piece_corrects_the_work(run, clock):
    run.progress.enter(SHARED)
    clock.return_value = 150  # 50 s, of which 40 computed
    run.measured[BASE.key] = 40
    run.progress.add_span(40)
    run.progress.finish("base computed", BASE)
    # Others take (20 + 40) / (20 + 10) = 2 times as long as expected.
    assert run.lines == ["[1/1 shared] base computed; about 1 min 07 s left"]  # 3 x 20 + 3 + 4


def test_a_cell_counts_as_often_as_it_stands_in_the_tables(run, clock):
    run.progress.enter(CELLS)
    run.measured |= {BASE.key: 10, TRAINED.key: 10, FIRST.key: 10}
    run.progress.finish("first", FIRST)
    run.measured[SECOND.key] = 10
    run.progress.finish("second", SECOND)
    assert run.lines == ["[2/3 cells] first; about 17 s left", "[3/3 cells] second"]  # 10 + 3 + 4


def test_what_runs_is_subtracted(run, clock):
    run.progress.enter(SHARED)
    run.running[BASE.key] = Headway(6.0)
    assert run.progress.seconds_left() == (40 - 6) + 3 + 4, "it runs, so its process has started"
    run.running["another grid's"] = Headway(500.0)
    assert run.progress.seconds_left() == (40 - 6) + 3 + 4
    run.running[BASE.key] = Headway(6.0, (Count("texts", 50, 200, 25.0),))
    # A quarter is done after 6 s, and 150 texts take 6 s: 12 s in all. Others: as expected.
    assert run.progress.seconds_left() == 6 + 30 + 3 + 4


def test_light_pieces_do_not_end_the_imports(run, clock):
    run.progress.begin(
        Remaining(PIECES | {"light": Piece("text", 2, True, (), True, light=True)}), 2, {FIRST.key: 3}, lambda _: None,
        lambda: run.running,
    )  # fmt: skip
    run.progress.enter(SHARED)
    run.running["light"] = Headway(1.0)
    assert run.progress.seconds_left() == (40 + 1) + 8 + 3 + 4
    clock.return_value = 103
    run.running.clear()
    run.progress.remaining.finish("light", 2)
    run.progress.add_span(2, light=True)
    assert run.progress.seconds_left() == 40 + (8 - 3) + 3 + 4
    run.progress.add_span(10)
    assert run.progress.seconds_left() == 40 + 0 + 3 + 4


def test_after_a_failure_nothing_waits_for_its_inputs(run):
    run.progress.enter(CELLS)
    run.measured |= {BASE.key: 10, FIRST.key: 10, TRAINED.key: 10}
    run.progress.finish("first", FIRST)
    run.progress.finish("second: FAILED: too bad", SECOND)
    assert run.lines[-1] == "[3/3 cells] second: FAILED: too bad" and not run.progress.remaining.pieces


def test_a_failed_input_is_not_waited_for_when_all_its_cells_failed(run):
    for artifact in (BASE, FIRST, SECOND):
        run.progress.finish("FAILED", artifact)
    assert run.lines[-1] == "[3/3 cells] FAILED"


def test_an_unknown_time_is_no_number(clock):
    lines: list[str] = []
    progress = Progress(1, show=lines.append)
    unknown = {key: piece._replace(known=False) for key, piece in PIECES.items()}
    progress.begin(Remaining(unknown), 1, {FIRST.key: 1, SECOND.key: 1}, lambda artifact: None)
    assert progress.left() == "time left: unknown"
    assert progress.seconds_left() is None


def test_details_are_shown_to_those_who_ask(tmp_path):
    for verbose in (False, True):
        lines: list[str] = []
        Progress(1, tmp_path / f"{verbose}.log", lines.append, verbose=verbose).detail("Ray: 3 s of 4 s")
        assert bool(lines) == verbose == (tmp_path / f"{verbose}.log").exists()


def test_a_line_replaces_the_bar(capsys):
    progress = Progress(1)
    progress.bar("half")
    progress.line("done")
    progress.bar("")
    assert capsys.readouterr().out == "\r\x1b[Khalf\r\x1b[Kdone\n"


def test_idle_is_what_no_piece_covers(clock):
    progress = Progress(2, show=lambda text: None)
    for now, seconds in ((108, 3), (110, 6), (111, 0.5), (120, 5)):  # 105-108, 104-110, 110.5-111, 115-120
        clock.return_value = now
        progress.add_span(seconds)
    clock.return_value = 122.0
    assert progress.idle(100.0) == pytest.approx(4 + 0.5 + 4 + 2)


def test_without_pieces_all_is_idle(clock):
    clock.return_value = 7.0
    assert Progress(2, show=lambda text: None).idle(4.0) == 3
