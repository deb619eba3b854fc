"""The clock of a source is told by its weekends, or not at all."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.config.instruments import load_instrument
from assay.data.bars import Bars
from assay.data.importers import import_file
from assay.data.importers.clock import candidates, infer_clock
from assay.data.importers.zones import zone
from assay.data.simulation.market import SimulatedMarket, simulate
from assay.domain.errors import ConfigError, DataError
from assay.domain.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from assay.domain.timeframe import Timeframe

Make = Callable[..., Bars]
CLOCKS = ("UTC", "America/New_York", "NY+7", "EET", "CET", "UTC+3", "UTC-5", "UTC+8")


def is_right(found: str | None, local_ns: np.ndarray, utc_ns: np.ndarray) -> bool:
    """Tell whether the clock converts every row rightly, whatever it is called."""
    return found is not None and bool((zone(found).to_utc(local_ns) == utc_ns).all())


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("weeks", [6, 60])
@pytest.mark.parametrize("timeframe", [Timeframe.M15, Timeframe.H1])
def test_every_clock_is_told_from_full_weeks(
    make_bars: Make, clock: str, weeks: int, timeframe: Timeframe
) -> None:
    utc_ns = make_bars(weeks, timeframe).time_ns
    local_ns = zone(clock).to_local(utc_ns)
    found = infer_clock(local_ns, timeframe.nominal_ns)
    assert found.timezone is not None
    assert is_right(found.timezone, local_ns, utc_ns), found


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    clock=st.sampled_from(CLOCKS),
    start_week=st.integers(0, 40),
    weeks=st.integers(1, 30),
    drop=st.floats(0.0, 0.05),
    seed=st.integers(0, 1_000),
)
def test_a_confident_answer_is_a_right_one(
    make_bars: Make, clock: str, start_week: int, weeks: int, drop: float, seed: int
) -> None:
    utc_ns = make_bars(72).time_ns
    keep = np.random.default_rng(seed).uniform(size=len(utc_ns)) >= drop
    start = utc_ns[0] + start_week * 7 * NS_PER_DAY
    keep &= (utc_ns >= start) & (utc_ns < start + weeks * 7 * NS_PER_DAY)
    utc_ns = utc_ns[keep]
    local_ns = zone(clock).to_local(utc_ns)
    found = infer_clock(local_ns, Timeframe.H1.nominal_ns)
    if found.confidence >= 0.9:  # weekends alone, without prices, may be nearly right below
        assert is_right(found.timezone, local_ns, utc_ns), found


def test_too_few_rows_ask_for_the_time_zone(
    make_bars: Make, write_csv: Callable[..., str], save: Callable[..., Path]
) -> None:
    bars = make_bars(0.5)
    path = save(write_csv(bars))
    with pytest.raises(DataError, match="which clock") as caught:
        import_file(path, symbol="EURUSD")
    assert "--timezone" in caught.value.remedy
    told = import_file(path, symbol="EURUSD", timezone="NY+7")
    assert told.recognised.timezone == "NY+7"
    assert told.bars is not None
    np.testing.assert_array_equal(told.bars.time_ns, zone("NY+7").to_utc(bars.time_ns))


def test_a_change_of_the_server_clock_is_dated(make_bars: Make) -> None:
    bars = make_bars(60)
    half = len(bars) // 2
    local_ns = np.concatenate(
        [zone("UTC").to_local(bars.time_ns[:half]), zone("EET").to_local(bars.time_ns[half:])]
    )
    found = infer_clock(np.sort(local_ns), Timeframe.H1.nominal_ns)
    (change,) = found.changes
    assert abs(change.at_ns - bars.time_ns[half]) < 7 * NS_PER_DAY
    assert change.before == "UTC"
    assert change.after in ("Europe/Athens", "NY+7")
    converted = zone(str(found.timezone)).to_utc(np.sort(local_ns))
    assert np.mean(converted != bars.time_ns) < 0.01


@pytest.mark.parametrize("clock", ["NY+7", "UTC+3", "America/New_York"])
def test_a_table_that_calls_its_server_time_utc_is_refused_unless_told(
    tmp_path: Path, clock: str
) -> None:
    market = SimulatedMarket(seed=4, years=1.0, timeframe=Timeframe.H1)
    bars = simulate(market, load_instrument("XAUUSD"))
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close")}
    local_ns = zone(clock).to_local(bars.time_ns)
    path = tmp_path / "XAUUSD.parquet"

    pq.write_table(
        pa.table({"time": pa.array(local_ns, pa.timestamp("ns", "UTC")), **columns}), path
    )
    with pytest.raises(DataError, match="states UTC, but its rows follow") as caught:
        import_file(path)
    told = import_file(path, timezone="UTC")
    assert "--timezone UTC" in (caught.value.remedy or "")
    np.testing.assert_array_equal(told.series.time_ns, local_ns)

    pq.write_table(
        pa.table({"time": pa.array(bars.time_ns, pa.timestamp("ns", "UTC")), **columns}), path
    )
    np.testing.assert_array_equal(import_file(path).series.time_ns, bars.time_ns)


def test_the_daily_pause_of_metals_tells_the_clock_without_a_weekend() -> None:
    start = 1_673_827_200 * 10**9  # Monday 2023-01-16 00:00 UTC
    utc_ns = start + np.arange(4 * 1_440, dtype=np.int64) * NS_PER_MINUTE
    utc_ns = utc_ns[utc_ns % NS_PER_DAY // NS_PER_HOUR != 22]  # 17:00 to 18:00 New York
    for clock in ("UTC", "NY+7", "America/New_York"):
        local_ns = zone(clock).to_local(utc_ns)
        found = infer_clock(local_ns, NS_PER_MINUTE)
        assert is_right(found.timezone, local_ns, utc_ns), found
        assert found.timezone is not None


def test_days_without_weekends_are_trading_days_and_others_cannot_tell() -> None:
    days = np.arange(19_000, 19_400, dtype=np.int64)
    is_weekend = np.isin((days + 4) % 7, (0, 6))
    found = infer_clock(days[~is_weekend] * NS_PER_DAY, NS_PER_DAY)
    assert found.timezone == "NY+7"
    assert infer_clock(days * NS_PER_DAY, NS_PER_DAY).timezone is None
    assert infer_clock(days[~is_weekend][:30] * NS_PER_DAY, NS_PER_DAY).timezone is None


@given(
    name=st.sampled_from((*candidates(), "Europe/London", "Asia/Tokyo", "UTC+5:30")),
    hours=st.lists(st.integers(200_000, 700_000), min_size=1, max_size=50),
)
def test_local_time_and_back_is_the_same_but_for_the_repeated_hour(
    name: str, hours: list[int]
) -> None:
    utc_ns = np.array(hours, dtype=np.int64) * NS_PER_HOUR
    clock = zone(name)
    error = clock.to_utc(clock.to_local(utc_ns)) - utc_ns
    assert set(np.abs(error).tolist()) <= {0, NS_PER_HOUR}
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    if "/" in name:
        for at in utc_ns:
            moment = datetime.fromtimestamp(int(at) // 10**9, tz=UTC).astimezone(ZoneInfo(name))
            offset = moment.utcoffset()
            assert offset is not None
            assert clock.offset_at(np.array([at]))[0] == offset.total_seconds() * 10**9


@pytest.mark.parametrize("name", ["Mars", "UTC+99", "NY+20", "", "../etc/passwd"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="Time zone must"):
        zone(name)


HISTORIES = (
    "XAUUSD_H1_oanda_bidask_2006_2019",
    "XAUUSD_H1_mt5_ejtrader_2012_2022",
    "XAUUSD_M15_mt5_gbrlas7_2024",
    "XAUUSD_M1_oanda_bidask_201405a",
    "EURUSD_H1_oanda_bidask_2007_2018",
    "GBPUSD_H1_mt5_ejtrader_2012_2022",
    "USDJPY_H1_mt5_ejtrader_2012_2022",
    "EURUSD_M1_histdata_202306",
    "EURUSD_ticks_oanda_201405a",
)


@pytest.mark.parametrize("clock", CLOCKS[:-1])
@pytest.mark.parametrize("name", HISTORIES)
def test_real_histories_on_any_clock_are_told_rightly_or_not_at_all(
    shared_data: Path, name: str, clock: str
) -> None:
    table = pq.read_table(shared_data / "history" / f"{name}.parquet", columns=["time"])
    utc_ns = table.column(0).to_numpy().view(np.int64)
    timeframe = None if "ticks" in name else Timeframe[name.split("_")[1]]
    local_ns = np.sort(zone(clock).to_local(utc_ns))
    found = infer_clock(local_ns, None if timeframe is None else timeframe.nominal_ns)
    is_sure = found.timezone is not None
    assert is_sure or len(utc_ns) < 20_000 or timeframe is None
    if is_sure:
        np.testing.assert_array_equal(
            np.sort(zone(str(found.timezone)).to_utc(local_ns)), utc_ns, err_msg=found.why
        )


@pytest.mark.parametrize(
    ("file", "symbol", "timezone", "timeframe", "rows"),
    [
        ("mt5/MarcoMunt_XAUUSD_M15_copy_rates.csv", "XAUUSD", "Europe/Athens", "M15", 5_864),
        ("mt4/EURCHF_D1_ejtrader_points.csv", "EURCHF", "NY+7", "D1", 2_400),
        ("histdata/DAT_ASCII_EURUSD_M1_202306.csv", "EURUSD", "America/New_York", "M1", 16_752),
        ("dukascopy_csv/FOREX_EURUSD_1H_ASK.csv", "EURUSD", "UTC", "H1", 6_225),
        ("dukascopy_csv/dukascopy-node_basic-csv.output.csv", "EURUSD", "UTC", "D1", 24),
    ],
)
def test_original_files_are_read_as_their_sources_meant(
    shared_data: Path, file: str, symbol: str, timezone: str, timeframe: str, rows: int
) -> None:
    imported = import_file(shared_data / "formats" / file, symbol=symbol)
    assert imported.recognised.timezone == timezone
    assert imported.recognised.timeframe is Timeframe[timeframe]
    assert (imported.rows_in, imported.rows_kept) == (rows, rows)


def test_histdata_bytes_equal_the_converted_history(shared_data: Path) -> None:
    raw = import_file(
        shared_data / "formats" / "histdata" / "DAT_ASCII_EURUSD_M1_202306.csv", symbol="EURUSD"
    ).bars
    table = import_file(
        shared_data / "history" / "EURUSD_M1_histdata_202306.parquet", symbol="EURUSD"
    ).bars
    assert raw is not None
    assert table is not None
    for name in ("time_ns", "open", "high", "low", "close"):
        np.testing.assert_array_equal(getattr(raw, name), getattr(table, name))
