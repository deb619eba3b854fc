"""Each kind of damage is found by the check that names it, and clean rows by none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.data.bars import Bars, Ticks
from assay.data.gaps import find_gaps
from assay.data.importers import import_file
from assay.data.quality import QualityReport, check_bars, check_ticks
from assay.data.quarantine import Quarantine, QuarantinedRow, Reason
from assay.domain.instrument import Session
from assay.domain.timeframe import Timeframe

Make = Callable[..., Bars]
Sessions = tuple[Session, ...]


def found(report: QualityReport) -> dict[str, int]:
    return {check.name: check.rows for check in report.findings}


def without(bars: Bars, gone: list[int]) -> Bars:
    keep = np.setdiff1d(np.arange(len(bars)), gone)
    names = ("time_ns", "open", "high", "low", "close", "volume", "spread")
    return replace(bars, **{name: getattr(bars, name)[keep] for name in names})


@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.M15, Timeframe.H1])
def test_a_clean_history_has_no_findings(
    make_bars: Make, sessions: Sessions, timeframe: Timeframe
) -> None:
    bars = make_bars(7, timeframe)
    report = check_bars(bars, sessions, digits=5)
    by_chance = found(report).pop("coarse_prices", 0)  # one row in ten thousand ends in zeros
    assert found(report).keys() <= {"coarse_prices"}
    assert by_chance <= 5e-4 * len(bars)
    assert report.is_passed
    assert report.score > 99.0


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(gone=st.sets(st.integers(1, 498), max_size=60))
def test_the_bars_missing_are_the_bars_taken_out(
    make_bars: Make, sessions: Sessions, gone: set[int]
) -> None:
    bars = make_bars(6).between(0, 500)
    gaps = find_gaps(without(bars, sorted(gone)).time_ns, Timeframe.H1, sessions)
    assert sum(gap.bars_missing for gap in gaps) == len(gone)
    runs = [at for at in gone if at - 1 not in gone]
    assert [gap.start_ns for gap in gaps] == [int(bars.time_ns[at]) for at in sorted(runs)]


@pytest.mark.parametrize("timeframe", [Timeframe.H4, Timeframe.D1, Timeframe.W1])
def test_gaps_of_long_bars_are_counted_on_the_trading_day_grid(
    make_bars: Make, sessions: Sessions, timeframe: Timeframe
) -> None:
    from assay.data.resample import resample

    bars = resample(make_bars(30), timeframe)
    assert find_gaps(bars.time_ns, timeframe, sessions) == ()
    gaps = find_gaps(without(bars, [5, 6, 11]).time_ns, timeframe, sessions)
    assert [gap.bars_missing for gap in gaps] == [2, 1]


def test_a_gap_over_years_is_counted_by_weeks(sessions: Sessions) -> None:
    time_ns = np.array([1_072_915_200, 1_672_617_600], dtype=np.int64) * 10**9
    (gap,) = find_gaps(time_ns, Timeframe.M1, sessions)
    assert gap.bars_missing == pytest.approx(19 * 52.18 * 5 * 1_440, rel=0.02)


DAMAGES: dict[str, Callable[[Bars], Bars]] = {
    "broken_ohlc": lambda b: replace(b, high=_set(b.high, 300, b.low[300] - 0.001)),
    "not_positive": lambda b: replace(b, low=_set(b.low, 300, -1.0)),
    "crossed": lambda b: replace(b, spread=_set(np.full(len(b), 1e-4), 300, -1e-4)),
    "time_grid": lambda b: replace(b, time_ns=_set(b.time_ns, 300, b.time_ns[300] + 60 * 10**9)),
    "spikes": lambda b: replace(
        b, close=_set(b.close, 300, b.close[300] * 1.2), high=_set(b.high, 300, b.high[300] * 1.2)
    ),
    "zero_volume": lambda b: replace(b, volume=_set(b.volume, 300, 0.0)),
    "zero_spread": lambda b: replace(b, spread=_set(np.full(len(b), 1e-4), 300, 0.0)),
    "wide_spread": lambda b: replace(b, spread=_set(np.full(len(b), 1e-4), 300, 0.02)),
    "price_grid": lambda b: replace(b, close=_set(b.close, 300, b.close[300] + 4e-6)),
}


def _set(array: np.ndarray, at: int, value: float) -> np.ndarray:
    array = array.copy()
    array[at] = value
    return array


@pytest.mark.parametrize("name", DAMAGES)
def test_planted_damage_is_found_by_the_check_that_names_it(
    make_bars: Make, sessions: Sessions, name: str
) -> None:
    report = check_bars(DAMAGES[name](make_bars(7)), sessions, digits=5)
    assert found(report).get(name) == 1
    assert next(check.first for check in report.checks if check.name == name)


def test_stale_runs_and_closed_hours_are_found(make_bars: Make, sessions: Sessions) -> None:
    bars = make_bars(7)
    frozen = {}
    for name in ("open", "high", "low", "close"):
        values = getattr(bars, name).copy()
        values[100:115] = bars.close[100]
        frozen[name] = values
    assert found(check_bars(replace(bars, **frozen), sessions))["stale"] == 15
    night = (Session(open_minute=17 * 60 + 60, close_minute=5 * 1_440 + 17 * 60),)
    assert found(check_bars(bars, night))["closed_hours"] == 7


def test_amounts_beyond_32_bits_are_volumes_too(make_bars: Make, sessions: Sessions) -> None:
    bars = make_bars(2)
    amounts = replace(bars, volume=np.linspace(1e9, 9e9, len(bars)))

    assert check_bars(amounts, sessions).check("volume_overflow").rows == 0


def test_quarantined_rows_become_checks_with_their_first_line(
    make_bars: Make, sessions: Sessions
) -> None:
    rows = [QuarantinedRow(line=n, reason=Reason.NUMBER, text="x") for n in (12, 9)]
    report = check_bars(make_bars(2), sessions, quarantine=Quarantine.of(rows))
    (check,) = [check for check in report.findings if check.name == "quarantined_number"]
    assert (check.rows, check.first) == (2, "line 9")
    assert report.as_json()["checks"]


def test_ticks_are_checked_too(make_ticks: Callable[..., Ticks], sessions: Sessions) -> None:
    ticks = make_ticks(60_000)
    assert found(check_ticks(ticks, sessions)) == {}
    ask = ticks.ask.copy()
    ask[77] = ticks.bid[77] - 1e-5
    ask[99] = ticks.bid[99] + 0.5
    report = check_ticks(replace(ticks, ask=ask), sessions)
    assert found(report)["crossed"] == 1
    assert found(report)["wide_spread"] == 1


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("XAUUSD_M15_mt5_gbrlas7_2024", "XAUUSD"), ("EURUSD_H1_oanda_bidask_2007_2018", "EURUSD")],
)
def test_real_histories_pass_and_their_known_holes_are_found(
    shared_data: Path, name: str, symbol: str
) -> None:
    from assay.config.instruments import load_instrument

    bars = import_file(shared_data / "history" / f"{name}.parquet", symbol=symbol).bars
    assert bars is not None
    instrument = load_instrument(symbol)
    report = check_bars(bars, instrument.sessions, digits=instrument.digits)
    assert report.is_passed, [check.says for check in report.findings]
    if symbol == "EURUSD":
        assert str(report.gaps[0].as_json()["start"]).startswith("2016-12-11")
        assert report.gaps[0].bars_missing == 103
