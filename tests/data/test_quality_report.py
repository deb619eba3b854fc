"""The report: the same in pieces as in one, scored by month, complete as JSON."""

import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from damage import BAR_DAMAGES, TICK_DAMAGES, columns_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.data import holidays
from assay.data.bars import Bars, Ticks
from assay.data.catalogue import Catalogue
from assay.data.gaps import find_missing
from assay.data.provenance import Provenance
from assay.data.quality import (
    TIMES_LISTED_MAX,
    check_bar_chunks,
    check_bars,
    check_stored,
    check_tick_chunks,
    check_ticks,
)
from assay.data.quality.blocks import blocks_of
from assay.data.quarantine import Quarantine, QuarantinedRow, Reason
from assay.domain.errors import DataError
from assay.domain.instrument import Session
from assay.domain.time import NS_PER_DAY, utc_ns
from assay.domain.timeframe import Timeframe

Make = Callable[..., Bars]
Sessions = tuple[Session, ...]
METALS = tuple(
    Session(open_minute=1_080 + day * 1_440, close_minute=2_460 + day * 1_440) for day in range(5)
)
PROVENANCE = Provenance(
    source="made.csv",
    sha256="0" * 64,
    importer="csv_bars",
    timezone="UTC",
    rows_in=3,
    rows_kept=3,
    rows_quarantined=0,
    imported_ns=0,
)


def pieces(series: Bars | Ticks, cuts: list[int]) -> Iterator[Bars | Ticks]:
    edges = [0, *sorted(cuts), len(series)]
    for start, stop in pairwise(edges):
        yield replace(
            series,
            **{
                field.name: value[start:stop]
                for field in fields(series)
                if isinstance(value := getattr(series, field.name), np.ndarray)
            },
        )


@pytest.fixture(scope="module")
def wounded(make_bars: Make) -> Bars:
    """Return a month and more of minutes with a dozen kinds of damage at once."""
    bars = make_bars(9, Timeframe.M1)
    rng = np.random.default_rng(5)
    kinds = {"spikes", "digits wrong", "market frozen", "close outside", "single bars removed"}
    for damage in BAR_DAMAGES:
        if damage.name in kinds:
            bars = damage.plant(bars, rng).series
    return bars


@settings(deadline=None, max_examples=6, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_bars_in_pieces_are_found_as_faulty_as_in_one(
    wounded: Bars, sessions: Sessions, data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.data.quality import checking

    def small_blocks(chunks):
        return blocks_of(chunks, block_rows=8_192)

    monkeypatch.setattr(checking, "blocks_of", small_blocks)
    cuts = data.draw(st.lists(st.integers(0, len(wounded)), max_size=12))
    whole = check_bars(wounded, sessions, digits=5)
    parts = check_bar_chunks(pieces(wounded, cuts), sessions, digits=5)

    assert parts == whole
    assert len(whole.findings) >= 5


def test_quotes_in_pieces_are_found_as_faulty_as_in_one(
    make_ticks: Callable[..., Ticks], sessions: Sessions
) -> None:
    ticks = make_ticks(40_000)
    rng = np.random.default_rng(5)
    for damage in TICK_DAMAGES[:6]:
        ticks = damage.plant(ticks, rng).series
    whole = check_ticks(ticks, sessions, digits=5)

    assert check_tick_chunks(pieces(ticks, [7, 9_000, 31_000]), sessions, digits=5) == whole
    assert len(whole.findings) >= 4


@given(
    n_rows=st.integers(0, 700),
    block=st.integers(1, 200),
    context=st.integers(0, 60),
    cuts=st.lists(st.integers(0, 700), max_size=8),
)
def test_blocks_do_not_depend_on_the_cuts(
    n_rows: int, block: int, context: int, cuts: list[int]
) -> None:
    time_ns = np.arange(n_rows, dtype=np.int64)
    prices = time_ns.astype(np.float64)
    ticks = Ticks(symbol="X", time_ns=time_ns, bid=prices, ask=prices + 1)
    parts = pieces(ticks, [min(cut, n_rows) for cut in cuts])
    found = list(blocks_of(parts, block_rows=block, context_rows=context))

    starts = range(0, n_rows, block)
    assert len(found) == len(starts)
    for start, piece in zip(starts, found, strict=True):
        stop = min(start + block, n_rows)
        expected = time_ns[max(0, start - context) : min(n_rows, stop + context)]
        np.testing.assert_array_equal(piece.rows.time_ns, expected)
        np.testing.assert_array_equal(
            piece.rows.time_ns[piece.start : piece.stop], time_ns[start:stop]
        )


def test_a_stored_series_is_checked_part_by_part(
    make_bars: Make, make_ticks: Callable[..., Ticks], sessions: Sessions, tmp_path: Path
) -> None:
    catalogue = Catalogue(tmp_path)
    bars = make_bars(70)  # over a year's end
    bars = replace(bars, close=np.where(np.arange(len(bars)) == 900, bars.close * 1.1, bars.close))
    refused = Quarantine.of([QuarantinedRow(line=4, reason=Reason.NUMBER, text="x")])
    catalogue.merge(bars, PROVENANCE, refused)
    catalogue.merge(make_ticks(20_000), PROVENANCE)
    report = check_stored(catalogue, "EURUSD", Timeframe.H1, sessions, digits=5)
    whole = check_bars(bars, sessions, digits=5)

    assert report.check("quarantined_number").rows == 1
    assert report.check("broken_ohlc").rows == report.check("spikes").rows == 1
    assert report.checks[: len(whole.checks)] == whole.checks
    assert report.gaps == whole.gaps
    ticks = check_stored(catalogue, "EURUSD", None, sessions)
    assert ticks == check_ticks(make_ticks(20_000), sessions)


def test_a_series_without_rows_is_refused(make_bars: Make, sessions: Sessions) -> None:
    with pytest.raises(DataError, match="rows"):
        check_bars(make_bars(2).between(0, 0), sessions)


def test_a_second_feed_of_another_length_is_refused(make_bars: Make, sessions: Sessions) -> None:
    with pytest.raises(DataError, match="H1"):
        check_bars(make_bars(2), sessions, reference=make_bars(2, Timeframe.M15))


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5, 33])
@pytest.mark.parametrize("timeframe", [Timeframe.M1, Timeframe.H1])
def test_few_rows_are_enough_for_a_report(
    make_bars: Make, sessions: Sessions, n_rows: int, timeframe: Timeframe
) -> None:
    report = check_bars(make_bars(2, timeframe).between(0, n_rows), sessions, digits=5)

    assert report.rows == n_rows
    assert report.score > 90.0


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_rows_are_too_bad_for_a_report(
    make_bars: Make, sessions: Sessions, data: st.DataObject
) -> None:
    bars = make_bars(1).between(0, 60)
    value = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-300, 1e300, 1.1])
    columns = {}
    for name in ("open", "high", "low", "close", "volume", "spread"):
        column = getattr(bars, name).copy()
        at = data.draw(st.lists(st.integers(0, 59), max_size=60))
        column[at] = data.draw(st.lists(value, min_size=len(at), max_size=len(at)))
        columns[name] = column
    order = data.draw(st.permutations(range(60))) if data.draw(st.booleans()) else range(60)
    bars = replace(bars, **columns)
    bars = replace(bars, time_ns=bars.time_ns[list(order)])
    with np.errstate(all="ignore"):
        report = check_bars(bars, sessions, digits=5)

    assert 0.0 <= report.score <= 100.0
    assert all(0 <= found.rows <= 60 or found.name == "missing_bars" for found in report.checks)
    json.dumps(report.as_json(), allow_nan=False)


def test_a_bad_month_is_named_and_scored_low(make_bars: Make, sessions: Sessions) -> None:
    bars = make_bars(40)
    months = bars.time_ns.view("datetime64[ns]").astype("datetime64[M]")
    in_march = np.flatnonzero(months == np.datetime64("2023-03"))
    hit = in_march[:: len(in_march) // 20][:20]
    close = bars.close.copy()
    close[hit] = bars.high[hit] + 0.01
    report = check_bars(replace(bars, close=close), sessions, digits=5)
    (worst, *others) = report.worst_months

    assert worst.month == "2023-03"
    assert worst.score < 40.0
    assert worst.worst[0][0] == "broken_ohlc"
    assert all(month.score > 99.0 for month in others)
    assert [month.month for month in report.months] == sorted(m.month for m in report.months)
    assert sum(month.rows for month in report.months) == report.rows
    assert 85.0 < report.score < 100.0
    found = report.check("broken_ohlc")
    assert found.months == {"2023-03": 20}
    np.testing.assert_array_equal(found.times_ns, bars.time_ns[hit])


def test_missing_bars_cost_their_month(make_bars: Make, sessions: Sessions) -> None:
    bars = make_bars(30)
    months = bars.time_ns.view("datetime64[ns]").astype("datetime64[M]")
    is_gone = (months == np.datetime64("2023-05")) & (np.arange(len(bars)) % 2 == 0)
    part = replace(bars, **{name: value[~is_gone] for name, value in columns_of(bars).items()})
    report = check_bars(part, sessions, digits=5)
    may = next(month for month in report.months if month.month == "2023-05")

    assert may.expected == np.count_nonzero(months == np.datetime64("2023-05"))
    assert may.score == pytest.approx(40.0, abs=1.0)


def test_times_are_listed_up_to_a_limit_and_counted_beyond(
    make_bars: Make, sessions: Sessions
) -> None:
    bars = make_bars(8, Timeframe.M1)
    report = check_bars(replace(bars, low=-bars.low), sessions)
    found = report.check("not_positive")

    assert found.rows == len(bars) > TIMES_LISTED_MAX == len(found.times_ns)
    assert sum(found.months.values()) == len(bars)
    assert report.score == 0.0


# --- holidays ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "day"),
    [(2012, (4, 6)), (2014, (4, 18)), (2016, (3, 25)), (2021, (4, 2)), (2024, (3, 29))],
)
def test_good_friday_is_where_the_gold_feeds_have_no_bars(year: int, day: tuple[int, int]) -> None:
    rests = {rest.name: rest for rest in holidays.rests_of(year, is_exchange=True)}

    assert rests["Good Friday"].stop.date() == date(year, *day)
    assert "Good Friday" not in {r.name for r in holidays.rests_of(year, is_exchange=False)}


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("Thanksgiving", [(2013, 11, 28), (2018, 11, 22), (2024, 11, 28)]),
        ("Labor Day", [(2013, 9, 2), (2020, 9, 7), (2024, 9, 2)]),
        ("Memorial Day", [(2013, 5, 27), (2021, 5, 31), (2024, 5, 27)]),
        ("Presidents' Day", [(2013, 2, 18), (2021, 2, 15), (2024, 2, 19)]),
        ("Martin Luther King Day", [(2013, 1, 21), (2021, 1, 18), (2024, 1, 15)]),
        ("Independence Day", [(2015, 7, 3), (2020, 7, 3), (2021, 7, 5), (2024, 7, 4)]),
        ("Juneteenth", [(2022, 6, 20), (2024, 6, 19)]),
    ],
)
def test_half_days_follow_their_rules(name: str, days: list[tuple[int, int, int]]) -> None:
    for year, month, day in days:
        rests = {rest.name: rest for rest in holidays.rests_of(year, is_exchange=True)}
        assert rests[name].start.date() == date(year, month, day)


def slots(start: datetime, days: int, sessions: Sessions) -> np.ndarray:
    from assay.data.gaps import in_sessions

    first = utc_ns(start.replace(tzinfo=UTC))
    hours = first + np.arange(days * 24, dtype=np.int64) * (NS_PER_DAY // 24)
    return hours[in_sessions(hours, Timeframe.H1, sessions)]


def test_an_early_close_is_a_closure_and_a_hole_in_it_is_a_gap() -> None:
    hours = slots(datetime(2024, 11, 25), 5, METALS)
    stamp = hours.view("datetime64[ns]")
    # Thanksgiving, 28 November: nothing from 13:00 New York (18:00 UTC) to the reopening.
    is_closed = (stamp >= np.datetime64("2024-11-28T18")) & (stamp < np.datetime64("2024-11-28T23"))
    missing = find_missing(hours[~is_closed], Timeframe.H1, METALS)
    assert missing.gaps == ()
    assert [gap.bars_missing for gap in missing.closures] == [int(is_closed.sum())]

    is_hole = stamp == np.datetime64("2024-11-28T19")
    missing = find_missing(hours[~is_hole], Timeframe.H1, METALS)
    assert [gap.bars_missing for gap in missing.gaps] == [1]
    assert missing.closures == ()


def test_christmas_is_a_closure_for_currencies_and_thanksgiving_is_not(sessions: Sessions) -> None:
    hours = slots(datetime(2018, 12, 17), 14, sessions)
    stamp = hours.view("datetime64[ns]")
    is_closed = (stamp >= np.datetime64("2018-12-24T19")) & (stamp < np.datetime64("2018-12-25T23"))
    missing = find_missing(hours[~is_closed], Timeframe.H1, sessions)
    assert missing.gaps == ()
    assert missing.is_rest.all()
    assert len(missing.open_ns) == is_closed.sum()

    hours = slots(datetime(2024, 11, 25), 5, sessions)
    stamp = hours.view("datetime64[ns]")
    is_gone = (stamp >= np.datetime64("2024-11-28T18")) & (stamp < np.datetime64("2024-11-28T22"))
    missing = find_missing(hours[~is_gone], Timeframe.H1, sessions)
    assert [gap.bars_missing for gap in missing.gaps] == [4]
