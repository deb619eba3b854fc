"""One bar at a time: the trailing bars, and nothing else, make each value."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategy_worlds import COLUMNS, tipped

from assay.data.bars import Bars
from assay.strategy.agreement import agree, size_of
from assay.strategy.window import StrategyStream, TrailingBars

BARS = tipped(400)
ONE_SIDED = replace(BARS, ask_open=None, ask_high=None, ask_low=None, ask_close=None)


@given(size=st.integers(1, 9), n_pushed=st.integers(1, 60), wanted=st.integers(1, 9))
@pytest.mark.parametrize("bars", [BARS, ONE_SIDED], ids=["both sides", "bid alone"])
def test_the_trailing_bars_are_the_latest(
    bars: Bars, size: int, n_pushed: int, wanted: int
) -> None:
    wanted = min(wanted, size)
    trailing = TrailingBars(size)
    for i in range(n_pushed):
        trailing.push(bars.between(i, i + 1))
    found, expected = trailing.latest(wanted), bars.between(max(0, n_pushed - wanted), n_pushed)
    for field in fields(Bars):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(expected, field.name))
    assert found.time_ns.dtype == np.int64


def test_bar_by_bar_equals_the_history_to_a_millionth(load) -> None:
    strategy = load(COLUMNS)
    features, votes = strategy.features_of(BARS), strategy.votes_of(BARS)
    stream = StrategyStream(strategy)
    sizes = [size_of(column) for column in features.T]
    n_known = 0
    for i in range(len(BARS)):
        row, signals = stream.update(BARS.between(i, i + 1))
        for value, expected, size in zip(row, features[i], sizes, strict=True):
            assert agree(value, expected, size)
            n_known += not np.isnan(value)
        assert agree(signals[0], votes[i, 0], 1.0)
    assert n_known > 700


def test_a_function_never_gets_more_than_its_warm_up(load) -> None:
    strategy = load(
        """
        lengths = {"few": [], "many": []}

        @feature(warm_up=3)
        def few(bars):
            lengths["few"].append(len(bars))
            return bars.close

        @signal(warm_up=8)
        def many(bars):
            lengths["many"].append(len(bars))
            return bars.close * 0
        """
    )
    stream = StrategyStream(strategy)
    rows = [stream.update(BARS.between(i, i + 1)) for i in range(30)]
    lengths = strategy.features[0].function.__globals__["lengths"]
    assert lengths == {"few": [4] * 27, "many": [9] * 22}
    assert [bool(np.isnan(row[0])) for row, _ in rows] == [True] * 3 + [False] * 27


def test_signals_alone_will_do(load) -> None:
    stream = StrategyStream(
        load("@signal(warm_up=0)\ndef up(bars):\n    return np.ones(len(bars))\n")
    )
    features, votes = stream.update(BARS.between(0, 1))
    assert features.shape == (0,)
    assert votes.tolist() == [1.0]
