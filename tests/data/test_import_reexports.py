"""Histories written out in any format, clock and dress come back identical, or are refused."""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from exporters import (
    CLOCKED,
    MS,
    PARTS,
    STATED,
    Dress,
    dukascopy_ticks,
    histdata_m1,
    histdata_ticks,
    mt5_ticks,
    points_csv,
    truefx,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.data.bars import Bars, Ticks
from assay.data.importers import import_file
from assay.domain.errors import DataError
from assay.domain.timeframe import Timeframe

Save = Callable[..., Path]
HOURS = 24 * 5
HISTORIES = {
    "EURUSD_H1_oanda_bidask_2007_2018": (Timeframe.H1, HOURS * 9, HOURS * 40),
    "XAUUSD_H1_oanda_bidask_2006_2019": (Timeframe.H1, HOURS * 9, HOURS * 40),
    "GBPUSD_H1_mt5_ejtrader_2012_2022": (Timeframe.H1, HOURS * 9, HOURS * 40),
    "USDJPY_H1_mt5_ejtrader_2012_2022": (Timeframe.H1, HOURS * 9, HOURS * 40),
    "XAUUSD_M15_mt5_gbrlas7_2024": (Timeframe.M15, HOURS * 4 * 5, HOURS * 4 * 12),
    "EURUSD_M1_histdata_202306": (Timeframe.M1, 3_000, 16_000),
}
"""Timeframe, and the fewest and most rows of a slice: about two months to a year of hours."""

CLOCKS = ("UTC", "America/New_York", "NY+7", "EET", "UTC+3")
PATTERNS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y.%m.%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y%m%d %H%M%S",
    "%Y%m%d%H%M%S",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%d %b %Y %H:%M",
)
DRESSES = st.builds(
    Dress,
    delimiter=st.sampled_from(",;\t|"),
    has_quotes=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"]),
    has_last_line_end=st.booleans(),
    pattern=st.sampled_from(PATTERNS),
    order=st.one_of(st.none(), st.permutations(range(6)).map(tuple)),
)


@cache
def history(folder: Path, name: str) -> Bars:
    frame = pl.read_parquet(folder / "history" / f"{name}.parquet")
    time_ns = frame["time"].dt.cast_time_unit("ns").cast(pl.Int64).to_numpy()
    columns = {key: frame[key].to_numpy() for key in ("open", "high", "low", "close")}
    nothing = np.full(len(time_ns), np.nan)
    volume = frame["volume"].to_numpy() if "volume" in frame.columns else nothing
    asks = {key: frame[key].to_numpy() for key in frame.columns if key.startswith("ask_")}
    return Bars(
        symbol=name[:6],
        timeframe=HISTORIES[name][0],
        time_ns=time_ns,
        volume=volume,
        spread=nothing,
        **columns,
        **asks,
    )


@cache
def quotes(folder: Path, name: str) -> Ticks:
    """Return quotes in whole milliseconds, without exact repeats."""
    frame = pl.read_parquet(folder / "history" / f"{name}.parquet").head(60_000)
    times = frame["time"].dt.cast_time_unit("ns").cast(pl.Int64).to_numpy()
    time_ns, bid, ask = times // MS * MS, frame["bid"].to_numpy(), frame["ask"].to_numpy()
    repeats = (np.diff(time_ns) == 0) & (np.diff(bid) == 0) & (np.diff(ask) == 0)
    keep = np.concatenate([[True], ~repeats])
    return Ticks(symbol=name[:6], time_ns=time_ns[keep], bid=bid[keep], ask=ask[keep])


def assert_same(got: Bars | Ticks | None, written: Bars | Ticks, *, has_ask: bool = True) -> None:
    assert got is not None
    names = [f.name for f in fields(written) if f.name not in ("symbol", "timeframe", "spread")]
    assert got.symbol == written.symbol
    for name in names:
        expected, found = getattr(written, name), getattr(got, name)
        if expected is None or (name.startswith("ask_") and not has_ask):
            continue
        if name == "volume" and not (np.nan_to_num(expected) > 0).any():
            assert np.isnan(found).all()
            continue
        np.testing.assert_array_equal(found, expected, err_msg=name)


@st.composite
def slices(draw: st.DrawFn) -> tuple[str, int, float]:
    """Draw a history, the rows of a slice, and where in the history it begins (share)."""
    name = draw(st.sampled_from(sorted(HISTORIES)))
    _, n_min, n_max = HISTORIES[name]
    return name, draw(st.integers(n_min, n_max)), draw(st.floats(0.0, 1.0))


def cut(folder: Path, drawn: tuple[str, int, float]) -> Bars:
    name, n_rows, share = drawn
    bars = history(folder, name)
    first = int(share * max(0, len(bars) - n_rows))
    return bars.between(first, min(len(bars), first + n_rows))


def came_back(path: Path, bars: Bars, clock: str | None, *, has_ask: bool) -> bool:
    """Hold that *path* holds *bars*; False if the clock had to be told."""
    try:
        imported = import_file(path, symbol=bars.symbol)
    except DataError as error:
        if clock is None or "--timezone" not in error.remedy:
            raise
        assert "clock" in error.message
        told = import_file(path, symbol=bars.symbol, timezone=clock)
        assert_same(told.bars, bars, has_ask=has_ask)
        return False
    assert_same(imported.bars, bars, has_ask=has_ask)
    assert imported.rows_in == imported.rows_kept == len(bars)
    return True


def check_clocked(
    folder: Path, save: Save, drawn: tuple[str, int, float], form: str, clock: str, dress: Dress
) -> bool:
    bars = cut(folder, drawn)
    if form == "generic" and (dress.delimiter != "," or dress.has_quotes):
        dress = replace(dress, decimal="," if bars.time_ns[0] % 2 == 0 else ".")
    suffix = "parquet" if form == "parquet" else "csv"
    path = save(CLOCKED[form](bars, clock, dress), f"table.{suffix}")
    has_ask = form == "parquet" or (form == "generic" and dress.order is None)
    return came_back(path, bars, clock, has_ask=has_ask)


def check_stated(
    folder: Path, save: Save, drawn: tuple[str, int, float], form: str, dress: Dress
) -> None:
    bars = cut(folder, drawn)
    dress = replace(dress, encoding="utf-8")
    path = save(STATED[form](bars, dress), "table.txt")
    assert came_back(path, bars, None, has_ask=form in ("oanda", "parquet"))


FEW = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MANY = settings(FEW, max_examples=2_000)
ANY_STATED = given(drawn=slices(), form=st.sampled_from(sorted(STATED)), dress=DRESSES)
ANY_CLOCKED = given(
    drawn=slices(),
    form=st.sampled_from(sorted(CLOCKED)),
    clock=st.sampled_from(CLOCKS),
    dress=DRESSES,
)


@FEW
@ANY_CLOCKED
def test_a_history_comes_back_from_any_clock_or_is_refused(
    shared_data: Path,
    save: Save,
    drawn: tuple[str, int, float],
    form: str,
    clock: str,
    dress: Dress,
) -> None:
    check_clocked(shared_data, save, drawn, form, clock, dress)


@FEW
@ANY_STATED
def test_a_history_comes_back_from_formats_that_state_their_clock(
    shared_data: Path, save: Save, drawn: tuple[str, int, float], form: str, dress: Dress
) -> None:
    check_stated(shared_data, save, drawn, form, dress)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@MANY
@ANY_CLOCKED
def test_two_thousand_clocked_exports_come_back(
    shared_data: Path,
    save: Save,
    drawn: tuple[str, int, float],
    form: str,
    clock: str,
    dress: Dress,
) -> None:
    check_clocked(shared_data, save, drawn, form, clock, dress)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@MANY
@ANY_STATED
def test_two_thousand_stated_exports_come_back(
    shared_data: Path, save: Save, drawn: tuple[str, int, float], form: str, dress: Dress
) -> None:
    check_stated(shared_data, save, drawn, form, dress)


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_year_of_hours_shows_every_clock(shared_data: Path, save: Save, clock: str) -> None:
    name = "EURUSD_H1_oanda_bidask_2007_2018"
    for form in ("generic", "mt5_rates"):
        assert check_clocked(shared_data, save, (name, 6_200, 0.6), form, clock, Dress())


@pytest.mark.parametrize("clock", ["America/New_York", "UTC-5"])
def test_minutes_of_histdata_come_back(shared_data: Path, save: Save, clock: str) -> None:
    bars = cut(shared_data, ("EURUSD_M1_histdata_202306", 17_000, 0.0))
    path = save(histdata_m1(bars, clock), "DAT_ASCII_EURUSD_M1_202306.csv")
    assert came_back(path, bars, clock, has_ask=False)


def test_points_come_back_as_prices(shared_data: Path, save: Save) -> None:
    bars = cut(shared_data, ("GBPUSD_H1_mt5_ejtrader_2012_2022", 3_000, 0.5))
    path = save(points_csv(bars, "EET"), "GBPUSD.csv")
    imported = import_file(path)
    assert imported.recognised.price_divisor == 100_000
    # The history itself was divided with noise; whole points have none.
    rounded = {part: np.rint(getattr(bars, part) * 1e5) / 1e5 for part in PARTS}
    assert_same(imported.bars, replace(bars, volume=np.full(len(bars), 5.0), **rounded))


@pytest.mark.parametrize("name", ["XAUUSD_ticks_oanda_201405a", "EURUSD_ticks_oanda_201405a"])
@pytest.mark.parametrize("form", ["truefx", "dukascopy", "histdata", "mt5"])
def test_quotes_come_back(shared_data: Path, save: Save, name: str, form: str) -> None:
    ticks = quotes(shared_data, name)
    write: Callable[[], bytes] = {
        "truefx": lambda: truefx(ticks),
        "dukascopy": lambda: dukascopy_ticks(ticks),
        "histdata": lambda: histdata_ticks(ticks, "America/New_York"),
        "mt5": lambda: mt5_ticks(ticks, "NY+7"),
    }[form]
    told = {"histdata": "America/New_York", "mt5": "NY+7"}.get(form)  # a day shows no clock
    imported = import_file(save(write(), "quotes.csv"), symbol=ticks.symbol, timezone=told)
    assert_same(imported.ticks, ticks)
