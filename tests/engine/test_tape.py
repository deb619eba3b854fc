"""The tape: order, columns, conversion, volatility, finer bars."""

from decimal import Decimal as D

import numpy as np
import pytest
from engine_worlds import instrument

from assay.config.settings import CostSettings
from assay.data.bars import Bars
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe
from assay.engine import market as columns
from assay.engine.tape import build_tape

START = 1_704_229_200_000_000_000  # Tuesday 2 January 2024, 21:00 UTC
HOUR = Timeframe.H1.nominal_ns


def bars(symbol, n=30, *, start=START, timeframe=Timeframe.H1, ask=0.2, price=100.0, seed=1):
    rng = np.random.default_rng(seed)
    close = price + np.cumsum(rng.normal(0.0, 0.1, n))
    open_ = np.r_[price, close[:-1]]
    high, low = np.maximum(open_, close) + 0.05, np.minimum(open_, close) - 0.05
    asks = {}
    if ask is not None:
        quotes = (open_, high, low, close)
        names = ("ask_open", "ask_high", "ask_low", "ask_close")
        asks = {name: quote + ask for name, quote in zip(names, quotes, strict=True)}
    return Bars(
        symbol=symbol, timeframe=timeframe, time_ns=start + np.arange(n) * timeframe.nominal_ns,
        open=open_, high=high, low=low, close=close, volume=np.full(n, np.nan),
        spread=np.full(n, np.nan), **asks,
    )  # fmt: skip


def build(*all_bars, instruments=None, **options):
    given = {b.symbol: b for b in all_bars}
    facts = instruments or {name: instrument(symbol=name) for name in given}
    return build_tape(given, facts, options.pop("costs", CostSettings()), "USD", **options)


def test_events_are_ordered_by_known_time_then_open_then_symbol() -> None:
    tape = build(bars("A", 5), bars("B", 5, start=START - HOUR))
    keys = list(zip(tape.known_ns, tape.time_ns, tape.symbol, strict=True))
    assert keys == sorted(keys)
    assert tape.symbols == ("A", "B")
    assert len(tape) == 10
    assert (tape.known_ns - tape.time_ns == HOUR).all()


def test_the_spread_multiple_widens_the_ask_alone() -> None:
    plain = build(bars("A"))
    wide = build(bars("A"), costs=CostSettings(spread_multiple=3.0))
    np.testing.assert_array_equal(plain.bid_close, wide.bid_close)
    np.testing.assert_allclose(wide.ask_close - wide.bid_close, 0.6)
    np.testing.assert_allclose(plain.ask_close - plain.bid_close, 0.2)


def test_nights_are_counted_and_make_an_event_restless() -> None:
    tape = build(bars("A"))
    nights = tape.market[columns.NIGHTS]
    at = np.flatnonzero(nights)
    assert nights[at].tolist() == [1.0, 3.0]  # Tuesday's rollover, and Wednesday's counts three
    assert not tape.is_calm[at].any()
    assert tape.is_calm.sum() == len(tape) - 3  # the first event is never calm


def test_the_mid_lies_halfway_between_bid_and_ask_at_the_close() -> None:
    tape = build(bars("A", ask=0.3), bars("B", ask=0.1, seed=2))
    assert tape.mid_close.tolist() == (0.5 * (tape.bid_close + tape.ask_close)).tolist()
    assert tape.mid_close.flags.c_contiguous
    assert tape.between(3, 9).mid_close.tolist() == tape.mid_close[3:9].tolist()


def test_volatility_is_known_one_bar_before() -> None:
    tape = build(bars("A", 60))
    now, after = tape.market[columns.VOLATILITY], tape.market[columns.VOLATILITY_NEXT]
    np.testing.assert_array_equal(now[1:], after[:-1])
    assert np.isnan(now[0])
    assert np.isfinite(after[-1])


def test_conversion_is_one_own_or_anothers_price_known_at_the_open() -> None:
    usdjpy = bars("USDJPY", price=150.0)
    eurjpy = bars("EURJPY", price=160.0)
    eurgbp = bars("EURGBP", price=0.85, ask=0.001)
    gbpusd = bars("GBPUSD", price=1.25, ask=0.001)
    facts = {
        "USDJPY": instrument(symbol="USDJPY", base="USD", quote="JPY"),
        "EURJPY": instrument(symbol="EURJPY", base="EUR", quote="JPY"),
        "EURGBP": instrument(symbol="EURGBP", base="EUR", quote="GBP"),
    }
    one = build(bars("A")).market[columns.CONVERSION]
    assert (one == 1.0).all()

    own = build(usdjpy, instruments=facts).market[columns.CONVERSION]
    np.testing.assert_array_equal(own, 1.0 / usdjpy.open)

    inverse = build(eurjpy, instruments=facts, conversion_bars={"USDJPY": usdjpy})
    expected = 1.0 / np.r_[usdjpy.open[0], usdjpy.close[:-1]]
    np.testing.assert_array_equal(inverse.market[columns.CONVERSION], expected)

    direct = build(eurgbp, instruments=facts, conversion_bars={"GBPUSD": gbpusd})
    expected = np.r_[gbpusd.open[0], gbpusd.close[:-1]]
    np.testing.assert_array_equal(direct.market[columns.CONVERSION], expected)

    with pytest.raises(DataError, match="Import JPYUSD or USDJPY"):
        build(eurjpy, instruments=facts)


def test_finer_bars_lie_inside_their_event() -> None:
    minutes = bars("B", 600, timeframe=Timeframe.M1)
    tape = build(bars("A", 10), bars("B", 10), finer={"B": minutes})
    mine = np.flatnonzero(tape.symbol == 1)
    first, end = tape.finer_range[:, mine]
    assert (end - first).tolist() == [60] * 10
    np.testing.assert_array_equal(tape.finer[columns.BID_OPEN, first], minutes.open[::60])
    assert (tape.finer_range[0, tape.symbol == 0] == tape.finer_range[1, tape.symbol == 0]).all()
    assert tape.since(6).finer_range.shape == (2, 14)


def test_a_tape_cut_at_its_start_keeps_what_was_known() -> None:
    tape = build(bars("A"))
    late = tape.since(10)
    np.testing.assert_array_equal(late.market, tape.market[:, 10:])
    assert late.is_calm[0] == 0
    assert len(late) == 20


def test_faults_name_the_remedy() -> None:
    with pytest.raises(DataError, match="at least one symbol"):
        build()
    with pytest.raises(DataError, match="quoted_both_sides"):
        build(bars("A", ask=None))
    with pytest.raises(DataError, match="share one timeframe"):
        build(bars("A"), bars("B", timeframe=Timeframe.M1))
    with pytest.raises(DataError, match="at least one bar"):
        build(bars("A", 0))
    broken = bars("A")
    broken.high[3] = 1.0
    with pytest.raises(DataError, match="bar 3 had open"):
        build(broken)


def test_sizes_read_the_calendar_not_the_future() -> None:
    from assay.domain.instrument import Session
    from assay.risk.facts import bars_per_year

    day = tuple(
        Session(open_minute=1440 * d + 1080, close_minute=1440 * d + 2460) for d in range(5)
    )
    weeks = 365.25 / 7
    assert bars_per_year(Timeframe.H1, day) == pytest.approx(weeks * 5 * 23)
    assert bars_per_year(Timeframe.H4, day) == pytest.approx(weeks * 5 * 6)
    assert bars_per_year(Timeframe.D1, day) == pytest.approx(weeks * 5)
    assert bars_per_year(Timeframe.M1, ()) == pytest.approx(weeks * 5 * 1440)
    assert bars_per_year(Timeframe.W1, day) == pytest.approx(weeks)
    assert bars_per_year(Timeframe.MN1, day) == 12.0
    assert D(1) == instrument().point * 100
