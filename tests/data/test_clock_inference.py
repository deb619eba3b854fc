"""The clock of every history is right, a change of it is dated, and a guess is never made."""

import importlib.util
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.importers import import_file
from assay.data.importers.clock import infer_clock
from assay.data.importers.clock_finding import CONFIDENCE_MIN_WEEKENDS
from assay.data.importers.zones import composite_name, zone
from assay.data.resample import resample
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.errors import ConfigError, DataError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from assay.domain.timeframe import Timeframe


def load_matrix() -> ModuleType:
    path = Path(__file__).with_name("clock_matrix.py")
    spec = importlib.util.spec_from_file_location("clock_matrix", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["clock_matrix"] = module
    spec.loader.exec_module(module)
    return module


matrix = load_matrix()
CLOCKS = matrix.CLOCKS
PAIRS = list(permutations(CLOCKS, 2))
LONG = (
    "AUDUSD_H1_mt5_ejtrader_2012_2022",
    "EURJPY_H1_mt5_ejtrader_2012_2022",
    "EURUSD_H1_oanda_bidask_2007_2018",
    "GBPUSD_H1_mt5_ejtrader_2012_2022",
    "USDCAD_H1_mt5_ejtrader_2012_2022",
    "USDCHF_H1_mt5_ejtrader_2012_2022",
    "USDJPY_H1_mt5_ejtrader_2012_2022",
    "XAUUSD_H1_mt5_ejtrader_2012_2022",
    "XAUUSD_H1_oanda_bidask_2006_2019",
    "XAUUSD_M15_mt5_gbrlas7_2024",
)
SHORT = (
    "EURUSD_M1_histdata_202306",
    "EURUSD_ticks_oanda_201405a",
    "XAUUSD_M1_oanda_bidask_201405a",
    "XAUUSD_ticks_oanda_201405a",
)
_READ: dict[str, object] = {}


def read(folder: Path, name: str):
    if name not in _READ:
        _READ[name] = matrix.history(folder / "history" / f"{name}.parquet")
    return _READ[name]


def of_bars(bars: Bars):
    prices = {"values": bars.close, "highs": bars.high, "lows": bars.low}
    return matrix.History(bars.symbol, bars.time_ns, bars.timeframe.nominal_ns, prices)


# Each clock by itself


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", [*LONG, *SHORT])
def test_the_clock_of_every_history_is_found(shared_data: Path, name: str, clock: str) -> None:
    written = read(shared_data, name).on_clock(clock)
    finding = written.found()
    assert written.verdict(finding) == matrix.RIGHT, finding
    assert finding.timezone is not None
    assert finding.changes == ()


@pytest.mark.parametrize("clock", ["UTC", "America/New_York", "NY+7", "Europe/Athens", "UTC+3"])
@pytest.mark.parametrize(
    ("symbol", "timeframe", "n_bars"),
    [("XAUUSD", Timeframe.H1, 9_000), ("GBPUSD", Timeframe.M15, 20_000)],
)
def test_simulated_markets_have_the_clock_they_were_given_and_no_change(
    symbol: str, timeframe: Timeframe, n_bars: int, clock: str
) -> None:
    market = SimulatedMarket(seed=5, n_bars=n_bars, timeframe=timeframe)
    written = of_bars(simulate(market, load_instrument(symbol))).on_clock(clock)
    finding = written.found()
    assert finding.changes == ()
    assert written.verdict(finding) == matrix.RIGHT, finding


@pytest.mark.parametrize("clock", CLOCKS)
def test_bars_of_four_hours_cut_in_new_york_give_their_clock_away(
    shared_data: Path, clock: str
) -> None:
    rows = read(shared_data, "EURUSD_H1_oanda_bidask_2007_2018")
    close = rows.prices["values"]
    bars = Bars(
        symbol="EURUSD",
        timeframe=Timeframe.H1,
        time_ns=rows.utc_ns,
        open=close,
        high=rows.prices["highs"],
        low=rows.prices["lows"],
        close=close,
        volume=close,
        spread=close,
    )
    written = of_bars(resample(bars, Timeframe.H4)).on_clock(clock)
    finding = written.found()
    assert written.verdict(finding) == matrix.RIGHT, finding
    assert finding.changes == ()


@given(
    seed=st.integers(0, 10_000),
    bar_ns=st.sampled_from([None, *(member.nominal_ns for member in Timeframe)]),
    scale=st.integers(1, 16),
    is_referred=st.booleans(),
)
def test_nonsense_is_not_given_a_clock_and_breaks_nothing(
    seed: int, bar_ns: int | None, scale: int, is_referred: bool
) -> None:
    rng = np.random.default_rng(seed)
    n_rows = int(rng.integers(1, 300))
    time_ns = 10**18 + np.cumsum(rng.integers(1, 10**scale + 1, n_rows))
    kinds = (np.ones(n_rows), rng.normal(0, 1, n_rows), np.full(n_rows, np.nan))
    values = kinds[int(rng.integers(0, 3))]
    reference = None
    if is_referred:
        columns = dict.fromkeys(("open", "high", "low", "close", "volume", "spread"), values)
        reference = Bars(symbol="R", timeframe=Timeframe.M1, time_ns=time_ns, **columns)
    finding = infer_clock(time_ns, bar_ns, values=values, reference=reference)
    assert 0.0 <= finding.confidence <= 1.0
    assert finding.why


# Changes


@pytest.mark.parametrize("name", [*LONG, *SHORT])
def test_a_change_at_a_weekend_is_found_or_left_open(shared_data: Path, name: str) -> None:
    rows = read(shared_data, name)
    at = rows.middle(at_weekend=True)
    first = (LONG + SHORT).index(name)
    for before, after in (PAIRS[first], PAIRS[(first + 7) % len(PAIRS)]):
        written = rows.switched(before, after, at)
        finding = written.found()
        verdict = written.verdict(finding, int(rows.utc_ns[at]))
        assert verdict != matrix.WRONG, finding
        if name in LONG and {before, after} != {"NY+7", "Europe/Athens"}:
            assert verdict in (matrix.RIGHT, matrix.NEAR), finding


@pytest.mark.parametrize("name", ["EURUSD_H1_oanda_bidask_2007_2018", *SHORT])
def test_a_change_inside_a_week_is_dated_within_a_week_or_left_open(
    shared_data: Path, name: str
) -> None:
    rows = read(shared_data, name)
    at = rows.middle(at_weekend=False)
    for before, after in (("UTC", "NY+7"), ("Europe/Athens", "America/New_York")):
        written = rows.switched(before, after, at)
        verdict = written.verdict(written.found(), int(rows.utc_ns[at]))
        assert verdict != matrix.WRONG, written.found()
        if name in LONG:
            assert verdict != matrix.UNKNOWN


@pytest.mark.soak
@pytest.mark.parametrize("name", [*LONG, *SHORT])
def test_no_pair_of_clocks_is_ever_told_wrongly(shared_data: Path, name: str) -> None:
    counts = matrix.matrix_of(read(shared_data, name))
    assert all(matrix.WRONG not in count for count in counts.values()), counts
    assert counts["clocks"] == {matrix.RIGHT: len(CLOCKS)}
    if name in LONG:
        assert counts["changes at a weekend"].get(matrix.UNKNOWN, 0) <= 1, counts


def test_clocks_that_differ_by_their_rule_alone_give_an_interval(shared_data: Path) -> None:
    rows = read(shared_data, "XAUUSD_H1_mt5_ejtrader_2012_2022")
    at = rows.middle(at_weekend=True)
    finding = rows.switched("NY+7", "Europe/Athens", at).found()
    (change,) = finding.changes
    assert (change.before, change.after) == ("NY+7", "Europe/Athens")
    local = int(zone("NY+7").to_local(rows.utc_ns[at : at + 1])[0])
    assert change.earliest_ns <= local <= change.latest_ns
    assert change.latest_ns - change.earliest_ns < 250 * NS_PER_DAY
    assert "between" in finding.why


def test_several_changes_are_found(shared_data: Path) -> None:
    rows = read(shared_data, "EURUSD_H1_oanda_bidask_2007_2018")
    weekends = np.flatnonzero(np.diff(rows.utc_ns) > 40 * NS_PER_HOUR) + 1
    first, second = weekends[len(weekends) // 3], weekends[2 * len(weekends) // 3]
    local_ns = np.concatenate(
        [
            zone("Europe/Berlin").to_local(rows.utc_ns[:first]),
            zone("UTC+3").to_local(rows.utc_ns[first:second]),
            zone("NY+7").to_local(rows.utc_ns[second:]),
        ]
    )
    written = rows.on(local_ns)
    finding = written.found()
    assert len(finding.changes) == 2
    assert written.verdict(finding) == matrix.RIGHT, finding


def test_a_changed_clock_imports_with_its_dates_and_a_warning(
    make_bars: Callable[..., Bars], write_csv: Callable[..., str], save: Callable[..., Path]
) -> None:
    bars = make_bars(60)
    weekends = np.flatnonzero(np.diff(bars.time_ns) > 20 * NS_PER_HOUR) + 1
    at = int(weekends[30])
    local_ns = np.concatenate(
        [zone("NY+7").to_local(bars.time_ns[:at]), zone("UTC").to_local(bars.time_ns[at:])]
    )
    imported = import_file(save(write_csv(replace(bars, time_ns=local_ns))), symbol="EURUSD")
    assert imported.bars is not None
    np.testing.assert_array_equal(imported.bars.time_ns, bars.time_ns)
    assert imported.rows_in == imported.rows_kept
    name = str(imported.recognised.timezone)
    assert " until 2023-" in name
    assert zone(name).name == name
    assert any("clock changes from" in text for text in imported.warnings)
    again = import_file(
        save(write_csv(replace(bars, time_ns=local_ns))), symbol="EURUSD", timezone=name
    )
    assert again.bars is not None
    np.testing.assert_array_equal(again.bars.time_ns, bars.time_ns)


# Little data

LATE_HOUR = tuple(
    np.array(span, dtype="datetime64[ns]").astype(np.int64)
    for span in (("2013-06-03", "2013-06-17"), ("2017-10-29", "2017-11-04"))
)
"""Days on which the pairs of one vendor are an hour late against two other feeds."""


def spans(folder: Path, n_spans: int, seed: int):
    """Yield histories of a day to two years, with holes and missing rows, on many clocks."""
    rng = np.random.default_rng(seed)
    clocks = (*CLOCKS, "UTC-5", "Europe/London", "UTC+2", "Europe/Berlin")
    for _ in range(n_spans):
        name = str(rng.choice([*LONG, *SHORT]))
        rows = read(folder, name)
        time_ns = rows.utc_ns
        days = float(np.exp(rng.uniform(0.0, np.log(730))))
        begin = time_ns[0] + rng.uniform() * max(0, time_ns[-1] - time_ns[0] - days * NS_PER_DAY)
        keep = (time_ns >= begin) & (time_ns < begin + days * NS_PER_DAY)
        keep &= rng.uniform(size=len(keep)) >= rng.choice([0.0, 0.0, 0.05, 0.2])
        for _ in range(int(rng.integers(0, 4))):
            hole = begin + rng.uniform() * days * NS_PER_DAY
            keep &= (time_ns < hole) | (time_ns >= hole + rng.uniform() * 0.15 * days * NS_PER_DAY)
        if "ejtrader" in name:
            for start, stop in LATE_HOUR:
                keep &= (time_ns < start) | (time_ns >= stop)
        if keep.sum() >= 10:
            clock = str(rng.choice(clocks))
            yield days, rows.kept(keep).on_clock(clock)


@pytest.mark.parametrize("n_spans", [120, pytest.param(3_000, marks=pytest.mark.soak)])
def test_confidence_is_honest_on_any_part_of_a_history(shared_data: Path, n_spans: int) -> None:
    counts: Counter[tuple[bool, str]] = Counter()
    for _, written in spans(shared_data, n_spans, seed=9):
        finding = written.found()
        verdict = written.verdict(finding)
        counts[finding.confidence >= 0.99, verdict] += 1
        if finding.timezone is not None:
            assert finding.confidence >= CONFIDENCE_MIN_WEEKENDS
    n_sure = sum(n for (_, verdict), n in counts.items() if verdict != matrix.UNKNOWN)
    n_wrong = counts[True, matrix.WRONG] + counts[False, matrix.WRONG]
    assert n_wrong <= 0.02 * n_sure, counts
    assert counts[True, matrix.WRONG] <= 0.002 * n_sure, counts
    assert n_sure > 0.5 * counts.total(), counts


def test_an_afternoon_says_that_it_does_not_know(shared_data: Path) -> None:
    rows = read(shared_data, "EURUSD_ticks_oanda_201405a")
    start = np.datetime64("2014-05-06T13:00", "ns").astype(np.int64)
    afternoon = rows.kept((rows.utc_ns >= start) & (rows.utc_ns < start + int(1.5 * NS_PER_HOUR)))
    finding = afternoon.on_clock("UTC+3").found()
    assert finding.timezone is None
    assert finding.why
    assert sum(chance for _, chance in finding.alternatives) <= 1.01


def test_an_unclear_clock_is_asked_for_with_the_likeliest_named(
    make_bars: Callable[..., Bars], write_csv: Callable[..., str], save: Callable[..., Path]
) -> None:
    with pytest.raises(DataError, match="which clock") as caught:
        import_file(save(write_csv(make_bars(0.9).between(0, 40))), symbol="EURUSD")
    assert "--timezone" in caught.value.remedy


def test_a_winter_cannot_tell_rules_apart_and_need_not(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars(6)
    finding = of_bars(bars).on_clock("Europe/Athens").found()
    assert finding.timezone in ("NY+7", "Europe/Athens")
    assert "the same as" in finding.why


def test_a_market_that_never_closes_is_not_given_a_clock() -> None:
    rng = np.random.default_rng(4)
    time_ns = 1_672_531_200 * 10**9 + np.arange(9_000, dtype=np.int64) * NS_PER_HOUR
    close = 20_000 * np.exp(np.cumsum(rng.normal(0, 0.004, 9_000)))
    finding = infer_clock(time_ns, NS_PER_HOUR, values=close)
    assert finding.timezone is None
    assert "no weekend" in finding.why


# A reference


@pytest.fixture(scope="module")
def minutes() -> Bars:
    market = SimulatedMarket(seed=2, n_bars=20_000, timeframe=Timeframe.M1)
    return simulate(market, load_instrument("XAUUSD"))


@pytest.fixture(scope="module")
def hours() -> Bars:
    return simulate(SimulatedMarket(seed=8, n_bars=12_000), load_instrument("XAUUSD"))


@pytest.mark.parametrize("clock", ["UTC+8", "UTC-9", "NY+7", "UTC+5:30"])
def test_six_hours_of_minutes_are_placed_by_a_reference(minutes: Bars, clock: str) -> None:
    part = minutes.between(4_000, 4_360)
    written = of_bars(part).on_clock(clock)
    assert written.verdict(written.found()) != matrix.WRONG
    finding = written.found(reference=minutes)
    assert written.verdict(finding) == matrix.RIGHT, finding
    assert "reference" in finding.why


def test_the_coarser_of_both_timeframes_is_compared(minutes: Bars) -> None:
    reference = resample(minutes, Timeframe.M15)
    written = of_bars(minutes.between(3_000, 6_000)).on_clock("UTC+9")
    finding = written.found(reference=reference)
    assert written.verdict(finding) == matrix.RIGHT, finding
    assert "M15" in finding.why


def test_a_reference_overrides_the_hours_of_an_odd_market(hours: Bars) -> None:
    late = replace(hours, time_ns=hours.time_ns + 5 * NS_PER_HOUR)  # a market of its own hours
    written = of_bars(late).on_clock("UTC+3")
    finding = written.found(reference=late.between(0, 9_000))
    assert written.verdict(finding) == matrix.RIGHT, finding
    assert finding.changes == ()


def test_a_change_is_dated_against_a_reference(hours: Bars) -> None:
    rows = of_bars(hours)
    at = rows.middle(at_weekend=True)
    written = rows.switched("Europe/Athens", "UTC+2", at)
    finding = written.found(reference=hours)
    assert written.verdict(finding) == matrix.RIGHT, finding
    assert finding.changes


def test_a_reference_of_another_market_is_set_aside(hours: Bars) -> None:
    other = simulate(SimulatedMarket(seed=99, n_bars=12_000), load_instrument("XAUUSD"))
    written = of_bars(hours).on_clock("NY+7")
    finding = written.found(reference=other)
    assert "does not move with these rows" in finding.why
    assert written.verdict(finding) == matrix.RIGHT


@pytest.mark.parametrize("clock", ["UTC", "NY+7", "UTC+3"])
def test_days_are_placed_by_a_reference_of_hours(hours: Bars, clock: str) -> None:
    local_day = zone(clock).to_local(hours.time_ns) // NS_PER_DAY
    is_last = np.append(np.diff(local_day) > 0, True)
    days, close = local_day[is_last] * NS_PER_DAY, hours.close[is_last]
    finding = infer_clock(days, NS_PER_DAY, values=close, reference=hours)
    assert finding.timezone is not None, finding
    wanted, found = zone(clock).to_utc(days), zone(finding.timezone).to_utc(days)
    # At 17:00 New York gold rests for an hour: two clocks give the same closes there.
    assert np.abs(found - wanted).max() <= (NS_PER_HOUR if clock == "NY+7" else 0), finding
    alone = infer_clock(days, NS_PER_DAY, values=close)
    assert alone.confidence <= 0.8


# Names of changed clocks


@given(
    zones=st.lists(
        st.sampled_from(("UTC", "NY+7", "Europe/Athens", "UTC+3", "America/New_York")),
        min_size=2,
        max_size=5,
    ),
    start=st.integers(9_000, 18_000),
    steps=st.lists(st.integers(3, 900), min_size=4, max_size=4),
    hours=st.lists(st.integers(200_000, 560_000), min_size=1, max_size=40),
)
def test_a_composite_clock_is_each_of_its_clocks_in_turn(
    zones: list[str], start: int, steps: list[int], hours: list[int]
) -> None:
    days = start + np.cumsum([0, *steps[: len(zones) - 2]])
    name = composite_name(zones, [int(day) * NS_PER_DAY for day in days])
    clock = zone(name)
    assert zone(clock.name) == clock or clock.name == name
    utc_ns = np.sort(np.array(hours, dtype=np.int64) * NS_PER_HOUR)
    changes = [
        int(zone(before).to_utc(np.array([int(day) * NS_PER_DAY]))[0])
        for before, day in zip(zones, days, strict=False)
    ]
    turn = np.searchsorted(changes, utc_ns, side="right")
    expected = np.array(
        [zone(zones[i]).to_local(np.array([at]))[0] for i, at in zip(turn, utc_ns, strict=True)]
    )
    np.testing.assert_array_equal(clock.to_local(utc_ns), expected)
    error = np.abs(clock.to_utc(clock.to_local(utc_ns)) - utc_ns)
    far = np.all([np.abs(utc_ns - at) > 2 * NS_PER_DAY for at in changes], axis=0)
    assert set(error[far].tolist()) <= {0, NS_PER_HOUR}


def test_names_of_composite_clocks_are_read_kindly_and_written_one_way() -> None:
    assert zone("cet  until 2014-11-23 then eet").name == (
        "Europe/Berlin until 2014-11-23 then Europe/Athens"
    )
    assert zone("UTC+2 UNTIL 2014-11-23t06:30 THEN ny+7").name == (
        "UTC+2 until 2014-11-23T06:30 then NY+7"
    )


@pytest.mark.parametrize(
    "name",
    [
        "UTC until yesterday then NY+7",
        "UTC until 2014-13-01 then NY+7",
        "UTC until 2014-11-23 then Mars",
        "UTC until 2014-11-23 then",
        "UTC until 2014-11-23 then NY+7 until 2013-01-01 then UTC",
        "UTC until 0001-01-01 then NY+7",
        " then ".join(f"UTC until {year}-01-01" for year in range(2000, 2020)) + " then UTC",
    ],
)
def test_a_composite_name_that_makes_no_sense_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        zone(name)


# Speed


@pytest.mark.soak
@pytest.mark.parametrize(("n_rows", "bar_ns", "limit_s"), [(4_000_000, NS_PER_MINUTE, 2.0)])
def test_ten_years_of_minutes_take_two_seconds(n_rows: int, bar_ns: int, limit_s: float) -> None:
    time_ns = 1_262_559_600 * 10**9 + np.arange(int(n_rows * 7 / 5), dtype=np.int64) * bar_ns
    time_ns = time_ns[(time_ns // NS_PER_DAY + 4) % 7 % 6 != 0][:n_rows]
    close = 1.1 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 1e-4, len(time_ns))))
    start = time.perf_counter()
    infer_clock(time_ns, bar_ns, values=close, highs=close * 1.0001, lows=close * 0.9999)
    assert time.perf_counter() - start < limit_s
