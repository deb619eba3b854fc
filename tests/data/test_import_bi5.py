"""Dukascopy archives: what their path says, what their bytes hold, and how damage is refused."""

import lzma
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from archive_encoders import NS, alone, bi5_bars, bi5_path, bi5_rows, bi5_ticks
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data.bars import Bars, Ticks
from assay.data.importers import Format, import_file, recognise
from assay.data.importers.bi5 import decode_bars, decode_ticks
from assay.data.importers.bi5_path import divisor_of
from assay.data.importers.bi5_records import OUTPUT_BYTES_MAX
from assay.data.quarantine import Reason
from assay.data.resample import bars_from_ticks, resample
from assay.domain.errors import AssayError, ConfigError, DataError
from assay.domain.time import iso_utc
from assay.domain.timeframe import Timeframe

HOUR = 1_549_238_400 * NS  # Monday 2019-02-04 00:00
PARTS = ("open", "high", "low", "close")
Make = Callable[..., Bars]


def ticks_of(offsets_ms: list[int], base_ns: int = HOUR, level: int = 114_500) -> Ticks:
    rng = np.random.default_rng(len(offsets_ms))
    bid = level + np.cumsum(rng.integers(-3, 4, len(offsets_ms)))
    ask = bid + rng.integers(0, 12, len(offsets_ms))
    time_ns = base_ns + np.array(sorted(offsets_ms), dtype=np.int64) * 1_000_000
    return Ticks(symbol="EURUSD", time_ns=time_ns, bid=bid / 1e5, ask=ask / 1e5)


def candles(
    start_ns: int,
    n: int,
    timeframe: Timeframe,
    is_shut: Callable[[int], bool],
    level: int = 114_500,
) -> bytes:
    """Pack candles from *start_ns*; shut ones are flat, without volume, at the last close."""
    rng = np.random.default_rng(n)
    rows, last = [], level
    for i in range(n):
        if is_shut(start_ns + i * timeframe.nominal_ns):
            rows.append((i * timeframe.value, last, last, last, last, 0.0))
            continue
        close = last + int(rng.integers(-20, 21))
        high, low = max(last, close) + 3, min(last, close) - 2
        rows.append((i * timeframe.value, last, high, low, close, float(rng.integers(1, 900))))
        last = close
    return bi5_rows(rows)


def is_weekend(time_ns: int) -> bool:
    """Tell whether the market is shut: from Friday 22:00 to Sunday 22:00 UTC."""
    day, rest = divmod(time_ns // NS - 4 * 86_400, 86_400)
    weekday, hour = day % 7, rest // 3_600
    return (weekday, hour) >= (4, 22) and (weekday, hour) < (6, 22)


def never(time_ns: int) -> bool:
    return False


@given(offsets=st.lists(st.integers(0, 3_599_999), min_size=1, max_size=40, unique=True))
@settings(max_examples=40)
def test_ticks_come_back_from_an_archive_as_they_were(
    offsets: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ticks = ticks_of(offsets)
    path = bi5_path(tmp_path_factory.mktemp("a"), "EURUSD", HOUR, "00h_ticks.bi5")
    path.write_bytes(bi5_ticks(ticks, HOUR))
    imported = import_file(path)
    assert imported.recognised.format is Format.BI5_TICKS
    assert imported.recognised.timezone == "UTC"
    assert imported.series.symbol == "EURUSD"
    for name in ("time_ns", "bid", "ask"):
        np.testing.assert_array_equal(getattr(imported.ticks, name), getattr(ticks, name))


@given(
    timeframe=st.sampled_from([Timeframe.M1, Timeframe.H1]),
    side=st.sampled_from(["BID", "ASK"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=25)
def test_candles_come_back_from_an_archive_as_they_were(
    timeframe: Timeframe,
    side: str,
    seed: int,
    make_bars: Make,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    bars = make_bars(3, timeframe, seed=seed)
    day = 1_672_704_000 * NS  # Tuesday 2023-01-03
    start, n_ns = (day, 86_400 * NS) if timeframe is Timeframe.M1 else (day - 2 * 86_400 * NS, 0)
    stop = start + (n_ns or 31 * 86_400 * NS)
    first, last = np.searchsorted(bars.time_ns, [start, stop])
    bars = bars.between(int(first), int(last))
    word = "min" if timeframe is Timeframe.M1 else "hour"
    path = bi5_path(
        tmp_path_factory.mktemp("a"),
        "EURUSD",
        start,
        f"{side}_candles_{word}_1.bi5",
        levels=3 if n_ns else 2,
    )
    path.write_bytes(bi5_bars(bars, start))
    imported = import_file(path)
    assert imported.side == side.lower()
    assert imported.recognised.timeframe is timeframe
    assert imported.bars is not None
    for name in ("time_ns", *PARTS, "volume"):
        np.testing.assert_array_equal(getattr(imported.bars, name), getattr(bars, name))


def test_months_in_paths_count_from_zero(tmp_path: Path) -> None:
    path = bi5_path(tmp_path, "EURUSD", HOUR, "00h_ticks.bi5")
    path.write_bytes(bi5_ticks(ticks_of([5]), HOUR))
    assert path.parts[-4:] == ("2019", "01", "04", "00h_ticks.bi5")
    assert iso_utc(int(import_file(path).series.time_ns[0])) == "2019-02-04T00:00:00Z"


@pytest.mark.parametrize(
    "name",
    [
        "EURUSD_2019_01_04_00h_ticks.bi5",
        "eurusd-2019-01-04-00h_ticks.bi5",
        "EURUSD/2019_01_04_00h_ticks.bi5",
    ],
)
def test_flat_names_are_read_like_folders_and_say_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bi5_ticks(ticks_of([5, 90]), HOUR))
    imported = import_file(path)
    assert imported.series.symbol == "EURUSD"
    assert iso_utc(int(imported.series.time_ns[0])) == "2019-02-04T00:00:00Z"
    assert any("counted from 0" in words for words in imported.warnings)


def test_a_path_without_a_date_is_refused_with_an_example_of_one(tmp_path: Path) -> None:
    path = tmp_path / "quotes.bi5"
    path.write_bytes(bi5_ticks(ticks_of([5]), HOUR))
    with pytest.raises(DataError, match="what period it covers") as caught:
        import_file(path, symbol="EURUSD")
    assert "EURUSD/2019/01/04/00h_ticks.bi5" in caught.value.remedy


def test_an_archive_is_recognised_by_its_bytes_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "quotes.dat"
    path.write_bytes(bi5_ticks(ticks_of([5]), HOUR))
    with pytest.raises(DataError, match="what period it covers"):
        recognise(path)


def test_a_symbol_that_the_path_does_not_name_must_be_told(tmp_path: Path) -> None:
    path = tmp_path / "2019" / "01" / "04" / "00h_ticks.bi5"
    path.parent.mkdir(parents=True)
    path.write_bytes(bi5_ticks(ticks_of([5]), HOUR))
    with pytest.raises(DataError, match="what its rows are quotes of") as caught:
        import_file(path)
    assert "--symbol" in caught.value.remedy
    assert import_file(path, symbol="EURUSD").recognised.price_divisor == 100_000


def test_another_symbol_than_the_path_names_is_refused(tmp_path: Path) -> None:
    path = bi5_path(tmp_path, "EURUSD", HOUR, "00h_ticks.bi5")
    path.write_bytes(bi5_ticks(ticks_of([5]), HOUR))
    with pytest.raises(DataError, match="it states EURUSD"):
        import_file(path, symbol="GBPUSD")


@pytest.mark.parametrize(
    ("symbol", "divisor", "level"),
    [
        ("USDJPY", 1_000, 109_500),
        ("XAUUSD", 1_000, 1_312_345),
        ("EURCZK", 10_000, 257_000),
        ("EURUSD", 100_000, 114_500),
    ],
)
def test_prices_are_divided_as_the_vendor_does(
    tmp_path: Path, symbol: str, divisor: int, level: int
) -> None:
    path = bi5_path(tmp_path, symbol, HOUR, "00h_ticks.bi5")
    path.write_bytes(alone(struct.pack(">IIIff", 9, level + 5, level, 1.0, 1.0)))
    imported = import_file(path)
    assert imported.recognised.price_divisor == divisor
    assert imported.ticks is not None
    assert imported.ticks.bid[0] == level / divisor


def test_prices_far_from_those_of_the_symbol_are_refused(tmp_path: Path) -> None:
    path = bi5_path(tmp_path, "USDJPY", HOUR, "00h_ticks.bi5")
    path.write_bytes(bi5_ticks(ticks_of([5, 6], level=11_450), HOUR))
    with pytest.raises(DataError, match="between 20 and 400"):
        import_file(path)


def test_a_symbol_of_unknown_divisor_must_be_told(tmp_path: Path) -> None:
    assert divisor_of("DEUIDXEUR") == 1_000 and divisor_of("2502JPJPY") == 10
    assert divisor_of("ABCXYZ") is None
    path = tmp_path / "2019" / "01" / "04" / "00h_ticks.bi5"
    path.parent.mkdir(parents=True)
    path.write_bytes(bi5_ticks(ticks_of([5]), HOUR))
    with pytest.raises(DataError, match="divided by a known number") as caught:
        import_file(path, symbol="ABCXYZ")
    assert "--price-divisor" in caught.value.remedy
    assert import_file(path, symbol="ABCXYZ", price_divisor=1_000).rows_kept == 1


def test_flat_bars_of_a_pause_go_to_quarantine(tmp_path: Path) -> None:
    friday = HOUR + 4 * 86_400 * NS
    path = bi5_path(tmp_path, "EURUSD", friday, "BID_candles_min_1.bi5")
    path.write_bytes(candles(friday, 1_440, Timeframe.M1, is_weekend))
    imported = import_file(path)
    assert imported.rows_in == 1_440
    assert imported.rows_kept == 22 * 60
    assert imported.quarantine.counts == {Reason.PADDED: 120}
    first = imported.quarantine.first(Reason.PADDED)
    assert first is not None and first.line == 22 * 60 + 1
    assert "volume=0" in first.text


def test_a_day_of_nothing_but_a_pause_is_an_empty_series(tmp_path: Path) -> None:
    saturday = HOUR + 5 * 86_400 * NS
    path = bi5_path(tmp_path, "EURUSD", saturday, "BID_candles_min_1.bi5")
    path.write_bytes(candles(saturday, 1_440, Timeframe.M1, is_weekend))
    imported = import_file(path)
    assert (imported.rows_in, imported.rows_kept, len(imported.quarantine)) == (1_440, 0, 1_440)
    assert "fill a pause" in imported.warnings[-1]
    assert imported.as_json()["first"] is None


def test_a_quiet_minute_at_another_price_than_the_last_is_no_padding(tmp_path: Path) -> None:
    rows = [(i * 60, 114_500, 114_500, 114_500, 114_500, 7.0) for i in range(30)]
    rows[10] = (600, 114_510, 114_510, 114_510, 114_510, 0.0)
    path = bi5_path(tmp_path, "EURUSD", HOUR, "BID_candles_min_1.bi5")
    path.write_bytes(bi5_rows(rows))
    assert import_file(path).rows_kept == 30


def test_an_hour_without_ticks_is_an_empty_series_with_a_warning(tmp_path: Path) -> None:
    path = bi5_path(tmp_path, "EURUSD", HOUR, "22h_ticks.bi5")
    path.write_bytes(b"")
    imported = import_file(path)
    assert imported.ticks is not None
    assert len(imported.ticks) == imported.rows_in == 0
    assert imported.series.symbol == "EURUSD"
    assert "0 bytes" in imported.warnings[0]
    lone = tmp_path / "empty.bi5"
    lone.write_bytes(b"")
    assert len(import_file(lone).series) == 0
    assert recognise(lone).format is Format.BI5_TICKS


def test_an_empty_archive_of_candles_says_which(tmp_path: Path) -> None:
    path = bi5_path(tmp_path, "EURUSD", HOUR, "ASK_candles_min_1.bi5")
    path.write_bytes(b"")
    imported = import_file(path)
    assert imported.bars is not None
    assert (imported.bars.timeframe, imported.side) == (Timeframe.M1, "ask")


def save_hours(folder: Path, month: int, *, first_month: int) -> Path:
    """Save a month of hours with real weekends, its folder counted from *first_month*."""
    start = int(np.datetime64(f"2021-{month:02d}", "s").astype(np.int64)) * NS
    stop = (
        int((np.datetime64(f"2021-{month:02d}", "M") + 1).astype("datetime64[s]").astype(int)) * NS
    )
    path = bi5_path(
        folder, "EURUSD", start, "BID_candles_hour_1.bi5", first_month=first_month, levels=2
    )
    n_hours = (stop - start) // (3_600 * NS)
    path.write_bytes(candles(start, n_hours, Timeframe.H1, is_weekend))
    return path


@pytest.mark.parametrize("month", [4, 5, 6, 7, 9, 10, 11])
def test_months_counted_from_one_are_told_by_weekends(tmp_path: Path, month: int) -> None:
    good = save_hours(tmp_path / "good", month, first_month=0)
    imported = import_file(good)
    assert imported.rows_kept > 480
    assert not imported.warnings
    bad = save_hours(tmp_path / "bad", month, first_month=1)
    with pytest.raises(DataError, match=r"counted from 1|below .* s .its period") as caught:
        import_file(bad)
    assert caught.value.remedy


def test_quotes_on_a_saturday_prove_months_counted_from_one(tmp_path: Path) -> None:
    thursday = 1_622_678_400 * NS  # 2021-06-03; a path from 1 makes it Saturday, 3 July
    path = bi5_path(tmp_path, "EURUSD", thursday, "10h_ticks.bi5", first_month=1)
    path.write_bytes(bi5_ticks(ticks_of([1, 2, 3], thursday), thursday))
    with pytest.raises(DataError, match=r"counted from 1: .*2021-07-03T10:00:00Z"):
        import_file(path)
    minutes = path.with_name("BID_candles_min_1.bi5")
    minutes.write_bytes(candles(thursday, 1_440, Timeframe.M1, never))
    with pytest.raises(DataError, match="trade in the weekend"):
        import_file(minutes)


def test_quotes_on_a_saturday_of_2004_are_only_warned_of(tmp_path: Path) -> None:
    thursday = 1_086_220_800 * NS  # 2004-06-03; read as Saturday, 3 July
    path = bi5_path(tmp_path, "EURUSD", thursday, "10h_ticks.bi5", first_month=1)
    path.write_bytes(bi5_ticks(ticks_of([1, 2, 3], thursday), thursday))
    assert any("may be counted from 1" in words for words in import_file(path).warnings)


def test_what_trades_at_weekends_proves_nothing_about_months(tmp_path: Path) -> None:
    saturday = 1_622_851_200 * NS  # 2021-06-05
    path = bi5_path(tmp_path, "BTCUSD", saturday, "10h_ticks.bi5")
    path.write_bytes(alone(struct.pack(">IIIff", 9, 370_015, 370_000, 1.0, 1.0)))
    imported = import_file(path)
    assert not imported.warnings
    assert imported.ticks is not None and imported.ticks.bid[0] == 37_000.0


def test_a_tree_with_a_month_12_is_refused_whole(tmp_path: Path) -> None:
    february = save_hours(tmp_path, 2, first_month=1)  # its weekends fit March as well
    assert import_file(february).rows_kept > 400
    december = save_hours(tmp_path, 12, first_month=1)
    for path in (december, february):
        with pytest.raises(DataError, match=r"counted from 1: .*month 12") as caught:
            import_file(path)
        assert "January is 00" in caught.value.remedy


def test_a_day_that_its_month_lacks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "EURUSD" / "2019" / "01" / "30" / "00h_ticks.bi5"
    path.parent.mkdir(parents=True)
    path.write_bytes(bi5_ticks(ticks_of([5]), HOUR))
    with pytest.raises(DataError, match="month 01 would be of 28 days"):
        import_file(path)


def test_a_year_without_00_is_warned_of(tmp_path: Path) -> None:
    for month in range(1, 12):
        (tmp_path / "EURUSD" / "2019" / f"{month:02d}").mkdir(parents=True)
    path = bi5_path(tmp_path, "EURUSD", HOUR, "00h_ticks.bi5")
    path.write_bytes(bi5_ticks(ticks_of([5]), HOUR))
    assert any("none called 00" in words for words in import_file(path).warnings)


def test_a_weekday_with_the_pause_of_a_sunday_is_warned_of(tmp_path: Path) -> None:
    sunday = 1_559_433_600 * NS  # 2019-06-02; a path from 1 makes it Tuesday, 2 July
    path = bi5_path(tmp_path, "EURUSD", sunday, "BID_candles_min_1.bi5", first_month=1)
    path.write_bytes(candles(sunday, 1_440, Timeframe.M1, is_weekend))
    imported = import_file(path)
    assert iso_utc(int(imported.series.time_ns[0]))[:7] == "2019-07"
    assert any("may be counted from 1" in words for words in imported.warnings)


def refusal(tmp_path: Path, content: bytes, name: str = "00h_ticks.bi5") -> DataError:
    path = bi5_path(tmp_path, "EURUSD", HOUR, name)
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        import_file(path)
    assert str(path) in caught.value.message
    assert caught.value.remedy
    return caught.value


def tick(ms: int, ask: int = 114_545, bid: int = 114_543) -> bytes:
    return struct.pack(">IIIff", ms, ask, bid, 1.0, 1.0)


def test_damage_is_named_with_its_offset(tmp_path: Path) -> None:
    good = bi5_ticks(ticks_of(list(range(0, 900, 30))), HOUR)
    assert "cut off" in refusal(tmp_path, good[:-9]).message
    trailing = refusal(tmp_path, good + b"more")
    assert trailing.facts["offset"] == len(good)
    page = refusal(tmp_path, b"<html><body>503 Service Unavailable</body></html>")
    assert "begin as LZMA" in page.message
    odd = refusal(tmp_path, alone(tick(1) + tick(2)[:7]))
    assert odd.facts["offset"] == 20
    assert "record 2" in odd.message
    assert "counted" not in refusal(tmp_path, alone(b"")).message


def test_records_out_of_order_or_out_of_their_period_are_named(tmp_path: Path) -> None:
    late = refusal(tmp_path, alone(tick(10) + tick(5)))
    assert late.facts["record"] == 2
    beyond = refusal(tmp_path, alone(tick(10) + tick(3_600_000)))
    assert (beyond.facts["record"], beyond.facts["value"]) == (2, 3_600_000)
    minutes = [(i * 60, 114_500, 114_510, 114_490, 114_505, 3.0) for i in range(5)]
    repeated = bi5_rows([*minutes, minutes[-1]])
    assert refusal(tmp_path, repeated, "BID_candles_min_1.bi5").facts["record"] == 6
    off_grid = bi5_rows([*minutes, (301, 114_500, 114_510, 114_490, 114_505, 3.0)])
    assert "M1 grid" in refusal(tmp_path, off_grid, "BID_candles_min_1.bi5").message
    ticks_named_candles = alone(b"".join(tick(i) for i in range(6)))
    assert "BID" in refusal(tmp_path, ticks_named_candles, "BID_candles_min_1.bi5").message


def test_candles_named_ticks_are_refused(tmp_path: Path) -> None:
    rows = [(i * 60, 114_500, 114_510, 114_490, 114_505, 3.0) for i in range(7)]
    error = refusal(tmp_path, bi5_rows(rows))
    assert "they may be candles" in error.message


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    bomb = alone(bytes(OUTPUT_BYTES_MAX + 20))
    assert len(bomb) < 100_000
    assert "more than" in refusal(tmp_path, bomb).message


def test_crossed_quotes_and_broken_candles_go_to_quarantine(tmp_path: Path) -> None:
    path = bi5_path(tmp_path, "EURUSD", HOUR, "00h_ticks.bi5")
    path.write_bytes(alone(tick(1) + tick(2, ask=114_500, bid=114_540) + tick(3)))
    imported = import_file(path)
    assert imported.quarantine.counts == {Reason.CROSSED: 1}
    assert "ms=2" in imported.quarantine.rows[0].text
    rows = [(i * 60, 114_500, 114_510, 114_490, 114_505, 3.0) for i in range(9)]
    rows[4] = (240, 114_500, 114_501, 114_490, 114_505, 3.0)
    path = bi5_path(tmp_path, "EURUSD", HOUR, "BID_candles_min_1.bi5")
    path.write_bytes(bi5_rows(rows))
    assert import_file(path).quarantine.counts == {Reason.OHLC: 1}


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    content = bi5_ticks(ticks_of(list(range(0, 600, 20))), HOUR)
    path = bi5_path(tmp_path, "EURUSD", HOUR, "00h_ticks.bi5")
    for length in range(1, len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError):
            import_file(path)


def test_no_flipped_bit_changes_a_row_in_silence(tmp_path: Path) -> None:
    ticks = ticks_of(list(range(0, 600, 40)))
    content = bi5_ticks(ticks, HOUR)
    path = bi5_path(tmp_path, "EURUSD", HOUR, "00h_ticks.bi5")
    n_refused = 0
    for at in range(len(content) * 8):
        damaged = bytearray(content)
        damaged[at // 8] ^= 1 << (at % 8)
        path.write_bytes(bytes(damaged))
        try:
            imported = import_file(path)
        except AssayError as error:
            n_refused += 1
            assert error.remedy
            continue
        if not len(imported.quarantine):
            for name in ("time_ns", "bid", "ask"):
                np.testing.assert_array_equal(getattr(imported.ticks, name), getattr(ticks, name))
    assert n_refused > 0.9 * len(content) * 8


def test_options_that_do_not_fit_an_archive_are_refused(tmp_path: Path) -> None:
    path = bi5_path(tmp_path, "EURUSD", HOUR, "00h_ticks.bi5")
    path.write_bytes(bi5_ticks(ticks_of([5]), HOUR))
    with pytest.raises(ConfigError, match="tables only"):
        import_file(path, columns={"time": 1})
    with pytest.raises(DataError, match="must be bi5_bars; was bi5_ticks"):
        import_file(path, format="bi5_bars")
    with pytest.raises(DataError, match="must be hst_bars"):
        import_file(path, format="hst_bars")


def test_decoding_needs_no_file() -> None:
    ticks = ticks_of([0, 10, 10, 3_599_999])
    decoded = decode_ticks(bi5_ticks(ticks, HOUR), base_ns=HOUR, divisor=100_000)
    np.testing.assert_array_equal(decoded.time_ns, ticks.time_ns)
    np.testing.assert_array_equal(decoded.bid, ticks.bid)
    assert decoded.bid_volume[0] == 2.25
    assert len(decode_ticks(b"", base_ns=HOUR, divisor=100_000)) == 0
    content = candles(HOUR, 1_440, Timeframe.M1, never)
    bars = decode_bars(content, base_ns=HOUR, divisor=100_000, timeframe=Timeframe.M1)
    assert len(bars) == 1_440
    with pytest.raises(DataError, match="The archive must"):
        decode_bars(lzma.compress(b"x"), base_ns=0, divisor=1, timeframe=Timeframe.M1)


REAL = "formats/dukascopy_bi5/EURUSD"


def test_every_real_archive_is_read_without_options(shared_data: Path) -> None:
    files = sorted((shared_data / "formats/dukascopy_bi5").rglob("*.bi5"))
    assert len(files) == 11
    for path in files:
        imported = import_file(path)
        assert imported.rows_in == imported.rows_kept + len(imported.quarantine)
        if path.name == "empty.bi5":
            assert imported.rows_in == 0
            continue
        assert imported.series.symbol == "EURUSD"
        assert imported.side == ("ask" if path.name.startswith("ASK") else "bid")
        year = "2020" if "2020" in path.parts else "2019"
        assert iso_utc(int(imported.series.time_ns[-1]))[:4] == year


def test_real_ticks_make_the_vendors_candles(shared_data: Path) -> None:
    folder = shared_data / REAL / "2019/01/04"
    bid = import_file(folder / "BID_candles_min_1.bi5").bars
    ask = import_file(folder / "ASK_candles_min_1.bi5").bars
    assert bid is not None and ask is not None
    for hour in ("00", "10", "23"):
        ticks = import_file(folder / f"{hour}h_ticks.bi5").ticks
        assert ticks is not None
        made = bars_from_ticks(ticks, Timeframe.M1)
        at = np.searchsorted(bid.time_ns, made.time_ns)
        assert len(made) == 60
        for part in ("time_ns", *PARTS):
            np.testing.assert_array_equal(getattr(bid, part)[at], getattr(made, part))
        for part in PARTS:
            np.testing.assert_array_equal(getattr(ask, part)[at], getattr(made, f"ask_{part}"))


def test_real_minutes_make_the_vendors_hours_and_days(shared_data: Path) -> None:
    folder = shared_data / REAL
    for side in ("BID", "ASK"):
        minutes = import_file(folder / f"2019/01/04/{side}_candles_min_1.bi5").bars
        hours = import_file(folder / f"2019/01/{side}_candles_hour_1.bi5").bars
        assert minutes is not None and hours is not None
        made = resample(replace(minutes), Timeframe.H1)
        at = np.searchsorted(hours.time_ns, made.time_ns)
        days = decode_bars(
            (folder / f"2019/{side}_candles_day_1.bi5").read_bytes(),
            base_ns=1_546_300_800 * NS,
            divisor=100_000,
            timeframe=Timeframe.D1,
        )
        by_day = resample(replace(hours), Timeframe.D1, "utc")
        on = np.searchsorted(days.time_ns, by_day.time_ns)
        for part in ("time_ns", *PARTS):
            np.testing.assert_array_equal(getattr(hours, part)[at], getattr(made, part))
            np.testing.assert_array_equal(getattr(days, part)[on], getattr(by_day, part))


def test_real_archives_survive_no_flip_in_silence(shared_data: Path, tmp_path: Path) -> None:
    content = (shared_data / REAL / "2019/01/04/23h_ticks.bi5").read_bytes()
    path = bi5_path(tmp_path, "EURUSD", HOUR, "23h_ticks.bi5")
    path.write_bytes(content)
    good = import_file(path).ticks
    assert good is not None
    rng = np.random.default_rng(3)
    for _ in range(150):
        damaged = bytearray(content)
        damaged[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(damaged[: int(rng.integers(1, len(content) + 200))]))
        try:
            ticks = import_file(path).ticks
        except AssayError:
            continue
        assert ticks is not None
        np.testing.assert_array_equal(ticks.bid, good.bid)
