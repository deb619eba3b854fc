"""The same market comes back identical from every format it can be written in."""

import io
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.data.bars import Bars, Ticks
from assay.data.importers import Format, import_file, recognise
from assay.data.importers.stamps import NO_TIME, Stamp, parse_texts
from assay.data.importers.zones import zone
from assay.domain.errors import ConfigError, DataError
from assay.domain.timeframe import Timeframe

Save = Callable[..., Path]
PATTERNS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S%.3f+00:00",
    "%Y.%m.%d %H:%M",
    "%Y%m%d %H%M%S",
    "%Y%m%d %H:%M:%S",
    "%Y%m%d%H%M%S",
    "%d.%m.%Y %H:%M:%S%.3f",
    "%d.%m.%Y %H:%M:%S%.3f GMT+0000",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%d %b %Y %H:%M",
)


def assert_same(first: Bars | Ticks, second: Bars | Ticks) -> None:
    for field in fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_every_date_form_and_delimiter_is_read(
    make_bars: Callable[..., Bars],
    write_csv: Callable[..., str],
    save: Save,
    pattern: str,
    delimiter: str,
) -> None:
    bars = make_bars(5)
    imported = import_file(save(write_csv(bars, pattern, delimiter)), symbol="EURUSD")
    assert imported.recognised.timezone == "UTC"
    assert imported.recognised.timeframe is Timeframe.H1
    assert (imported.rows_in, imported.rows_kept) == (len(bars), len(bars))
    assert imported.bars is not None
    assert_same(bars, imported.bars)


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    delimiter=st.sampled_from(";,\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"]),
    pattern=st.sampled_from(PATTERNS[:2] + PATTERNS[3:6]),
    has_quotes=st.booleans(),
    has_comma=st.booleans(),
    has_last_line_end=st.booleans(),
    order=st.permutations(range(6)),
    block_bytes=st.sampled_from([700, 5_000, 1 << 24]),
)
def test_a_table_comes_back_whatever_its_dress(
    make_bars: Callable[..., Bars],
    write_csv: Callable[..., str],
    save: Save,
    delimiter: str,
    line_end: str,
    encoding: str,
    pattern: str,
    has_quotes: bool,
    has_comma: bool,
    has_last_line_end: bool,
    order: list[int],
    block_bytes: int,
) -> None:
    bars = make_bars(3)
    rows = [line.split("\x1f") for line in write_csv(bars, pattern, "\x1f").splitlines()]
    rows = [[row[at] for at in order] for row in rows]
    if has_comma and (delimiter != "," or has_quotes):
        prices = [at for at, source in enumerate(order) if source in (1, 2, 3, 4)]
        for row in rows[1:]:
            for at in prices:
                row[at] = row[at].replace(".", ",")
    if has_quotes:
        rows = [[f'"{field}"' for field in row] for row in rows]
    text = line_end.join(delimiter.join(row) for row in rows)
    text += line_end if has_last_line_end else ""
    content = text.encode(encoding)
    if encoding == "utf-16-be":
        content = b"\xfe\xff" + content
    path = save(content)
    imported = import_file(path, symbol="EURUSD", block_bytes=block_bytes)
    assert imported.bars is not None
    assert imported.rows_in == imported.rows_kept == len(bars)
    assert_same(bars, imported.bars)


def mt5_text(bars: Bars, clock: str, write_stamps: Callable[..., list[str]]) -> str:
    local = zone(clock).to_local(bars.time_ns)
    lines = ["<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"]
    stamps = write_stamps(local, "%Y.%m.%d\t%H:%M:%S")
    for i, stamp in enumerate(stamps):
        prices = "\t".join(f"{c[i]:.5f}" for c in (bars.open, bars.high, bars.low, bars.close))
        lines.append(f"{stamp}\t{prices}\t{bars.volume[i]:.0f}\t0\t{7 + i % 5}")
    return "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_mt5_export_is_read_with_spread_in_points_and_server_time(
    make_bars: Callable[..., Bars],
    write_stamps: Callable[..., list[str]],
    save: Save,
    encoding: str,
) -> None:
    bars = make_bars(30)
    path = save(mt5_text(bars, "NY+7", write_stamps), "EURUSD_H1.csv", encoding)
    imported = import_file(path, symbol="EURUSD")
    assert imported.recognised.format is Format.MT5_BARS
    assert imported.recognised.timezone == "NY+7"
    assert imported.bars is not None
    np.testing.assert_array_equal(imported.bars.time_ns, bars.time_ns)
    np.testing.assert_array_equal(imported.bars.close, bars.close)
    points = 7 + np.arange(len(bars)) % 5
    np.testing.assert_allclose(imported.bars.spread, points * 1e-5, rtol=1e-12)
    assert any("MT5" in why for why in imported.recognised.why)


def test_an_mt5_daily_export_without_times_is_stamped_at_the_new_york_close(
    save: Save,
) -> None:
    days = np.arange(np.datetime64("2022-01-03"), np.datetime64("2023-01-01"))
    days = days[np.is_busday(days)]
    lines = ["<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"]
    lines += [f"{str(day).replace('-', '.')}\t1.1\t1.2\t1.0\t1.15\t10\t0\t3" for day in days]
    imported = import_file(save("\n".join(lines)), symbol="EURUSD")
    assert imported.recognised.timeframe is Timeframe.D1
    assert imported.recognised.timezone == "NY+7"
    assert imported.bars is not None
    new_york = zone("America/New_York").to_local(imported.bars.time_ns)
    assert set((new_york // 10**9 % 86_400).tolist()) == {17 * 3_600}


def test_an_mt5_tick_export_carries_the_unchanged_side_forward(
    make_ticks: Callable[..., Ticks], write_stamps: Callable[..., list[str]], save: Save
) -> None:
    ticks = make_ticks(3_000)
    local = zone("NY+7").to_local(ticks.time_ns)
    lines = ["<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>"]
    for i, stamp in enumerate(write_stamps(local, "%Y.%m.%d\t%H:%M:%S%.3f")):
        same_bid = i > 0 and ticks.bid[i] == ticks.bid[i - 1]
        bid = "" if same_bid else f"{ticks.bid[i]:.5f}"
        lines.append(f"{stamp}\t{bid}\t{ticks.ask[i]:.5f}\t\t\t{4 if same_bid else 6}")
    lines.insert(1, lines[1].replace(f"{ticks.bid[0]:.5f}", ""))
    imported = import_file(
        save("\n".join(lines)), symbol="EURUSD", timezone="NY+7", block_bytes=4_000
    )
    assert imported.recognised.format is Format.MT5_TICKS
    assert imported.ticks is not None
    assert_same(ticks, imported.ticks)
    assert imported.rows_in == len(ticks) + 1 == imported.rows_kept + len(imported.quarantine)


def test_histdata_minutes_and_ticks_are_recognised(
    make_bars: Callable[..., Bars],
    make_ticks: Callable[..., Ticks],
    write_stamps: Callable[..., list[str]],
    save: Save,
) -> None:
    bars, ticks = make_bars(2, Timeframe.M1), make_ticks(2_000)
    local = zone("UTC-5").to_local
    lines = [
        f"{stamp};{bars.open[i]:.6f};{bars.high[i]:.6f};{bars.low[i]:.6f};{bars.close[i]:.6f};0"
        for i, stamp in enumerate(write_stamps(local(bars.time_ns), "%Y%m%d %H%M%S"))
    ]
    minutes = import_file(save("\n".join(lines), "DAT_ASCII_EURUSD_M1_2023.csv"), symbol="EURUSD")
    assert minutes.recognised.format is Format.HISTDATA_M1
    assert minutes.bars is not None
    np.testing.assert_array_equal(minutes.bars.time_ns, bars.time_ns)
    np.testing.assert_array_equal(minutes.bars.high, bars.high)
    assert np.isnan(minutes.bars.volume).all()
    lines = [
        f"{stamp},{ticks.bid[i]:.6f},{ticks.ask[i]:.6f},2147483647"
        for i, stamp in enumerate(write_stamps(local(ticks.time_ns), "%Y%m%d %H%M%S%3f"))
    ]
    quotes = import_file(save("\n".join(lines), "DAT_ASCII_EURUSD_T_2023.csv"), symbol="EURUSD")
    assert quotes.recognised.format is Format.HISTDATA_TICKS
    assert quotes.ticks is not None
    assert_same(ticks, quotes.ticks)


@pytest.mark.parametrize(("unit", "scale"), [("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)])
def test_epochs_are_utc_in_any_unit(
    make_bars: Callable[..., Bars], save: Save, unit: str, scale: int
) -> None:
    bars = make_bars(0.5)
    lines = ["timestamp,open,high,low,close"]
    lines += [
        f"{bars.time_ns[i] // scale},{bars.open[i]},{bars.high[i]},{bars.low[i]},{bars.close[i]}"
        for i in range(len(bars))
    ]
    imported = import_file(save("\n".join(lines)), symbol="EURUSD")
    assert imported.recognised.stamp == f"epoch {unit}"
    assert imported.bars is not None
    np.testing.assert_array_equal(imported.bars.time_ns, bars.time_ns)


@pytest.mark.parametrize("kind", ["aware", "naive", "text", "epoch"])
@pytest.mark.parametrize("has_ask", [True, False])
def test_parquet_is_read_in_all_its_time_types(
    make_bars: Callable[..., Bars], save: Save, kind: str, has_ask: bool
) -> None:
    bars = make_bars(6)
    time = pl.Series("time", bars.time_ns)
    typed = time.cast(pl.Datetime("ns"))
    column = {
        "aware": typed.dt.replace_time_zone("UTC"),
        "naive": typed,
        "text": typed.dt.strftime("%Y-%m-%dT%H:%M:%S"),
        "epoch": time // 10**6,
    }[kind]
    frame = pl.DataFrame([column]).with_columns(
        **{name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    )
    if has_ask:
        frame = frame.with_columns(
            **{f"ask_{name}": pl.col(name) + 0.0001 for name in ("open", "high", "low", "close")}
        )
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    imported = import_file(save(buffer.getvalue(), "t.parquet"), symbol="EURUSD")
    assert imported.recognised.format is Format.PARQUET_BARS
    assert imported.bars is not None
    assert imported.bars.has_ask == has_ask
    np.testing.assert_array_equal(imported.bars.time_ns, bars.time_ns)
    np.testing.assert_array_equal(imported.bars.close, bars.close)


def test_a_column_mapping_overrides_recognition(make_bars: Callable[..., Bars], save: Save) -> None:
    bars = make_bars(3)
    lines = ["when,first,top,bottom,last,extra"]
    for i in range(len(bars)):
        at = np.datetime64(int(bars.time_ns[i]), "ns").astype("datetime64[s]")
        lines.append(f"{at},{bars.open[i]},{bars.high[i]},{bars.low[i]},{bars.close[i]},x")
    path = save("\n".join(lines))
    names = {"time": "when", "open": 2, "high": "top", "low": "4", "close": "last"}
    imported = import_file(path, symbol="EURUSD", columns=names)
    assert imported.bars is not None
    np.testing.assert_array_equal(imported.bars.low, bars.low)
    with pytest.raises(ConfigError, match="header or a position"):
        import_file(path, symbol="EURUSD", columns={"time": "nowhere"})
    with pytest.raises(ConfigError, match="role"):
        import_file(path, symbol="EURUSD", columns={"prize": "last"})


def test_columns_without_a_header_are_told_by_their_values(
    make_bars: Callable[..., Bars], save: Save
) -> None:
    bars = make_bars(3)
    lines = []
    for i in range(len(bars)):
        at = str(np.datetime64(int(bars.time_ns[i]), "ns").astype("datetime64[s]"))
        day, clock = at.split("T")
        lines.append(
            f"{day.replace('-', '.')},{clock[:5]},{bars.open[i]},{bars.close[i]},{bars.low[i]},"
            f"{bars.high[i]},{bars.volume[i]}"
        )
    imported = import_file(save("\n".join(lines)), symbol="EURUSD")
    assert imported.bars is not None
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(imported.bars, name), getattr(bars, name))


@pytest.mark.parametrize("is_ask_first", [True, False])
def test_of_two_quotes_the_larger_is_the_ask(
    make_ticks: Callable[..., Ticks], save: Save, is_ask_first: bool
) -> None:
    ticks = make_ticks(500)
    sides = (ticks.ask, ticks.bid) if is_ask_first else (ticks.bid, ticks.ask)
    lines = [f"{t // 10**6},{a},{b}" for t, a, b in zip(ticks.time_ns, *sides, strict=True)]
    imported = import_file(save("\n".join(lines)), symbol="EURUSD")
    assert imported.ticks is not None
    assert_same(ticks, imported.ticks)


@pytest.mark.parametrize("digits", [None, 5])
def test_prices_in_points_are_divided(
    make_bars: Callable[..., Bars], save: Save, digits: int | None
) -> None:
    bars = make_bars(3)
    lines = ["Date,open,high,low,close,tick_volume"]
    for i in range(len(bars)):
        at = np.datetime64(int(bars.time_ns[i]), "ns").astype("datetime64[s]")
        points = [f"{float(c[i]) * 1e5!r}" for c in (bars.open, bars.high, bars.low, bars.close)]
        lines.append(f"{at},{','.join(points)},5")
    path = save("\n".join(lines))
    imported = import_file(path, symbol="EURUSD", digits=digits)
    assert imported.recognised.price_divisor == 100_000
    assert imported.bars is not None
    np.testing.assert_array_equal(imported.bars.close, bars.close)
    with pytest.raises(DataError, match="price-divisor"):
        import_file(path, symbol="US500")
    told = import_file(path, symbol="US500", price_divisor=100_000)
    assert told.bars is not None
    np.testing.assert_array_equal(told.bars.close, bars.close)


def test_recognition_tells_why_and_imports_nothing(
    make_bars: Callable[..., Bars], write_stamps: Callable[..., list[str]], save: Save
) -> None:
    path = save(mt5_text(make_bars(30), "EET", write_stamps), "EURUSD_H1.csv", "utf-16")
    found = recognise(path)
    assert found.format is Format.MT5_BARS
    assert found.timezone == "Europe/Athens"
    assert found.timeframe is Timeframe.H1
    assert found.encoding == "utf-16-le"
    assert len(found.why) >= 5
    assert found.as_json()["format"] == "mt5_bars"


def test_progress_rises_to_the_size_of_the_file(
    make_bars: Callable[..., Bars], write_csv: Callable[..., str], save: Save
) -> None:
    path = save(write_csv(make_bars(8)))
    said: list[tuple[int, int]] = []
    import_file(
        path,
        symbol="EURUSD",
        block_bytes=9_000,
        progress=lambda done, total: said.append((done, total)),
    )
    size = path.stat().st_size
    assert [done for done, _ in said] == sorted(done for done, _ in said)
    assert said[-1] == (size, size)
    assert len(said) > 3


@pytest.mark.parametrize("year", ["0023", "1600", "1969", "2100", "2300", "9999"])
@pytest.mark.parametrize("clock", ["", " 10:00:00"])
def test_a_year_beyond_the_calendar_is_no_time(year: str, clock: str) -> None:
    pattern = "%Y-%m-%d %H:%M:%S" if clock else "%Y-%m-%d"
    texts = pl.Series([f"{year}-01-09{clock}", f"2023-01-09{clock}"])
    parsed = parse_texts(texts, Stamp(pattern=pattern))
    assert (parsed == NO_TIME).tolist() == [True, False]
