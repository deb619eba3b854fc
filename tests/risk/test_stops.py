"""Stops: where they lie, and that they only ever move in favour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.risk.stops import (
    break_even_stop,
    stop_distance,
    stop_price,
    target_price,
    tighter,
    trailing_stop,
)

prices = st.floats(1.0, 1e5)
sides = st.sampled_from([1, -1])
ticks = st.sampled_from([0.01, 0.00001, 0.5])


def test_the_distance_is_the_greatest_of_unit_level_and_tick_on_the_grid() -> None:
    assert stop_distance(1.234, 2.0, 0.0, 0.01) == pytest.approx(2.47)
    assert stop_distance(1.0, 2.0, 5.0, 0.01) == pytest.approx(5.0)
    assert stop_distance(0.001, 1.0, 0.0, 0.01) == pytest.approx(0.01)


def test_brackets_by_hand() -> None:
    assert stop_price(1, 100.004, 1.0, 0.01) == pytest.approx(99.0)
    assert stop_price(-1, 100.004, 1.0, 0.01) == pytest.approx(101.01)
    assert target_price(1, 100.004, 1.0, 0.01) == pytest.approx(101.0)
    assert target_price(-1, 100.004, 1.0, 0.01) == pytest.approx(99.01)


@given(sides, prices, st.floats(0.5, 100.0), ticks)
def test_a_stop_is_never_nearer_than_its_distance(side, entry, distance, tick) -> None:
    stop = stop_price(side, entry, distance, tick)
    near = 2e-9 * max(entry, tick) * 2
    assert side * (entry - stop) >= distance - near
    assert side * (entry - stop) <= distance + tick + near


@given(sides, prices, prices, prices, st.floats(0.0, 100.0), ticks)
def test_stops_never_loosen(side, stop, entry, best, distance, tick) -> None:
    assert side * tighter(side, stop, entry) >= side * stop
    assert side * break_even_stop(side, stop, entry, best, distance, tick) >= side * stop
    assert side * trailing_stop(side, stop, best, distance, tick) >= side * stop


def test_break_even_and_trailing_by_hand() -> None:
    assert break_even_stop(1, 99.0, 100.004, 101.0, 0.9, 0.01) == pytest.approx(100.01)
    assert break_even_stop(-1, 101.0, 100.004, 99.0, 0.9, 0.01) == pytest.approx(100.0)
    assert break_even_stop(1, 99.0, 100.0, 100.8, 0.9, 0.01) == 99.0
    assert trailing_stop(1, 99.0, 103.0, 2.0, 0.01) == pytest.approx(101.0)
    assert trailing_stop(-1, 101.0, 97.0, 2.0, 0.01) == pytest.approx(99.0)
