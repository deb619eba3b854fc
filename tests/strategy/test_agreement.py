"""What says one thing over a history and another bar by bar is refused, with its cause."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategy_worlds import COLUMNS, tipped

from assay.domain.errors import StrategyError
from assay.strategy.agreement import (
    BLOCK_BARS,
    BLOCKS,
    agree,
    bars_to_check,
    check_agreement,
    disagreement,
    size_of,
)

BARS = tipped(2_000)

BIASED = {
    "negative shift": (
        """
        @feature(warm_up=5)
        def tomorrow(bars):
            return np.append(bars.close[1:], np.nan) - bars.close
        """,
        "future",
    ),
    "whole-frame normalisation": (
        """
        @feature(warm_up=5)
        def scaled(bars):
            return (bars.close - bars.close.mean()) / bars.close.std()
        """,
        "future",
    ),
    "last row of the frame": (
        """
        @feature(warm_up=5)
        def ends(bars):
            return bars.close / bars.close[-1]
        """,
        "future",
    ),
    "open-stamped longer bars": (
        """
        from assay.data.resample import resample
        from assay.domain.timeframe import Timeframe

        @feature(warm_up=60)
        def daily(bars):
            longer = resample(bars, Timeframe.D1)
            return longer.close[np.searchsorted(longer.time_ns, bars.time_ns, side="right") - 1]
        """,
        "future",
    ),
    "open-stamped blocks of four hours": (
        """
        @feature(warm_up=60)
        def blocks(bars):
            block = bars.time_ns // (4 * 3_600 * 10**9)
            last = np.flatnonzero(np.append(np.diff(block) > 0, True))
            return bars.close[last][np.searchsorted(block[last], block)]
        """,
        "future",
    ),
    "centred mean": (
        """
        @feature(warm_up=30)
        def smooth(bars):
            return np.convolve(bars.close, np.ones(9) / 9, mode="same")
        """,
        "future",
    ),
    "backward fill": (
        """
        @signal(warm_up=5)
        def filled(bars):
            vote = np.where(np.arange(len(bars)) % 5 == 0, np.sign(bars.close - bars.open), np.nan)
            for i in range(len(vote) - 2, -1, -1):
                if np.isnan(vote[i]):
                    vote[i] = vote[i + 1]
            return vote
        """,
        "future",
    ),
    "too short a warm-up of a window": (
        """
        @feature(warm_up=48)
        def mean(bars):
            out = np.full(len(bars), np.nan)
            for i in range(min(49, len(bars)) , len(bars)):
                out[i] = bars.close[i - 49 : i + 1].mean()
            return out
        """,
        "warm-up",
    ),
    "too short a warm-up of an average": (
        """
        @feature(warm_up=60)
        def recursive(bars):
            out = bars.close.copy()
            for i in range(1, len(out)):
                out[i] = out[i - 1] + (bars.close[i] - out[i - 1]) * 2 / 31
            return out
        """,
        "warm-up",
    ),
    "a running level": (
        """
        @feature(warm_up=100)
        def balance(bars):
            return np.cumsum(np.sign(bars.close - bars.open) * bars.volume)
        """,
        "warm-up",
    ),
    "a count of bars": (
        """
        @feature(warm_up=1)
        def place(bars):
            return np.arange(len(bars))
        """,
        "warm-up",
    ),
    "too few bars for a join": (
        """
        @feature(warm_up=4)
        def before(bars):
            return higher(bars, "H4", lambda longer: np.append(np.nan, longer.close[:-1]))
        """,
        "warm-up",
    ),
    "chance": (
        """
        generator = np.random.default_rng(1)

        @signal(warm_up=0)
        def dice(bars):
            return generator.uniform(-1, 1, len(bars))
        """,
        "repeat",
    ),
}


def values_of(strategy, bars=BARS):
    return {bars.symbol: {column.name: column.compute(bars) for column in strategy.columns}}


@pytest.mark.parametrize("name", BIASED)
def test_a_biased_habit_is_named_with_its_cause(name: str, load) -> None:
    text, cause = BIASED[name]
    strategy = load(text)
    with pytest.raises(StrategyError) as caught:
        check_agreement(strategy, {"XAUUSD": BARS}, values_of(strategy))
    facts, column = caught.value.facts, strategy.columns[0]
    assert facts["cause"] == cause
    assert facts["column"] == column.name
    assert facts["symbol"] == "XAUUSD"
    assert facts["line"] == column.line
    bar = facts["bar"]
    assert not agree(facts["whole"], facts["window"])
    assert f"on bar {bar:,} of XAUUSD, {facts['time']}" in caught.value.message
    words = {
        "future": "must not read the future",
        "warm-up": "no more than its warm-up",
        "repeat": "must say the same whenever it is asked",
    }
    assert words[cause] in caught.value.message
    if name != "chance":
        assert agree(facts["whole"], column.compute(BARS)[bar])
        window = column.compute(BARS.between(max(0, bar - column.warm_up), bar + 1))
        assert agree(facts["window"], window[-1])
    if cause == "future":
        past = column.compute(BARS.between(0, bar + 1))[-1]
        assert agree(facts["past"], past)
        assert f"{past:.10g}" in caught.value.message


def test_honest_columns_pass(load) -> None:
    strategy = load(
        COLUMNS
        + """
@feature(warm_up=350)
def slow_average(bars):
    out = bars.close.copy()
    for i in range(1, len(out)):
        out[i] = out[i - 1] + (bars.close[i] - out[i - 1]) * 2 / 31
    return out

@feature(warm_up=48)
def mean_of_49(bars):
    total = np.append(0.0, np.cumsum(bars.close))
    out = np.full(len(bars), np.nan)
    out[48:] = (total[49:] - total[:-49]) / 49
    return out

@feature(warm_up=24 * 6)
def week_of_days(bars):
    def mean(longer):
        out = np.full(len(longer), np.nan)
        for i in range(4, len(longer)):
            out[i] = longer.close[i - 4 : i + 1].mean()
        return out

    return higher(bars, "D1", mean)
"""
    )
    check_agreement(strategy, {"XAUUSD": BARS}, values_of(strategy))


def test_a_column_without_values_is_not_checked(load) -> None:
    strategy = load(BIASED["negative shift"][0])
    check_agreement(strategy, {"XAUUSD": BARS}, {"XAUUSD": {}})


def test_every_symbol_is_checked(load) -> None:
    """A function that knows one symbol may cheat on the other."""
    from dataclasses import replace

    strategy = load(
        """
        @feature(warm_up=1)
        def sly(bars):
            ahead = np.append(bars.close[1:], np.nan)
            return ahead if bars.symbol == "EURUSD" else bars.close
        """
    )
    euro = replace(BARS, symbol="EURUSD")
    values = {**values_of(strategy), **values_of(strategy, euro)}
    check_agreement(strategy, {"XAUUSD": BARS}, values)
    with pytest.raises(StrategyError, match="EURUSD"):
        check_agreement(strategy, {"XAUUSD": BARS, "EURUSD": euro}, values)


@given(n_bars=st.integers(0, 5_000), warm_up=st.integers(0, 5_000))
def test_some_dozens_of_bars_after_the_warm_up_are_checked(n_bars: int, warm_up: int) -> None:
    found = bars_to_check(n_bars, warm_up)
    assert len(found) <= BLOCKS * BLOCK_BARS
    assert ((found >= warm_up) & (found < n_bars)).all()
    assert (np.diff(found) > 0).all()
    if n_bars > warm_up:
        assert found[0] == warm_up
        assert found[-1] == n_bars - 1
    if n_bars - warm_up >= 2 * BLOCKS * BLOCK_BARS:
        assert len(found) == BLOCKS * BLOCK_BARS


def test_bars_can_be_chosen(load) -> None:
    strategy = load(
        """
        @feature(warm_up=0)
        def one_bad_bar(bars):
            values = bars.close.copy()
            values[bars.close == 1_800.0 + 1e9] = 0.0
            return values if len(bars) < 2_000 else np.where(np.arange(2_000) == 777, 0.0, values)
        """
    )
    column = strategy.features[0]
    values = column.compute(BARS)
    assert disagreement(column, BARS, values, np.arange(0, 770)) is None
    found = disagreement(column, BARS, values, np.arange(700, 800))
    assert found is not None
    assert (found.bar, found.whole, found.reads_future) == (777, 0.0, True)
    assert found.time_ns == BARS.time_ns[777]


def test_rounding_of_a_tiny_value_is_no_look_into_the_future(load) -> None:
    """The past gives 1e-12 less than the whole history, in a column of size 1."""
    strategy = load(
        """
        @feature(warm_up=20)
        def balance(bars):
            values = np.where(np.arange(len(bars)) % 2 == 0, 1.0, -1.0)
            if len(bars) > 500:
                values[500] = 1e-9 if len(bars) == 2_000 else 1e-9 - 1e-12
            return values
        """
    )
    column = strategy.features[0]
    found = disagreement(column, BARS, column.compute(BARS), np.array([500]))
    assert found is not None
    assert (found.whole, found.past, found.window) == (1e-9, 1e-9, 1.0)
    assert not found.reads_future
    assert found.fault().facts["cause"] == "warm-up"


def test_values_agree_to_a_millionth_of_themselves_or_of_the_column() -> None:
    assert agree(1.0, 1.0 + 9e-7)
    assert not agree(1.0, 1.0 + 2e-6)
    assert not agree(1e-9, 2e-9)
    assert agree(1e-9, 2e-9, 1.0)
    assert not agree(0.0, 2e-6, 1.0)
    assert agree(np.nan, np.nan)
    assert not agree(np.nan, 0.0)
    assert not agree(0.0, np.nan)
    assert size_of(np.array([-1.0, 3.0, np.nan, np.inf])) == pytest.approx(1.2)
    spiked = np.where(np.arange(1_000) % 3 == 0, 1e15, 1.0)
    assert size_of(spiked) == 1.0, "huge values do not hide what the others do"
    assert size_of(np.array([np.nan])) == 0.0


@pytest.mark.parametrize("period", [2, 3, 40])
def test_what_counts_its_calls_is_not_called_short_of_bars(load, period: int) -> None:
    strategy = load(
        f"""
        calls = [0]

        @feature(warm_up=2)
        def counting(bars):
            calls[0] += 1
            return bars.close if calls[0] % {period} else -bars.close
        """
    )
    values = strategy.features[0].compute(BARS)
    with pytest.raises(StrategyError, match="must say the same whenever it is asked") as caught:
        check_agreement(strategy, {"XAUUSD": BARS}, {"XAUUSD": {"counting": values}})

    assert caught.value.facts["cause"] == "repeat"
    assert "Keep nothing between calls" in caught.value.remedy
