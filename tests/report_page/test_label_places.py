"""Places of labels: apart, in order, and as near as a search of all places finds."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report_page.label_places import spread


def test_labels_that_have_room_stay_where_they_are():
    assert spread([30.0, 10.0, 50.0], 15, 0, 100) == [30.0, 10.0, 50.0]


def test_equal_labels_stand_around_their_place_in_the_order_given():
    assert spread([50.0, 50.0, 50.0], 10, 0, 100) == [40.0, 50.0, 60.0]


def test_at_an_end_they_turn_inward():
    assert spread([0.0, 1.0], 10, 0, 100) == [0.0, 10.0]
    assert spread([99.0, 100.0], 10, 0, 100) == [90.0, 100.0]


@pytest.mark.parametrize("wanted", [[1.0, 1.0, 5.0], [0.0, 3.0, 3.0], [2.0, 2.0, 2.0], [4.0, 4.5, 0.5]])
def test_they_are_as_near_as_the_best_of_all_places_on_a_grid(wanted):
    def cost(places):
        return sum((place - want) ** 2 for place, want in zip(places, wanted, strict=True))

    steps = [step / 4 for step in range(4 * 6 + 1)]
    order = sorted(range(3), key=wanted.__getitem__)
    apart = [
        places
        for places in product(steps, repeat=3)
        if all(places[order[i + 1]] - places[order[i]] >= 1 for i in range(2))
    ]
    assert cost(spread(wanted, 1, 0, 6)) <= min(map(cost, apart)) + 1e-9


@given(st.lists(st.floats(0, 100), min_size=1, max_size=10))
def test_they_are_always_apart_and_inside(wanted):
    places = spread(wanted, 10, 0, 100)
    ordered = sorted(places)
    assert ordered[0] >= 0 and ordered[-1] <= 100 + 1e-9
    assert all(after - before >= 10 - 1e-9 for before, after in pairwise(ordered))
