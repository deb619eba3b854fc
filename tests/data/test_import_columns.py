"""Columns keep their meaning whatever their order, their header and their language."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assay.data.bars import Bars
from assay.data.importers import import_file
from assay.data.importers.naming import symbol_of
from assay.data.importers.scale import price_divisor
from assay.domain.time import iso_utc

MakeBars = Callable[..., Bars]
Save = Callable[..., Path]


def rows_of(bars: Bars, order: str, *, separator: str = " ") -> list[str]:
    """Return one line per bar: its time, then the prices in *order*, such as ``ohlc``."""
    prices = {"o": bars.open, "h": bars.high, "l": bars.low, "c": bars.close}
    return [
        ",".join(
            [
                iso_utc(int(time_ns)).replace("T", separator).removesuffix("Z"),
                *(f"{prices[letter][at]:.5f}" for letter in order),
            ]
        )
        for at, time_ns in enumerate(bars.time_ns)
    ]


def assert_read(bars: Bars, path: Path) -> None:
    imported = import_file(path, symbol="EURUSD", timezone="UTC")
    assert imported.bars is not None
    assert (imported.rows_in, len(imported.quarantine)) == (len(bars), 0)
    np.testing.assert_array_equal(imported.bars.time_ns, bars.time_ns)
    for part in ("open", "high", "low", "close"):
        written = np.round(getattr(bars, part), 5)
        np.testing.assert_array_equal(getattr(imported.bars, part), written, err_msg=part)


@pytest.mark.parametrize("order", ["ohlc", "cohl", "chlo", "olhc", "hloc"])
@pytest.mark.parametrize("is_newest_first", [False, True])
@pytest.mark.parametrize("header", ["", "Datum,Zuletzt,Erste,Hoch,Tief"])
def test_prices_without_names_are_told_by_their_values(
    order: str, is_newest_first: bool, header: str, make_bars: MakeBars, save: Save
) -> None:
    bars = make_bars(10)
    rows = rows_of(bars, order)[:: -1 if is_newest_first else 1]
    assert_read(bars, save("\n".join([header, *rows] if header else rows)))


def test_the_three_header_lines_of_yfinance_are_one_header(make_bars: MakeBars, save: Save) -> None:
    bars = make_bars(5)
    ticker = ",".join(["Ticker"] + ["EURUSD=X"] * 4)
    head = ["Price,Close,High,Low,Open", ticker, "Datetime,,,,"]
    assert_read(bars, save("\n".join([*head, *rows_of(bars, "chlo")])))


@pytest.mark.parametrize("name", ["", "Moment", "EET time"])
def test_a_first_column_of_times_needs_no_known_header(
    name: str, make_bars: MakeBars, save: Save
) -> None:
    bars = make_bars(5)
    head = f"{name},Open,High,Low,Close"
    assert_read(bars, save("\n".join([head, *rows_of(bars, "ohlc")])))


@pytest.mark.parametrize("head", ["Date,Heure", "Datum,Uhrzeit", "Fecha,Hora"])
def test_a_clock_beside_its_date_is_read_in_any_language(
    head: str, make_bars: MakeBars, save: Save
) -> None:
    bars = make_bars(5)
    rows = rows_of(bars, "ohlc", separator=",")
    assert_read(bars, save("\n".join([f"{head},Open,High,Low,Close", *rows])))


@pytest.mark.parametrize("name", ["XAUUSDh1.csv", "XAUUSDM15.csv", "XAUUSDMN1.csv", "xauusd60.csv"])
def test_a_timeframe_behind_the_symbol_does_not_hide_it(name: str) -> None:
    assert symbol_of(Path("/a/b") / name) == "XAUUSD"


@pytest.mark.parametrize(
    ("symbol", "price", "digits"),
    [("XAUUSD", 1291.677, 3), ("XAUUSD", 1291.67, 2), ("XAGUSD", 30.12, 2), ("XPTUSD", 987.65, 2)],
)
def test_points_of_a_metal_are_never_read_as_a_price_it_never_had(
    symbol: str, price: float, digits: int
) -> None:
    points = {"close": np.rint(np.full(9, price) * 10**digits)}
    divisor, _ = price_divisor(points, symbol, digits=None, where="a.csv")
    assert divisor == 10**digits


def test_one_damaged_price_at_the_end_does_not_exchange_open_and_close(
    make_bars: MakeBars, tmp_path: Path
) -> None:
    bars = make_bars(2)
    lines = rows_of(bars.between(0, 150), "ohlc")
    time, first, *rest = lines[-1].split(",")
    path = tmp_path / "table.csv"
    path.write_text("\n".join([*lines[:-1], ",".join([time, f"{float(first):.5f}9e9", *rest])]))
    imported = import_file(path, symbol="EURUSD", timezone="UTC")

    assert imported.bars is not None
    np.testing.assert_array_equal(imported.bars.open, np.round(bars.open[:149], 5))


def test_shuffled_days_keep_the_day_before_the_month(make_bars: MakeBars, tmp_path: Path) -> None:
    bars = make_bars(2)
    for seed in range(12):
        order = np.random.default_rng(seed).permutation(min(110, len(bars)))
        lines = rows_of(bars.between(0, len(order)), "ohlc")
        dated = []
        for line in lines:
            year, month, rest = line.split("-", 2)
            dated.append(f"{rest[:2]}/{month}/{year}{rest[2:]}")
        path = tmp_path / f"{seed}.csv"
        path.write_text("\n".join(dated[at] for at in order) + "\n")
        imported = import_file(path, symbol="EURUSD", timezone="UTC")
        assert imported.bars is not None
        np.testing.assert_array_equal(imported.bars.time_ns, bars.time_ns[: len(order)])
