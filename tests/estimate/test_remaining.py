"""When a run ends, against values worked out by hand: the layout on slots, and corrections by what was measured."""

from __future__ import annotations

import pytest

from harness.estimate.remaining import CAUTION, MOST, RECENT, Piece, Remaining, Running


def piece(seconds: float, *needs: str, stage: str = "stage", known: bool = True, shared: bool = False) -> Piece:
    return Piece(stage, seconds, known, needs, shared)


def test_pieces_are_laid_out_on_slots():
    remaining = Remaining({name: piece(10) for name in "abcde"})
    assert [remaining.seconds(slots) for slots in (1, 2, 3, 5, 9)] == [50, 30, 20, 10, 10]
    # The long last piece runs alone: after 1 + 1 on each of two slots.
    assert Remaining({**{name: piece(1) for name in "abcd"}, "e": piece(30)}).seconds(2) == 32


def test_a_chain_does_not_get_faster_with_slots():
    chain = Remaining({"a": piece(5), "b": piece(6, "a"), "c": piece(7, "b"), "d": piece(1)})
    assert chain.seconds(8) == 18 and chain.seconds(1) == 19
    # Two begin when their input is there, and share the slots with what waits for nothing.
    diamond = Remaining({"a": piece(4), "b": piece(3, "a"), "c": piece(3, "a"), "d": piece(9)})
    assert diamond.seconds(2) == 10


def test_cells_begin_when_all_shared_pieces_are_finished():
    pieces = {"s": piece(10, shared=True), "t": piece(2, shared=True), "c": piece(5, "t"), "d": piece(5, "s")}
    assert Remaining(pieces).seconds(2) == 15


def test_many_pieces_are_not_laid_out():
    pieces = {str(number): piece(2) for number in range(MOST + 1)}
    assert Remaining(pieces).seconds(4) == 2 * (MOST + 1) / 4


def test_the_first_finished_piece_corrects_its_stage_and_a_little_the_others():
    remaining = Remaining({**{name: piece(10) for name in "abc"}, "o": piece(10, stage="other")})
    remaining.finish("a", 40)
    overall = (20 + 40) / (20 + 10)  # 2
    own = (0.6 * 10 * overall + 40) / (0.6 * 10 + 10)  # 3.25
    assert (CAUTION, RECENT) == (20, 0.6) and remaining.seconds(1) == pytest.approx(2 * 10 * own + 10 * overall)
    remaining.finish("b", 40)
    overall = (20 + 0.6 * 40 + 40) / (20 + 0.6 * 10 + 10)
    own = (0.36 * 10 * overall + 0.6 * 40 + 40) / (0.36 * 10 + 0.6 * 10 + 10)
    assert remaining.seconds(1) == pytest.approx(10 * own + 10 * overall)


def test_a_slow_first_piece_is_forgotten():
    remaining = Remaining({str(number): piece(10) for number in range(12)})
    remaining.finish("0", 1000)
    assert remaining.seconds(1) > 5000
    for number in range(1, 11):
        remaining.finish(str(number), 10)
    assert 10 < remaining.seconds(1) < 14  # 1000 counts 0.6^10 = 0.006 of a last one, of 2.5 that count in all


def test_a_failed_or_stored_piece_corrects_nothing():
    remaining = Remaining({"a": piece(10), "b": piece(10)})
    remaining.finish("a", None)
    remaining.finish("nothing", 5)
    assert remaining.seconds(1) == 10


def test_work_without_a_rate_has_no_time_until_a_piece_of_it_was_measured():
    large = {"stage": "large", "known": False}
    remaining = Remaining({"a": piece(1000, **large), "b": piece(4000, **large), "c": piece(10)})
    assert remaining.seconds(1) is None
    remaining.finish("c", 10)
    assert remaining.seconds(1) is None
    remaining.finish("a", 50)  # b is four times the work
    assert remaining.seconds(1) == 200


def test_a_running_piece_tells_by_the_part_of_it_that_is_done():
    large = {"stage": "large", "known": False}
    remaining = Remaining({"a": piece(1000, **large), "b": piece(2000, **large)})
    assert remaining.seconds(1, {"a": Running(60, 0.04, 1440)}) is None, "too little to tell"
    # A fifth after 60 s with 240 s to go: 300 s in all, and b is twice the work.
    assert remaining.seconds(1, {"a": Running(60, 0.2, 240)}) == 240 + 600
    assert remaining.seconds(2, {"a": Running(60, 0.2, 240)}) == 600


def test_the_time_that_a_running_piece_has_run_is_over():
    remaining = Remaining({"a": piece(100), "b": piece(10)})
    assert remaining.seconds(1, {"a": Running(30)}) == 70 + 10
    assert remaining.seconds(1, {"a": Running(200)}) == 20 + 10, "overdue: a tenth more"


def test_what_runs_comes_first_in_the_layout():
    remaining = Remaining({"a": piece(10), "b": piece(10), "c": piece(30)})
    assert remaining.seconds(2) == 40
    assert remaining.seconds(2, {"c": Running(0)}) == 30


def test_only_what_goals_need_is_kept():
    remaining = Remaining({"a": piece(1), "b": piece(2, "a"), "c": piece(4, "b"), "d": piece(8)})
    remaining.keep(["b", "gone"])
    assert list(remaining.pieces) == ["a", "b"] and remaining.seconds(1) == 3


def test_nothing_left_takes_no_time():
    assert Remaining({}).seconds(2) == 0
