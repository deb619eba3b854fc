"""Laws of what was known when: nothing that became known later changes an answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data.catalogue import Catalogue
from assay.data.inputs import import_input, store_input
from assay.data.inputs.known import (
    book_at,
    books_at,
    events_known,
    latest_known,
    minutes_since_last_event,
    minutes_to_next_event,
    news_known,
    sentiment_at,
)
from assay.data.inputs.news import EventRow, NewsRules, facts_of
from assay.data.inputs.storing import additions

HOUR = 3_600 * 10**9
PAYROLLS = 1_704_461_400 * 10**9  # 2024-01-05 13:30 UTC
LATER = PAYROLLS + 1_000 * HOUR
HEADER = "time,currency,impact,event,actual,forecast,previous,published\n"


def moment(hours: float) -> int:
    return PAYROLLS + round(hours * HOUR)


def calendar(save, *rows: str, name: str = "calendar.csv"):
    return import_input(save(HEADER + "\n".join(rows) + "\n", name))


def seen(catalogue: Catalogue, at_ns: int) -> list[tuple[object, ...]]:
    events = news_known(catalogue, at_ns, start_ns=0, stop_ns=2**62)
    return [
        (event.title, event.time_ns, *map(str, (event.actual, event.forecast, event.previous)))
        for event in events
    ]


FINAL = "2024-01-05T13:30:00Z,USD,High,Non-Farm Payrolls,216K,168K,173K,"


@pytest.fixture
def catalogue(tmp_path) -> Catalogue:
    return Catalogue(tmp_path / "data")


def test_facts_appear_when_they_could_be_known(save, catalogue) -> None:
    store_input(catalogue, calendar(save, FINAL), LATER)
    title = "Non-Farm Payrolls"

    assert seen(catalogue, moment(-24) - 1) == []
    assert seen(catalogue, moment(-24)) == [(title, PAYROLLS, "nan", "nan", "nan")]
    assert seen(catalogue, moment(-1)) == [(title, PAYROLLS, "nan", "168000.0", "nan")]
    assert seen(catalogue, PAYROLLS + 299 * 10**9)[0][2] == "nan"
    released = (title, PAYROLLS, "216000.0", "168000.0", "173000.0")
    assert seen(catalogue, PAYROLLS + 300 * 10**9) == [released]


def test_a_stated_publication_is_believed_but_no_actual_before_its_release(save, catalogue) -> None:
    store_input(catalogue, calendar(save, f"{FINAL}2024-01-01T00:00:00Z"), LATER)
    published = 1_704_067_200 * 10**9

    assert seen(catalogue, published - 1) == []
    assert seen(catalogue, published) == [("Non-Farm Payrolls", PAYROLLS, "nan", "168000.0", "nan")]
    assert seen(catalogue, PAYROLLS + 299 * 10**9)[0][2] == "nan"


def test_a_calendar_of_the_coming_week_is_known_from_its_import(save, catalogue) -> None:
    row = "2024-01-05T13:30:00Z,USD,High,Non-Farm Payrolls,,165K,173K,"
    store_input(catalogue, calendar(save, row), moment(-90))

    assert seen(catalogue, moment(-90) - 1) == []
    assert seen(catalogue, moment(-90)) == [
        ("Non-Farm Payrolls", PAYROLLS, "nan", "165000.0", "173000.0")
    ]


def test_a_later_import_adds_and_never_changes_what_was_known(save, catalogue) -> None:
    early = "2024-01-05T13:30:00Z,USD,High,Non-Farm Payrolls,,165K,173K,"
    store_input(catalogue, calendar(save, early), moment(-90))
    before = {hours: seen(catalogue, moment(hours)) for hours in (-91, -90, -50, -2, -0.5, 0)}

    stored = store_input(catalogue, calendar(save, FINAL, name="final.csv"), moment(24))

    assert {hours: seen(catalogue, moment(hours)) for hours in before} == before
    assert stored.rows_revised == 1
    actual, forecast = seen(catalogue, moment(23))[0][2:4]
    assert (actual, forecast) == ("216000.0", "165000.0")
    assert seen(catalogue, moment(24))[0][3] == "168000.0"


def test_importing_twice_changes_nothing(save, catalogue) -> None:
    imported = calendar(save, FINAL)
    first = store_input(catalogue, imported, LATER)
    content = catalogue.list_inputs()

    again = store_input(catalogue, imported, LATER + HOUR)

    assert first.rows_added == first.reports[0].rows_total == 4
    assert not again.is_changed
    assert catalogue.list_inputs() == content


def test_refused_rows_are_stored_beside_the_calendar(save, catalogue) -> None:
    bad = "2024-01-05T13:30:00Z,QQQ,High,Nothing,,,,"
    store_input(catalogue, calendar(save, FINAL, bad, FINAL.replace("Payrolls", "Pay")), LATER)

    stored = list((catalogue.root / "_MARKET" / "news").glob("quarantine*.csv"))
    assert len(stored) == 1
    assert "not a known word" in stored[0].read_text()


def test_an_actual_of_the_future_warns_of_the_clock(save, catalogue) -> None:
    stored = store_input(catalogue, calendar(save, FINAL), moment(-2))

    assert "clock may be wrong" in stored.warnings[0]
    assert seen(catalogue, moment(-1))[0][2] == "nan"


event_rows = st.builds(
    lambda identity, hour, shift, impact, actual, forecast, published: EventRow(
        line=1,
        identity=identity,
        time_ns=moment(hour),
        end_ns=moment(hour),
        timing="exact" if shift < 9 else "all_day",
        currency="USD" if shift % 2 else "EUR",
        impact=impact,
        title=identity,
        status="cancelled" if shift == 0 else "scheduled",
        values={
            name: (value, "%")
            for name, value in (("actual", actual), ("forecast", forecast))
            if value is not None
        },
        published_ns=None if published is None else moment(published),
    ),
    identity=st.sampled_from("abcde"),
    hour=st.integers(0, 60),
    shift=st.integers(0, 10),
    impact=st.integers(-1, 3),
    actual=st.none() | st.floats(-5, 5),
    forecast=st.none() | st.floats(-5, 5),
    published=st.none() | st.integers(-60, 60),
)
tables = st.lists(event_rows, max_size=12).map(lambda rows: facts_of(rows, NewsRules()))
hours = st.floats(-90, 90)


def answers(table, at_ns: int) -> list[str]:
    events = events_known(table, at_ns, start_ns=0, stop_ns=2**62)
    times = np.array([at_ns], dtype=np.int64)
    gaps = [
        float(ask(times, table, currencies=("USD",), impact_min=2)[0])
        for ask in (minutes_to_next_event, minutes_since_last_event)
    ]
    return [repr(events), repr(gaps)]


@given(table=tables, other=tables, hour=hours)
def test_what_becomes_known_later_never_matters(table, other, hour) -> None:
    at_ns = moment(hour)
    past = table["known_ns"] <= at_ns
    future = other["known_ns"] > at_ns
    changed = {name: np.concatenate([table[name][past], other[name][future]]) for name in table}
    poisoned = {name: values.copy() for name, values in table.items()}
    poisoned["value"][~past] = np.nan
    poisoned["time_ns"][~past] = 10**9
    poisoned["impact"][~past] = 3

    expected = answers(table, at_ns)

    assert answers(changed, at_ns) == expected
    assert answers(poisoned, at_ns) == expected
    assert answers({name: values[past] for name, values in table.items()}, at_ns) == expected


@given(table=tables, times=st.lists(hours, max_size=8))
def test_the_gap_to_an_event_is_that_of_the_events_known(table, times) -> None:
    at_ns = np.array([moment(hour) for hour in times], dtype=np.int64)

    to_next = minutes_to_next_event(at_ns, table, currencies=("USD",), impact_min=2)
    since = minutes_since_last_event(at_ns, table, currencies=("USD",), impact_min=2)

    for i, now in enumerate(at_ns.tolist()):
        events = events_known(
            table, now, start_ns=0, stop_ns=2**62, currencies=("USD",), impact_min=2
        )
        gaps = [
            (event.time_ns - now) / 60e9
            for event in events
            if event.timing == "exact" and not event.is_cancelled
        ]
        assert to_next[i] == pytest.approx(min((gap for gap in gaps if gap >= 0), default=np.inf))
        assert since[i] == pytest.approx(min((-gap for gap in gaps if gap <= 0), default=np.inf))


@given(
    rows=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=15),
    at=st.lists(st.integers(-1, 40), max_size=8),
)
def test_the_row_that_holds_is_the_newest_known(rows, at) -> None:
    rows = sorted(rows)
    table = {
        "known_ns": np.array([known for known, _ in rows], dtype=np.int64),
        "time_ns": np.array([time for _, time in rows], dtype=np.int64),
    }
    found = latest_known(table, np.array(at, dtype=np.int64))

    for i, now in enumerate(at):
        seen_rows = [(time, row) for row, (known, time) in enumerate(rows) if known <= now]
        assert found[i] == max(seen_rows, default=(0, -1))[1]


versions = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 2)), max_size=8)


def as_table(rows) -> dict[str, np.ndarray]:
    kept = {
        (subject, known): value for known, subject, value in sorted((k, s, v) for s, k, v in rows)
    }
    listed = sorted((known, subject, value) for (subject, known), value in kept.items())
    columns = np.array(listed, dtype=np.int64).reshape(-1, 3)
    return {"known_ns": columns[:, 0], "subject": columns[:, 1], "value": columns[:, 2]}


def view(table, subject: int, at: int) -> int | None:
    rows = np.flatnonzero((table["subject"] == subject) & (table["known_ns"] <= at))
    return int(table["value"][rows[-1]]) if len(rows) else None


@given(imports=st.lists(versions, min_size=1, max_size=4))
@settings(max_examples=200)
def test_once_something_was_known_no_import_changes_it(imports) -> None:
    """An import at T changes no answer for t < T, save from nothing to something."""
    stored = as_table([])
    for number, rows in enumerate(imports):
        imported_ns = 100 + number
        offered = as_table(rows)
        if len(offered["known_ns"]) == 0:
            continue
        fresh, n_same, _ = additions(("subject",), ("value",), stored, offered, imported_ns)
        assert len(fresh["known_ns"]) + n_same == len(offered["known_ns"])
        merged = {name: np.concatenate([stored[name], fresh[name]]) for name in stored}
        order = np.argsort(merged["known_ns"], kind="stable")
        merged = {name: values[order] for name, values in merged.items()}
        for subject in range(4):
            for at in range(0, imported_ns):
                before = view(stored, subject, at)
                assert before is None or view(merged, subject, at) == before
        again, _, _ = additions(("subject",), ("value",), merged, offered, imported_ns + 50)
        assert len(again["known_ns"]) == 0
        stored = merged


def test_sentiment_is_the_newest_reading_known(save, catalogue) -> None:
    text = """time,symbol,sentiment,published
2024-01-05T10:00:00Z,EURUSD,0.5,2024-01-05T10:30:00Z
2024-01-05T11:00:00Z,EURUSD,-0.25,2024-01-05T11:30:00Z
2024-01-05T10:00:00Z,EURUSD,0.6,2024-01-05T12:00:00Z
2024-01-05T13:00:00Z,EURUSD,1e9,2024-01-05T13:30:00Z
2024-01-05T14:00:00Z,EURUSD,nan,2024-01-05T14:30:00Z
2024-01-05T15:00:00Z,EURUSD,0.0,
2024-01-05T16:00:00Z,EURUSD,0.1,
2024-01-05T17:00:00Z,EURUSD,0.1,
2024-01-05T18:00:00Z,EURUSD,0.1,
2024-01-05T19:00:00Z,EURUSD,0.1,
2024-01-05T20:00:00Z,EURUSD,0.1,
"""
    imported = import_input(save(text))
    store_input(catalogue, imported, LATER)
    at = np.array([10.4, 10.5, 11.4, 11.5, 12.5, 15.9, 16.0]) * HOUR
    times = (1_704_412_800 * 10**9 + at).astype(np.int64)

    batch = sentiment_at(catalogue, "EURUSD", times)

    np.testing.assert_array_equal(batch.value, [np.nan, 0.5, 0.5, -0.25, -0.25, -0.25, 0.0])
    for i in range(len(times)):
        one = sentiment_at(catalogue, "EURUSD", times[i : i + 1])
        np.testing.assert_array_equal(one.value, batch.value[i : i + 1])
    assert imported.rows_in == imported.rows_kept + 2 == 11


def test_a_reading_about_a_day_is_known_when_the_day_is_over(save) -> None:
    text = "date,sentiment\n2024-01-05,0.5\n2024-01-06,0.25\n"
    imported = import_input(save(text), symbol="XAUUSD", timezone="America/New_York")
    rows = imported.rows["XAUUSD"]

    assert (rows["known_ns"] - rows["time_ns"]).tolist() == [25 * HOUR, 25 * HOUR]
    assert rows["time_ns"][0] == 1_704_430_800 * 10**9


def test_books_are_known_after_their_delay_one_as_many(save, catalogue) -> None:
    lines = [
        f'{{"symbol":"EUR/USD","bids":[[{1.1 + i / 1000},5],[1.0,7]],"asks":[[1.5,2]],'
        f'"timestamp":{(PAYROLLS // 10**6) + 1000 * i}}}'
        for i in range(5)
    ]
    imported = import_input(save("\n".join(lines) + "\n", "book.json"))
    store_input(catalogue, imported, LATER)
    times = PAYROLLS + np.arange(0, 8) * 10**9

    table, rows = books_at(catalogue, "EURUSD", times)

    assert rows[0] == -1
    assert book_at(catalogue, "EURUSD", int(times[0])) is None
    for i, now in enumerate(times.tolist()[1:], 1):
        book = book_at(catalogue, "EURUSD", now)
        assert book is not None
        assert book.known_ns <= now
        assert book.price[0] == 1.1 + min(i - 1, 4) / 1000
        assert book.side == ("bid", "bid", "ask")
        assert table["snapshot"][rows[i]] is not None
    assert imported.symbols == ("EURUSD",)
