"""Calendars as traders export them: recognised, their clock proved, their values read."""

import numpy as np
import pytest

from assay.data.inputs import import_input, recognise_input
from assay.data.inputs.recurrence import occurrences, rule_of
from assay.data.inputs.words import currency_of, impact_of, value_of
from assay.data.quarantine import Reason
from assay.domain.errors import DataError
from assay.domain.time import iso_utc

# Title, time in UTC (winter and summer), impact, values. Real release times.
RELEASES = (
    ("2024-01-05 13:30", "Non-Farm Employment Change", "High", "216K", "168K", "173K"),
    ("2024-01-05 13:30", "Unemployment Rate", "High", "3.7%", "3.8%", "3.7%"),
    ("2024-01-05 15:00", "ISM Services PMI", "Medium", "50.6", "52.6", "52.7"),
    ("2024-01-11 13:30", "CPI m/m", "High", "0.3%", "0.2%", "0.1%"),
    ("2024-01-31 19:00", "FOMC Statement", "High", "", "", ""),
    ("2024-03-12 12:30", "CPI m/m", "High", "0.4%", "0.4%", "0.3%"),
    ("2024-07-05 12:30", "Non-Farm Employment Change", "High", "206K", "191K", "218K"),
    ("2024-07-11 12:30", "Unemployment Claims", "Low", "222K", "236K", "239K"),
)
HEADER = "Date,Time,Currency,Impact,Event,Actual,Forecast,Previous"


def moved(zone: str, pattern: str) -> list[str]:
    from datetime import UTC, datetime, timedelta, timezone
    from zoneinfo import ZoneInfo

    rows = []
    for text, *_ in RELEASES:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        if zone == "NY+7":
            local = moment.astimezone(ZoneInfo("America/New_York")) + timedelta(hours=7)
        elif zone == "UTC+3":
            local = moment.astimezone(timezone(timedelta(hours=3)))
        else:
            local = moment.astimezone(ZoneInfo(zone))
        rows.append(local.strftime(pattern))
    return rows


def export(zone: str = "America/New_York", pattern: str = "%m/%d/%Y,%I:%M%p") -> str:
    stamps = moved(zone, pattern)
    rows = [
        ",".join((stamp, "USD", impact, title, *values))
        for stamp, (_, title, impact, *values) in zip(stamps, RELEASES, strict=True)
    ]
    return "\n".join((HEADER, *rows, ""))


def schedule_times(imported) -> list[str]:
    rows = imported.rows["_MARKET"]
    is_schedule = rows["fact"] == "schedule"
    return sorted(iso_utc(time)[:16].replace("T", " ") for time in rows["time_ns"][is_schedule])


@pytest.mark.parametrize(
    "zone", ["UTC", "America/New_York", "NY+7", "Europe/Athens", "Europe/London", "UTC+3"]
)
def test_the_clock_is_told_by_releases_that_everyone_knows(save, zone) -> None:
    imported = import_input(save(export(zone, "%d.%m.%Y,%H:%M")))

    assert imported.recognised.timezone == zone
    assert schedule_times(imported) == sorted(text for text, *_ in RELEASES)
    assert imported.rows_in == imported.rows_kept == len(RELEASES)


def test_a_title_that_names_its_month_is_a_known_release(save) -> None:
    days = (("2024-01-05,13:30", "Dec"), ("2024-02-02,13:30", "Jan"), ("2024-04-05,12:30", "Mar"))
    rows = [f"{day},USD,High,Nonfarm Payrolls ({month}),1K,,2K" for day, month in days]
    imported = import_input(save("\n".join((HEADER, *rows, ""))))

    assert imported.recognised.timezone == "UTC"


def test_a_calendar_without_known_releases_must_be_told_its_clock(save) -> None:
    text = "\n".join((HEADER, "2024-01-05,13:30,EUR,High,German GDP q/q,0.1%,,0.2%", ""))

    with pytest.raises(DataError, match="must show its clock") as caught:
        import_input(save(text))
    assert "--timezone" in caught.value.remedy
    assert import_input(save(text), timezone="UTC").rows_kept == 1


def test_a_stated_clock_that_known_releases_contradict_is_refused(save) -> None:
    text = export("America/New_York").replace("Date,Time,", "Date,Time (GMT),")

    with pytest.raises(DataError, match="America/New_York would fit"):
        import_input(save(text))


def test_a_told_clock_wins_with_a_warning(save) -> None:
    imported = import_input(save(export("America/New_York")), timezone="UTC")

    assert imported.recognised.timezone == "UTC"
    assert any("America/New_York would fit" in warning for warning in imported.warnings)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_and_encodings_change_nothing(save, delimiter, encoding) -> None:
    expected = import_input(save(export())).rows["_MARKET"]
    text = export().replace(",", delimiter)

    found = import_input(save(text.encode(encoding))).rows["_MARKET"]

    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_headers_may_be_absent(save) -> None:
    text = export("UTC", "%Y-%m-%d,%H:%M").partition("\n")[2]
    imported = import_input(save(text))

    assert imported.recognised.columns["actual"] == "6"
    assert schedule_times(imported) == sorted(row[0] for row in RELEASES)


def test_dates_may_stand_once_a_day_and_events_may_have_no_time(save) -> None:
    text = """Date,Time,Currency,Impact,Event,Actual,Forecast,Previous
Fri Jan 5 2024,8:30am,USD,High,Non-Farm Employment Change,216K,168K,173K
,,USD,High,Unemployment Rate,3.7%,3.8%,3.7%
,10:00am,USD,Medium,ISM Services PMI,50.6,52.6,52.7
Mon Jan 15 2024,All Day,USD,Holiday,Bank Holiday,,,
,Tentative,CNY,Low,"Foreign, Direct Investment",,,
"""
    imported = import_input(save(text), timezone="America/New_York")
    rows = imported.rows["_MARKET"]
    schedule = {
        title: (iso_utc(time), timing)
        for title, time, timing, fact in zip(
            rows["title"], rows["time_ns"], rows["timing"], rows["fact"], strict=True
        )
        if fact == "schedule"
    }

    assert schedule["Unemployment Rate"] == ("2024-01-05T13:30:00Z", "exact")
    assert schedule["Bank Holiday"] == ("2024-01-15T05:00:00Z", "all_day")
    assert schedule["Foreign, Direct Investment"] == ("2024-01-15T05:00:00Z", "tentative")


def test_bad_rows_go_to_quarantine_by_line_and_reason(save) -> None:
    lines = export().splitlines()
    lines[2] = lines[2].replace("USD", "QQQ")
    lines[4] = lines[4].replace("/11/", "/41/")
    lines.insert(6, "2024")
    lines.append(lines[1])
    imported = import_input(save("\n".join(lines) + "\n"), timezone="America/New_York")

    refused = [(row.line, row.reason) for row in imported.quarantine.rows]
    assert refused == [
        (3, Reason.WORD),
        (5, Reason.TIME),
        (7, Reason.FIELDS),
        (len(lines), Reason.DUPLICATE),
    ]
    assert imported.rows_in == imported.rows_kept + len(imported.quarantine) == len(lines) - 1


def test_decimal_commas_are_those_of_the_file(save) -> None:
    text = """time;currency;importance;event;actual;forecast;previous
2024-01-05 13:30:00Z;EUR;high;CPI y/y;2,9 %;3,0 %;2,4 %
2024-01-05 14:30:00Z;EUR;low;Reserves;1.234;;1.200
"""
    rows = import_input(save(text)).rows["_MARKET"]
    actual = rows["value"][rows["fact"] == "actual"]

    assert actual.tolist() == [2.9, 1234.0]


def test_an_actual_that_is_no_number_keeps_its_event(save) -> None:
    imported = import_input(save(export().replace("50.6", "5-4-0")))

    assert imported.rows_kept == len(RELEASES)
    assert "5-4-0" in imported.warnings[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("254K", (254_000.0, "")),
        ("-0.3%", (-0.3, "%")),
        ("−67.4B", (-67.4e9, "")),
        ("$-67.4B", (-67.4e9, "")),
        ("1,234", (1234.0, "")),
        ("3.25T", (3.25e12, "")),
        ("25bps", (25.0, "bp")),
        ("(1.5)", (-1.5, "")),
        ("9223372036854775807", None),
        ("2.15|1.8", None),
        ("<0.10%", None),
        ("1,23,4", None),
    ],
)
def test_values_are_read_with_their_units(text, expected) -> None:
    assert value_of(text) == expected


def test_words_of_impact_and_currency() -> None:
    texts = ("High", "***", "CALENDAR_IMPORTANCE_MODERATE", "bull1", "Holiday", "0", "loud")
    assert [impact_of(text) for text in texts] == [3, 3, 2, 1, 0, 0, None]
    assert [currency_of(text) for text in ("usd", "Euro Zone", "UK", "All", "x")] == [
        "USD",
        "EUR",
        "GBP",
        "ALL",
        None,
    ]


def test_json_of_a_calendar_is_read_as_its_csv(save) -> None:
    text = """[
 {"title":"Non-Farm Employment Change","country":"USD","date":"2024-01-05T08:30:00-05:00",
  "impact":"High","forecast":"168K","previous":"173K"},
 {"title":"Bank Holiday","country":"JPY","date":"2024-01-08T00:00:00-05:00","impact":"Holiday",
  "forecast":"","previous":""}]"""
    imported = import_input(save(text, "week.json"))

    assert imported.recognised.format.value == "news_json"
    assert schedule_times(imported) == ["2024-01-05 13:30", "2024-01-08 05:00"]


ICS = r"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
BEGIN:VEVENT
UID:nfp@example
DTSTAMP:20240101T000000Z
DTSTART;TZID=America/New_York:20240105T083000
RRULE:FREQ=MONTHLY;BYDAY=1FR;COUNT=12
EXDATE;TZID=America/New_York:20240202T083000
SUMMARY:USD Non-Farm\, Employment
  Change
CATEGORIES:USD,High
END:VEVENT
BEGIN:VEVENT
UID:ecb@example
SEQUENCE:0
LAST-MODIFIED:20231201T000000Z
DTSTART;TZID=W. Europe Standard Time:20240125T141500
SUMMARY:[EUR] Rate Decision
DESCRIPTION:Impact: High\nForecast: 4.50%\nPrevious: 4.50%
END:VEVENT
BEGIN:VEVENT
UID:ecb@example
SEQUENCE:1
LAST-MODIFIED:20240110T000000Z
DTSTART:20240125T140000Z
SUMMARY:[EUR] Rate Decision
DESCRIPTION:Impact: High
END:VEVENT
BEGIN:VEVENT
UID:off@example
DTSTART;VALUE=DATE:20240115
STATUS:CANCELLED
SUMMARY:Japan: Market holiday
END:VEVENT
BEGIN:VEVENT
UID:bad@example
DTSTART:2024zz25T140000Z
SUMMARY:[EUR] Damaged
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


def test_an_icalendar_file_is_read_with_its_zones_rules_and_versions(save) -> None:
    imported = import_input(save(ICS, "calendar.ics"))
    rows = imported.rows["_MARKET"]
    schedule = [
        (iso_utc(time), iso_utc(known), title, status)
        for time, known, title, status, fact in zip(
            rows["time_ns"],
            rows["known_ns"],
            rows["title"],
            rows["status"],
            rows["fact"],
            strict=True,
        )
        if fact == "schedule"
    ]
    payrolls = sorted(row[0] for row in schedule if row[2].startswith("USD Non-Farm"))
    decisions = [row for row in schedule if "Rate" in row[2]]

    assert payrolls[:3] == [
        "2024-01-05T13:30:00Z",
        "2024-03-01T13:30:00Z",
        "2024-04-05T12:30:00Z",
    ]
    assert len(payrolls) == 11
    assert [row[:2] for row in decisions] == [
        ("2024-01-25T13:15:00Z", "2023-12-01T00:00:00Z"),
        ("2024-01-25T14:00:00Z", "2024-01-10T00:00:00Z"),
    ]
    assert [row[3] for row in schedule if "holiday" in row[2]] == ["cancelled"]
    assert imported.quarantine.counts == {Reason.TIME: 1}
    assert imported.rows_in == imported.rows_kept + 1 == 5


def test_a_floating_time_needs_a_zone(save) -> None:
    text = ICS.replace(";TZID=W. Europe Standard Time", "")

    with pytest.raises(DataError, match="must say its time zone") as caught:
        import_input(save(text, "calendar.ics"))
    assert caught.value.facts["line"] == 14


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;INTERVAL=3;COUNT=20",
        "FREQ=DAILY;BYDAY=MO,WE;COUNT=20",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;COUNT=20",
        "FREQ=WEEKLY;COUNT=20",
        "FREQ=MONTHLY;BYDAY=1FR;COUNT=20",
        "FREQ=MONTHLY;BYDAY=-1WE;COUNT=20",
        "FREQ=MONTHLY;BYMONTHDAY=15,-1;COUNT=20",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=20",
        "FREQ=MONTHLY;INTERVAL=3;COUNT=20",
        "FREQ=YEARLY;BYMONTH=1,7;BYDAY=2WE;COUNT=20",
        "FREQ=YEARLY;COUNT=10",
        "FREQ=YEARLY;BYMONTH=3,6;BYMONTHDAY=31,15;COUNT=10",
        "FREQ=DAILY;BYMONTH=2;COUNT=40",
    ],
)
def test_recurrence_is_that_of_the_standard(rule) -> None:
    from datetime import date, datetime

    from dateutil.rrule import rrulestr

    parsed = rule_of(rule)
    assert parsed is not None
    # A start off the rule counts here and not in dateutil: begin where the rule begins.
    start = rrulestr(rule, dtstart=datetime(2024, 1, 31, 8, 30))[0]

    found, is_cut = occurrences(parsed, start, date(2043, 1, 1))

    assert found == list(rrulestr(rule, dtstart=start))
    assert not is_cut


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=DAILY;BYHOUR=3", "FREQ=MONTHLY;BYDAY=9FR", "COUNT=3", "x"]
)
def test_a_rule_that_cannot_be_followed_is_refused(rule) -> None:
    assert rule_of(rule) is None


def test_a_rule_that_never_matches_ends(save) -> None:
    from datetime import date, datetime

    parsed = rule_of("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31")
    assert parsed is not None

    found, _ = occurrences(parsed, datetime(2024, 1, 5), date(2099, 1, 1))

    assert found == [datetime(2024, 1, 5)]


def test_market_files_are_no_inputs(shared_data, save) -> None:
    for path in sorted((shared_data / "formats").rglob("*")):
        if path.is_file():
            found = recognise_input(path)
            assert (found is not None) == path.name.endswith("book.json"), path.name
    assert recognise_input(save("time,open,high,low,close\n2024-01-01,1,2,1,2\n")) is None
    assert recognise_input(save("time,bid_price,ask_price\n2024-01-01 00:00,1,2\n")) is None
