"""LEAN zips: all resolutions, both sides, the clock of the market, and what is refused."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from archive_encoders import NS, lean_bar_lines, lean_tick_lines, placed, zipped
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data.bars import Bars, Ticks
from assay.data.importers import Format, Imported, import_file, recognise
from assay.data.importers.lean import is_lean
from assay.data.quarantine import Reason
from assay.data.resample import bars_from_ticks, resample
from assay.domain.errors import AssayError, DataError
from assay.domain.time import iso_utc
from assay.domain.timeframe import Timeframe

Make = Callable[..., Bars]
DAY = 1_672_704_000 * NS  # Tuesday 2023-01-03
PARTS = ("open", "high", "low", "close")
SIDES = (*PARTS, *(f"ask_{part}" for part in PARTS))
MINUTE = "forex/oanda/minute/eurusd/20230103_quote.zip"
MEMBER = "20230103_eurusd_minute_quote.csv"


def quoted(bars: Bars, points: int = 12) -> Bars:
    """Return bars with an ask side a whole number of points above the bid."""
    asks = {f"ask_{part}": np.round(getattr(bars, part) * 1e5 + points) / 1e5 for part in PARTS}
    return replace(bars, spread=asks["ask_close"] - bars.close, **asks)


def a_day(make_bars: Make, timeframe: Timeframe = Timeframe.M1, seed: int = 1) -> Bars:
    bars = quoted(make_bars(1, timeframe, seed=seed))
    first, stop = np.searchsorted(bars.time_ns, [DAY, DAY + 86_400 * NS])
    return bars.between(int(first), int(stop))


def assert_same(imported: Imported, bars: Bars) -> None:
    assert imported.bars is not None
    assert imported.rows_in == imported.rows_kept + len(imported.quarantine)
    for name in ("time_ns", *SIDES):
        np.testing.assert_array_equal(getattr(imported.bars, name), getattr(bars, name))


def test_minutes_come_back_with_both_sides(make_bars: Make, tmp_path: Path) -> None:
    bars = a_day(make_bars)
    path = placed(tmp_path, MINUTE, zipped(lean_bar_lines(bars, day_ns=DAY), MEMBER))
    imported = import_file(path)
    assert_same(imported, bars)
    assert imported.recognised.format is Format.LEAN_BARS
    assert imported.recognised.timezone == "UTC"
    assert (imported.series.symbol, imported.side) == ("EURUSD", "bid")
    assert imported.bars is not None
    assert imported.bars.has_ask and np.isnan(imported.bars.volume).all()
    np.testing.assert_array_equal(imported.bars.spread, bars.ask_close - bars.close)


@given(seed=st.integers(0, 999), block_bytes=st.sampled_from([1 << 8, 1 << 12, 1 << 20]))
@settings(max_examples=15)
def test_hours_come_back_however_they_are_cut(
    seed: int, block_bytes: int, make_bars: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bars = quoted(make_bars(3, seed=seed))
    content = zipped(lean_bar_lines(bars, day_ns=None), "eurusd.csv")
    path = placed(tmp_path_factory.mktemp("l"), "forex/oanda/hour/eurusd.zip", content)
    imported = import_file(path, block_bytes=block_bytes)
    assert_same(imported, bars)
    assert imported.recognised.timeframe is Timeframe.H1


@given(seed=st.integers(0, 999), decimals=st.integers(0, 4))
@settings(max_examples=15)
def test_ticks_come_back_to_the_nanosecond(
    seed: int, decimals: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = np.random.default_rng(seed)
    step = 10 ** (6 - decimals)
    offset = np.unique(rng.integers(0, 86_400 * NS // step, 200)) * step
    bid = (110_000 + np.cumsum(rng.integers(-3, 4, len(offset)))) / 1e5
    ticks = Ticks(symbol="EURUSD", time_ns=DAY + offset, bid=bid, ask=np.round(bid * 1e5 + 7) / 1e5)
    content = zipped(lean_tick_lines(ticks, day_ns=DAY), "20230103_eurusd_tick_quote.csv")
    folder = tmp_path_factory.mktemp("l")
    path = placed(folder, "forex/oanda/tick/eurusd/20230103_quote.zip", content)
    imported = import_file(path)
    assert imported.recognised.format is Format.LEAN_TICKS
    for name in ("time_ns", "bid", "ask"):
        np.testing.assert_array_equal(getattr(imported.ticks, name), getattr(ticks, name))


def test_quotes_with_sizes_are_read_too(tmp_path: Path) -> None:
    rows = ["10,1.1,5,1.2,7", "12.5,1.1001,5,1.2001,7"]
    path = placed(
        tmp_path,
        "forex/oanda/tick/eurusd/20230103_quote.zip",
        zipped(rows, "20230103_eurusd_tick_quote.csv"),
    )
    ticks = import_file(path).ticks
    assert ticks is not None
    assert ticks.ask.tolist() == [1.2, 1.2001]
    assert ticks.time_ns.tolist() == [DAY + 10_000_000, DAY + 12_500_000]


def seconds_of(bars: Bars, per_bar: int = 4) -> list[str]:
    """Write each bar as a few seconds which together are the bar: its body, then its extremes."""
    lines = []
    for line in lean_bar_lines(bars, day_ns=DAY):
        fields = line.split(",")
        base = int(fields[0])
        bid, ask = fields[1:5], fields[6:10]
        for k in range(per_bar):
            opens = (bid[0], ask[0]) if k == 0 else (bid[3], ask[3])
            middle = [(bid[1], bid[2]), (ask[1], ask[2])]
            if k != 1:
                middle = [
                    (max(o, c, key=float), min(o, c, key=float))
                    for o, c in zip(opens, (bid[3], ask[3]), strict=True)
                ]
            sides = [
                ",".join((o, *m, c, "0"))
                for o, m, c in zip(opens, middle, (bid[3], ask[3]), strict=True)
            ]
            lines.append(f"{base + 7_000 * k},{sides[0]},{sides[1]}")
    return lines


SECOND = "forex/oanda/second/eurusd/20230103_quote.zip"
SECOND_MEMBER = "20230103_eurusd_second_quote.csv"


def test_seconds_become_the_minutes_that_they_are_of(make_bars: Make, tmp_path: Path) -> None:
    bars = a_day(make_bars)
    path = placed(tmp_path, SECOND, zipped(seconds_of(bars), SECOND_MEMBER))
    imported = import_file(path)
    assert_same(imported, bars)
    assert imported.recognised.timeframe is Timeframe.M1
    assert f"{4 * len(bars):,} bars of a second" in imported.warnings[0]


def test_bad_seconds_are_quarantined_and_leave_their_minute(
    make_bars: Make, tmp_path: Path
) -> None:
    bars = a_day(make_bars)
    lines = seconds_of(bars)
    fields = lines[11].split(",")
    lines[11] = ",".join((fields[0], "9.9", *fields[2:]))
    lines.insert(20, lines[19])
    lines[40] = "nonsense"
    path = placed(tmp_path, SECOND, zipped(lines, SECOND_MEMBER))
    imported = import_file(path)
    assert imported.quarantine.counts == {Reason.FIELDS: 1, Reason.OHLC: 1, Reason.DUPLICATE: 1}
    assert imported.rows_kept == len(bars)
    assert imported.rows_in == imported.rows_kept + 3


@pytest.mark.parametrize(
    ("market", "zone", "first"),
    [("oanda", "UTC", "2023-01-03T00:00:00Z"), ("fxcm", "UTC-5", "2023-01-03T05:00:00Z")],
)
def test_the_market_tells_the_clock(
    make_bars: Make, tmp_path: Path, market: str, zone: str, first: str
) -> None:
    content = zipped(lean_bar_lines(a_day(make_bars), day_ns=DAY), MEMBER)
    path = placed(tmp_path, MINUTE.replace("oanda", market), content)
    imported = import_file(path)
    assert imported.recognised.timezone == zone
    assert iso_utc(int(imported.series.time_ns[0])) == first


def test_a_market_of_unknown_clock_asks_for_it(make_bars: Make, tmp_path: Path) -> None:
    content = zipped(lean_bar_lines(a_day(make_bars), day_ns=DAY), MEMBER)
    for name in (MINUTE.replace("oanda", "elsewhere"), "20230103_quote.zip", "anything.zip"):
        path = placed(tmp_path, name, content)
        assert recognise(path).format is Format.LEAN_BARS  # the member tells
        with pytest.raises(DataError, match="which clock"):
            import_file(path)
        assert_same(import_file(path, timezone="UTC"), a_day(make_bars))


def test_hours_of_fxcm_before_september_2009_are_warned_of(make_bars: Make, tmp_path: Path) -> None:
    bars = quoted(make_bars(1))
    lines = [line.replace("202301", "200907") for line in lean_bar_lines(bars, day_ns=None)]
    early = placed(tmp_path, "forex/fxcm/hour/eurusd.zip", zipped(lines, "eurusd.csv"))
    assert any("September 2009" in words for words in import_file(early).warnings)
    content = zipped(lean_bar_lines(a_day(make_bars), day_ns=DAY), MEMBER)
    late = placed(tmp_path, MINUTE.replace("oanda", "fxcm"), content)
    assert not import_file(late).warnings


def test_days_are_known_no_earlier_than_they_end(make_bars: Make, tmp_path: Path) -> None:
    days = resample(quoted(make_bars(5)), Timeframe.D1, "utc")
    lines = lean_bar_lines(days, day_ns=None)
    path = placed(tmp_path, "cfd/oanda/daily/eurusd.zip", zipped(lines, "eurusd.csv"))
    imported = import_file(path)
    assert imported.recognised.timeframe is Timeframe.D1
    assert len(imported.series) == len(days)
    ends = days.time_ns + 86_400 * NS
    assert (imported.series.time_ns < ends).all()
    assert (imported.series.time_ns + 86_400 * NS >= ends).all()
    assert any("never known early" in words for words in imported.warnings)


def test_hours_are_recognised_without_their_folders(make_bars: Make, tmp_path: Path) -> None:
    lines = lean_bar_lines(quoted(make_bars(9)), day_ns=None)
    path = placed(tmp_path, "eurusd.zip", zipped(lines, "eurusd.csv"))
    assert is_lean(path)
    imported = import_file(path)
    assert (imported.recognised.timeframe, imported.series.symbol) == (Timeframe.H1, "EURUSD")


def refusal(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        import_file(path)
    assert str(path) in caught.value.message
    assert caught.value.remedy
    return caught.value


QUOTE_ROW, TRADE_ROW = "0" + ",9" * 10, "0,1,2,1,2,9"


@pytest.mark.parametrize(
    ("path", "member", "row"),
    [
        ("equity/usa/minute/spy/20131007_trade", "20131007_spy_minute_trade", TRADE_ROW),
        ("equity/usa/minute/spy/20131007_quote", "20131007_spy_minute_quote", QUOTE_ROW),
        ("equity/usa/daily/spy", "spy", "20130102 00:00,1,2,1,2,9"),
        ("future/cme/minute/es/20131007_quote", "20131007_es_minute_quote_201312", QUOTE_ROW),
        ("option/usa/minute/x/20151224_quote_american", "20151224_x_minute_quote_1", QUOTE_ROW),
        ("crypto/gdax/minute/btcusd/20180405_trade", "20180405_btcusd_minute_trade", TRADE_ROW),
    ],
)
def test_shares_futures_options_and_trades_are_refused(
    tmp_path: Path, path: str, member: str, row: str
) -> None:
    error = refusal(placed(tmp_path, f"{path}.zip", zipped([row], f"{member}.csv")))
    assert "LEAN quotes of forex or cfd; was" in error.message


def test_what_contradicts_itself_is_refused(make_bars: Make, tmp_path: Path) -> None:
    lines = lean_bar_lines(a_day(make_bars), day_ns=DAY)
    for member in (
        "20230103_gbpusd_minute_quote.csv",
        "20230104_eurusd_minute_quote.csv",
        "20230103_eurusd_second_quote.csv",
    ):
        error = refusal(placed(tmp_path, MINUTE, zipped(lines, member)))
        assert "agree with its member" in error.message
    ticks = placed(tmp_path, MINUTE, zipped(["0,1.1,1.2"], MEMBER))
    assert "ms and 10 numbers" in refusal(ticks).message
    hours = zipped(lean_bar_lines(quoted(make_bars(1)), day_ns=None), MEMBER)
    assert "ms and 10 numbers" in refusal(placed(tmp_path, MINUTE, hours)).message
    day = zipped(lines, "20231303_eurusd_minute_quote.csv")
    assert "YYYYMMDD" in refusal(placed(tmp_path, "x.zip", day)).message


def test_several_members_none_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(MEMBER, "0" + ",1.1" * 10)
        archive.writestr("other.csv", "1")
    assert "has 2" in refusal(placed(tmp_path, MINUTE, buffer.getvalue())).message
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w"):
        pass
    refusal(placed(tmp_path, MINUTE, empty.getvalue()))
    assert "must have rows" in refusal(placed(tmp_path, MINUTE, zipped([], MEMBER))).message


def test_other_zips_are_left_to_others(tmp_path: Path) -> None:
    path = placed(tmp_path, "quotes.zip", zipped(["time,bid,ask", "1,2,3"], "quotes.csv"))
    assert not is_lean(path)
    assert "a zip archive" in refusal(path).message
    assert not is_lean(placed(tmp_path, "quotes.csv", b"time,bid,ask"))
    assert not is_lean(tmp_path / "absent.zip")


def test_offsets_beyond_the_day_are_quarantined(make_bars: Make, tmp_path: Path) -> None:
    lines = lean_bar_lines(a_day(make_bars), day_ns=DAY)
    lines[-1] = ",".join(("86400000", *lines[-1].split(",")[1:]))
    imported = import_file(placed(tmp_path, MINUTE, zipped(lines, MEMBER)))
    assert imported.quarantine.counts == {Reason.OUTSIDE: 1}
    assert imported.quarantine.rows[0].text == lines[-1]


def test_bad_rows_are_quarantined_by_line(make_bars: Make, tmp_path: Path) -> None:
    lines = lean_bar_lines(a_day(make_bars), day_ns=DAY)
    good = list(lines)
    lines[5] = lines[5].replace("1.", "x.", 1)
    lines[9] = lines[9].rsplit(",", 3)[0]
    fields = lines[30].split(",")
    lines[30] = ",".join((*fields[:6], "1.0", *fields[7:]))
    imported = import_file(placed(tmp_path, MINUTE, zipped(lines, MEMBER)))
    assert [(row.line, row.reason) for row in imported.quarantine.rows] == [
        (6, Reason.NUMBER),
        (10, Reason.FIELDS),
        (31, Reason.OHLC),
    ]
    assert imported.rows_kept == len(good) - 3


def test_every_truncation_is_refused(make_bars: Make, tmp_path: Path) -> None:
    content = zipped(lean_bar_lines(a_day(make_bars, Timeframe.M30), day_ns=DAY), MEMBER)
    for length in range(1, len(content)):
        path = placed(tmp_path, MINUTE, content[:length])
        with pytest.raises(DataError):
            import_file(path)


def test_no_flipped_bit_changes_a_row_in_silence(make_bars: Make, tmp_path: Path) -> None:
    bars = a_day(make_bars, Timeframe.M30)
    content = zipped(lean_bar_lines(bars, day_ns=DAY), MEMBER)
    rng = np.random.default_rng(5)
    n_refused = 0
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(rng.integers(8))
        path = placed(tmp_path, MINUTE, bytes(damaged))
        try:
            imported = import_file(path)
        except AssayError as error:
            n_refused += 1
            assert error.remedy and str(path) in error.message
            continue
        if not len(imported.quarantine):
            assert_same(imported, bars)
    assert n_refused > 0.8 * len(content)


HISTORY = {
    "cfd/oanda/minute/xauusd/20140505_quote.zip": "XAUUSD_M1_oanda_bidask_201405a",
    "cfd/oanda/second/xauusd/20140505_quote.zip": "XAUUSD_M1_oanda_bidask_201405a",
    "cfd/oanda/hour/xauusd.zip": "XAUUSD_H1_oanda_bidask_2006_2019",
}


@pytest.mark.parametrize("name", HISTORY)
def test_real_zips_equal_the_history_made_of_them(shared_data: Path, name: str) -> None:
    imported = import_file(shared_data / "formats/lean" / name)
    assert imported.series.symbol == "XAUUSD"
    table = pl.read_parquet(shared_data / "history" / f"{HISTORY[name]}.parquet")
    time_ns = table["time"].dt.epoch("ns").to_numpy()
    found = imported.series.time_ns
    inside = (time_ns >= found[0]) & (time_ns <= found[-1])
    assert imported.bars is not None and not len(imported.quarantine)
    np.testing.assert_array_equal(found, time_ns[inside])
    for side in SIDES:
        np.testing.assert_array_equal(getattr(imported.bars, side), table[side].to_numpy()[inside])
    np.testing.assert_allclose(
        imported.bars.spread, table["spread"].to_numpy()[inside], rtol=0, atol=1e-9
    )


def test_real_ticks_equal_the_history_made_of_them(shared_data: Path) -> None:
    path = shared_data / "formats/lean/cfd/oanda/tick/xauusd/20140504_quote.zip"
    ticks = import_file(path).ticks
    assert ticks is not None
    table = pl.read_parquet(shared_data / "history/XAUUSD_ticks_oanda_201405a.parquet")
    time_ns = table["time"].dt.epoch("ns").to_numpy()
    first, stop = np.searchsorted(time_ns, [DAY_OF_TICKS, DAY_OF_TICKS + 86_400 * NS])
    np.testing.assert_array_equal(ticks.time_ns, time_ns[first:stop])
    for side in ("bid", "ask"):
        np.testing.assert_array_equal(getattr(ticks, side), table[side].to_numpy()[first:stop])
    minutes = pl.read_parquet(shared_data / "history/XAUUSD_M1_oanda_bidask_201405a.parquet")
    made = bars_from_ticks(ticks, Timeframe.M1)
    at = np.searchsorted(minutes["time"].dt.epoch("ns").to_numpy(), made.time_ns)
    for part in PARTS:
        np.testing.assert_array_equal(getattr(made, part), minutes[part].to_numpy()[at])


DAY_OF_TICKS = 1_399_161_600 * NS  # 2014-05-04


def test_real_days_are_the_hours_of_their_utc_days(shared_data: Path) -> None:
    folder = shared_data / "formats/lean/cfd/oanda"
    hours, days = (import_file(folder / name / "xauusd.zip").bars for name in ("hour", "daily"))
    assert hours is not None and days is not None
    made = resample(hours, Timeframe.D1, "utc")
    assert len(days) == len(made) == 3_949
    for side in SIDES:
        np.testing.assert_array_equal(getattr(days, side), getattr(made, side))
    assert (days.time_ns >= made.time_ns).all()  # stamped with the day in which they end


def test_real_pairs_are_read_on_the_clock_of_their_market(shared_data: Path) -> None:
    name = "minute/eurusd/20140505_quote.zip"
    folder = shared_data / "formats/lean/forex"
    oanda, fxcm = (import_file(folder / market / name).bars for market in ("oanda", "fxcm"))
    assert oanda is not None and fxcm is not None
    _, at, there = np.intersect1d(oanda.time_ns, fxcm.time_ns, return_indices=True)
    assert len(at) > 900
    # Shifted by an hour either way the two feeds are five times as far apart.
    assert np.abs(oanda.close[at] - fxcm.close[there]).mean() < 6e-5
