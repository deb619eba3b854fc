"""The calendar agrees with zoneinfo, one moment at a time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.data import calendar
from assay.domain.errors import DataError
from assay.domain.instrument import Session
from assay.domain.time import utc_ns
from assay.domain.timeframe import Timeframe

NEW_YORK = ZoneInfo("America/New_York")
moments = st.datetimes(datetime(1970, 1, 3), datetime(2100, 12, 25)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
DAY_STARTS = st.sampled_from(["new_york_17", "utc"])
timeframes = st.sampled_from(list(Timeframe))


def ns(*moment: int, zone: ZoneInfo = NEW_YORK) -> int:
    return int(utc_ns(datetime(*moment, tzinfo=zone)))


@given(moments)
def test_the_trading_day_begins_at_17_new_york(moment: datetime) -> None:
    local = moment.astimezone(NEW_YORK)
    day = local.date() if local.hour >= 17 else local.date() - timedelta(days=1)
    expected = datetime(day.year, day.month, day.day, 17, tzinfo=NEW_YORK)

    assert calendar.trading_day_start(np.array([utc_ns(moment)]))[0] == utc_ns(expected)


@given(moments)
def test_the_minute_of_the_week_is_new_yorks(moment: datetime) -> None:
    local = moment.astimezone(NEW_YORK)
    expected = ((local.weekday() + 1) % 7) * 1440 + local.hour * 60 + local.minute

    assert calendar.minute_of_week(np.array([utc_ns(moment)]))[0] == expected


@given(st.lists(moments, min_size=1, max_size=20), timeframes, DAY_STARTS)
def test_a_bar_contains_its_time_and_opens_at_its_own_open(moment, timeframe, day_start) -> None:
    time_ns = np.array([utc_ns(one) for one in moment])
    opens = calendar.bar_open(time_ns, timeframe, day_start)
    closes = calendar.bar_close(opens, timeframe, day_start)

    assert (opens <= time_ns).all()
    assert (time_ns < closes).all()
    np.testing.assert_array_equal(calendar.bar_open(opens, timeframe, day_start), opens)
    np.testing.assert_array_equal(calendar.bar_open(closes, timeframe, day_start), closes)
    np.testing.assert_array_equal(calendar.bar_open(closes - 1, timeframe, day_start), opens)


@pytest.mark.parametrize(
    ("fine", "coarse"),
    [
        (fine, coarse)
        for i, fine in enumerate(Timeframe)
        for coarse in list(Timeframe)[i + 1 :]
        if (fine, coarse) != (Timeframe.W1, Timeframe.MN1)
    ],
)
def test_a_coarse_boundary_is_a_fine_boundary(fine: Timeframe, coarse: Timeframe) -> None:
    steps = np.arange(ns(2023, 1, 1), ns(2026, 1, 1), coarse.nominal_ns // 2)
    opens = np.unique(calendar.bar_open(steps, coarse))

    np.testing.assert_array_equal(calendar.bar_open(opens, fine), opens)


def test_weeks_begin_on_sunday_and_months_before_their_first_day() -> None:
    time_ns = np.array([ns(2024, 5, 1, 12)])

    assert calendar.bar_open(time_ns, Timeframe.W1)[0] == ns(2024, 4, 28, 17)
    assert calendar.bar_open(time_ns, Timeframe.MN1)[0] == ns(2024, 4, 30, 17)
    assert calendar.bar_close(time_ns, Timeframe.MN1)[0] == ns(2024, 5, 31, 17)


def test_h4_follows_new_york_through_the_change_of_clocks() -> None:
    for month, day in ((1, 10), (7, 10)):
        time_ns = np.array([ns(2024, month, day, hour) for hour in (17, 20, 21, 0, 1, 12, 13)])
        opens = calendar.bar_open(time_ns, Timeframe.H4)
        hours = [datetime.fromtimestamp(t / 1e9, tz=NEW_YORK).hour for t in opens]
        assert hours == [17, 17, 21, 21, 1, 9, 13]
    utc = ZoneInfo("UTC")
    after = np.array([ns(2024, 11, 3, hour, zone=utc) for hour in (21, 22)])  # 16:00, 17:00
    assert calendar.bar_open(after, Timeframe.H4)[1] == after[1]
    assert calendar.bar_open(after, Timeframe.H4)[0] == ns(2024, 11, 3, 17, zone=utc)


def test_a_week_has_seven_nights_and_the_triple_day_has_three() -> None:
    hourly = np.arange(ns(2024, 3, 1, 12), ns(2024, 4, 26, 12), 3_600_000_000_000)  # 8 weeks
    nights = calendar.rollover_nights(hourly, triple_weekday=2)

    assert nights[0] == 0
    assert nights.sum() == 8 * 7
    charged = hourly[nights > 0]
    weekday = [datetime.fromtimestamp(t / 1e9, tz=NEW_YORK).weekday() for t in charged]
    hour = {datetime.fromtimestamp(t / 1e9, tz=NEW_YORK).hour for t in charged}
    assert hour == {17}
    assert {day: nights[nights > 0][i] for i, day in enumerate(weekday)} == {
        0: 1, 1: 1, 2: 3, 3: 1, 4: 1
    }  # fmt: skip


@given(st.lists(moments, min_size=2, max_size=30, unique=True), st.integers(0, 4))
def test_leaving_bars_out_moves_nights_but_loses_none(moment, triple) -> None:
    time_ns = np.sort(np.array([utc_ns(one) for one in moment]))
    nights = calendar.rollover_nights(time_ns, triple)
    ends = calendar.rollover_nights(time_ns[[0, -1]], triple)

    assert nights.sum() == ends.sum()
    assert (nights >= 0).all()


def test_sessions_are_half_open_in_new_york_time() -> None:
    sessions = (Session(open_minute=18 * 60, close_minute=24 * 60),)
    time_ns = np.array([ns(2024, 7, 7, 17, 59), ns(2024, 7, 7, 18), ns(2024, 7, 8, 0)])

    assert calendar.is_open(time_ns, sessions).tolist() == [False, True, False]


def test_christmas_begins_on_the_eve_at_17() -> None:
    time_ns = np.array([ns(2024, 12, 24, 16, 59), ns(2024, 12, 24, 17), ns(2024, 12, 25, 17)])

    assert calendar.is_holiday(time_ns).tolist() == [False, True, False]


def test_a_time_beyond_the_table_names_the_unit_to_check() -> None:
    with pytest.raises(DataError, match="nanoseconds"):
        calendar.trading_day_start(np.array([2**62]))
