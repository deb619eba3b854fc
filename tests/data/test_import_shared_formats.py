"""Every text and JSON file of the shared formats imports without options, as its notes say."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.data.importers import Format, Imported, import_file, recognise
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the notes of the shared data, and the bytes by eye, say of a file."""

    path: str
    symbol: str
    format: Format
    timeframe: Timeframe | None
    timezone: str
    rows: int
    first: str
    """UTC."""
    last: str
    first_prices: tuple[float, ...]
    """Open, high, low, close; or bid, ask."""
    last_prices: tuple[float, ...]
    divisor: int = 1
    side: str = "bid"
    options: dict[str, str] = field(default_factory=dict)


FILES = (
    Expected(
        path="mt5/MarcoMunt_XAUUSD_M15_copy_rates.csv",
        symbol="XAUUSD",
        format=Format.MT5_RATES,
        timeframe=Timeframe.M15,
        timezone="Europe/Athens",  # 1704157200 reads 2024-01-02 01:00 as UTC, but is server time
        rows=5_864,
        first="2024-01-01T23:00:00",
        last="2024-04-01T20:45:00",  # 1712015100 reads 23:45; Athens is three hours ahead by now
        first_prices=(2064.98, 2066.54, 2063.82, 2065.7),
        last_prices=(2249.39, 2250.59, 2248.98, 2249.68),
    ),
    Expected(
        path="mt4/EURCHF_D1_ejtrader_points.csv",
        symbol="EURCHF",
        format=Format.CSV_BARS,
        timeframe=Timeframe.D1,
        timezone="NY+7",
        rows=2_400,
        first="2012-11-15T22:00:00",  # the trading day of 16 November, from 17:00 New York
        last="2022-03-03T22:00:00",
        first_prices=(1.20399, 1.20474, 1.20364, 1.20455),
        last_prices=(1.01525, 1.01578, 1.00183, 1.00241),
        divisor=100_000,
    ),
    Expected(
        path="histdata/DAT_ASCII_EURUSD_M1_202306.csv",
        symbol="EURUSD",
        format=Format.HISTDATA_M1,
        timeframe=Timeframe.M1,
        timezone="America/New_York",
        rows=16_752,
        first="2023-06-01T04:00:00",
        last="2023-06-23T18:58:00",
        first_prices=(1.0687, 1.06871, 1.06853, 1.06853),
        last_prices=(1.08905, 1.08912, 1.089, 1.08912),
    ),
    Expected(
        path="histdata/DAT_ASCII_EURUSD_T_201202.csv",
        symbol="EURUSD",
        format=Format.HISTDATA_TICKS,
        timeframe=None,
        timezone="America/New_York",
        rows=3,
        first="2012-02-01T05:00:03.660",
        last="2012-02-01T05:00:14.990",
        first_prices=(1.3066, 1.30677),
        last_prices=(1.30657, 1.30674),
    ),
    Expected(
        path="dukascopy_csv/FOREX_EURUSD_1H_ASK.csv",
        symbol="EURUSD",
        format=Format.CSV_BARS,
        timeframe=Timeframe.H1,
        timezone="UTC",
        rows=6_225,
        first="2017-01-01T22:00:00",
        last="2017-12-29T21:00:00",
        first_prices=(1.05236, 1.05253, 1.05221, 1.05227),
        last_prices=(1.19984, 1.2013, 1.19931, 1.20075),
        side="ask",
    ),
    Expected(
        path="dukascopy_csv/dukascopy-node_basic-csv.output.csv",
        symbol="EURUSD",
        format=Format.CSV_BARS,
        timeframe=Timeframe.D1,
        timezone="UTC",
        rows=24,
        # Days of UTC end two hours after the trading day of New York: known late, never early.
        first="2021-02-01T22:00:00",
        last="2021-02-28T22:00:00",
        first_prices=(1.21225, 1.21363, 1.2056, 1.20676),
        last_prices=(1.20702, 1.20919, 1.20699, 1.20903),
        options={"symbol": "EURUSD"},  # neither its bytes nor its name say so
    ),
    Expected(
        path="oanda/v3_instruments_instrument_candles.json",
        symbol="DE30EUR",
        format=Format.OANDA_BARS,
        timeframe=Timeframe.M5,
        timezone="UTC",
        rows=5,
        first="2016-10-17T19:35:00",
        last="2016-10-17T19:55:00",
        first_prices=(10503.8, 10508.0, 10503.8, 10506.0),
        last_prices=(10509.0, 10509.8, 10503.2, 10507.8),
    ),
)


def by_path(expected: Expected) -> str:
    return expected.path


def load(shared_data: Path, expected: Expected) -> Imported:
    return import_file(shared_data / "formats" / expected.path, **expected.options)


@pytest.mark.parametrize("expected", FILES, ids=by_path)
def test_a_shared_file_imports_without_options(shared_data: Path, expected: Expected) -> None:
    imported = load(shared_data, expected)
    series, found = imported.series, imported.recognised
    assert series.symbol == expected.symbol
    assert found.format is expected.format
    assert found.timeframe is expected.timeframe
    assert found.timezone == expected.timezone
    assert found.price_divisor == expected.divisor
    assert imported.side == expected.side
    assert (imported.rows_in, imported.rows_kept) == (expected.rows, expected.rows)
    times = series.time_ns[[0, -1]].tolist()
    assert times == [
        int(np.datetime64(t, "ns").astype(np.int64)) for t in (expected.first, expected.last)
    ]
    names = ("bid", "ask") if expected.timeframe is None else ("open", "high", "low", "close")
    columns = [getattr(series, name) for name in names]
    assert tuple(float(column[0]) for column in columns) == expected.first_prices
    assert tuple(float(column[-1]) for column in columns) == expected.last_prices


@pytest.mark.parametrize("expected", FILES, ids=by_path)
def test_recognition_of_a_shared_file_shows_why(shared_data: Path, expected: Expected) -> None:
    found = recognise(shared_data / "formats" / expected.path)
    assert found.format is expected.format
    assert found.timeframe is expected.timeframe
    assert len(found.why) >= 4
    assert all(found.why)


def test_the_minutes_of_histdata_are_those_of_the_shared_history(shared_data: Path) -> None:
    imported = import_file(shared_data / "formats/histdata/DAT_ASCII_EURUSD_M1_202306.csv")
    history = pl.read_parquet(shared_data / "history/EURUSD_M1_histdata_202306.parquet")
    assert imported.bars is not None
    times = history["time"].dt.cast_time_unit("ns").cast(pl.Int64).to_numpy()
    np.testing.assert_array_equal(imported.bars.time_ns, times)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(getattr(imported.bars, name), history[name].to_numpy())


def test_an_overflown_volume_is_blanked_and_told(shared_data: Path) -> None:
    imported = import_file(shared_data / "formats/histdata/DAT_ASCII_EURUSD_T_201202.csv")
    assert imported.rows_kept == 3
    assert any("2147483647" in warning for warning in imported.warnings)


def test_mid_prices_and_the_ask_side_are_told(shared_data: Path) -> None:
    formats = shared_data / "formats"
    mid = import_file(formats / "oanda/v3_instruments_instrument_candles.json")
    assert any("mid" in warning for warning in mid.warnings)
    ask = import_file(formats / "dukascopy_csv/FOREX_EURUSD_1H_ASK.csv")
    assert any("stored as bid" in warning for warning in ask.warnings)


@pytest.mark.parametrize("book", ["orderbook", "positionbook"])
def test_books_of_oanda_are_no_bars(shared_data: Path, book: str) -> None:
    path = shared_data / f"formats/oanda/v3_instruments_instrument_{book}.json"
    with pytest.raises(DataError, match="must be a table of bars or quotes"):
        import_file(path)
