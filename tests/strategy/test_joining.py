"""Longer bars count from their close on, and there is no other join."""

import numpy as np
import pytest
from strategy_worlds import tipped

from assay.data.bars import Bars
from assay.data.calendar import bar_close
from assay.data.resample import resample
from assay.domain.errors import ConfigError, DataError, StrategyError
from assay.domain.timeframe import Timeframe
from assay.features.frame import compute
from assay.strategy import higher

BARS = tipped(600)


def closes(bars: Bars) -> np.ndarray:
    return bars.close


@pytest.mark.parametrize("name", ["H4", "D1", "W1"])
def test_a_join_equals_that_of_the_catalogue(name: str) -> None:
    """The catalogue counts a longer bar whose beginning is missing; after it both are the same."""
    own = higher(BARS, name, closes)
    catalogue = compute(BARS, [f"close@{name}"]).values[:, 0]
    known = ~np.isnan(own)
    assert known.sum() > 100
    np.testing.assert_array_equal(own[known], catalogue[known])
    longer = resample(BARS, Timeframe.parse(name))
    second = bar_close(longer.time_ns[1:2], longer.timeframe)[0]
    assert known[bar_close(BARS.time_ns, BARS.timeframe) >= second].all()


def test_each_bar_reads_the_last_longer_bar_that_has_closed() -> None:
    joined = higher(BARS, Timeframe.H4, lambda bars: bars.time_ns)
    known_ns = bar_close(BARS.time_ns, BARS.timeframe)
    longer = resample(BARS, Timeframe.H4)
    closed_ns = bar_close(longer.time_ns, Timeframe.H4)
    for i in range(8, len(BARS)):
        expected = longer.time_ns[closed_ns <= known_ns[i]][-1]
        assert joined[i] == expected
        assert closed_ns[longer.time_ns == expected][0] <= known_ns[i]


def test_a_longer_bar_without_its_beginning_is_left_out() -> None:
    """The trading day begins at 22:00 UTC in winter, so these hours are a bar of H4 each."""
    for start in range(4, 12):
        part = BARS.between(start, start + 40)
        joined = higher(part, "H4", lambda bars: bars.open)
        first = np.flatnonzero(~np.isnan(joined))[0]
        opened = np.flatnonzero(part.open == joined[first])[0]
        whole = higher(BARS, "H4", lambda bars: bars.open)[start : start + 40]
        assert joined[first] == whole[first]
        assert opened <= 3
        np.testing.assert_array_equal(joined[first:], whole[first:])


def test_the_function_sees_whole_longer_bars_with_both_sides() -> None:
    seen: list[Bars] = []

    def watch(bars: Bars) -> np.ndarray:
        seen.append(bars)
        return bars.close

    higher(BARS, "H4", watch)
    assert seen[0].timeframe is Timeframe.H4
    assert seen[0].has_ask
    assert (seen[0].high >= seen[0].close).all()


def test_whole_numbers_and_truths_are_joined_too() -> None:
    joined = higher(BARS, "H4", lambda bars: bars.close > bars.open)
    assert set(joined[20:]) == {0.0, 1.0}


def test_no_bars_give_no_values() -> None:
    assert higher(BARS.between(0, 0), "H4", closes).shape == (0,)


@pytest.mark.parametrize("name", ["H1", "M30"])
def test_a_timeframe_that_is_not_longer_is_refused(name: str) -> None:
    with pytest.raises(StrategyError, match=rf"longer than H1; was {name}"):
        higher(BARS, name, closes)


def test_an_unknown_timeframe_is_refused() -> None:
    with pytest.raises((ConfigError, DataError, ValueError), match="H5"):
        higher(BARS, "H5", closes)


@pytest.mark.parametrize(
    "function", [lambda bars: 1.0, lambda bars: bars.close[1:], lambda bars: ["a"] * len(bars)]
)
def test_one_number_per_longer_bar_is_asked_for(function) -> None:
    with pytest.raises(StrategyError, match="one per H4 bar"):
        higher(BARS, "H4", function)
