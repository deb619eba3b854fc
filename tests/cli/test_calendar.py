"""``assay data calendar``: the calendar as it was known at a time."""

from pathlib import Path

import pytest

CALENDAR = """time,currency,impact,event,actual,forecast,previous
2024-01-05T13:30:00Z,USD,High,Non-Farm Payrolls,216K,168K,173K
2024-01-05T10:00:00Z,EUR,Medium,CPI Flash Estimate y/y,2.9%,3.0%,2.4%
2024-01-05T00:00:00Z,NZD,Low,Building Consents m/m,,,
"""


@pytest.fixture
def stored(gold: Path) -> Path:
    from assay.data.catalogue import Catalogue
    from assay.data.inputs import import_input, store_input

    path = gold / "calendar.csv"
    path.write_text(CALENDAR)
    store_input(Catalogue(gold / "data"), import_input(path), 1_750_000_000 * 10**9)
    return gold


def test_the_calendar_shows_nothing_of_the_future(assay, stored) -> None:
    words = ("data", "calendar", "--from", "2024-01-05", "--to", "2024-01-05", "--json")

    before = assay(*words, "--at", "2024-01-05T13:30Z").json["events"]
    after = assay(*words, "--at", "2024-01-05T13:35Z").json["events"]

    assert [event["title"] for event in before][-1] == "Non-Farm Payrolls"
    assert (before[-1]["actual"], before[-1]["forecast"]) == (None, 168_000.0)
    assert after[-1]["actual"] == 216_000.0
    assert before[1]["actual"] == 2.9


def test_the_calendar_is_chosen_by_currency_and_impact(assay, stored) -> None:
    words = ("data", "calendar", "--from", "2024-01-05", "--at", "2024-02-01")

    chosen = assay(*words, "--currency", "usd,eur", "--impact", "high")

    assert chosen.status == 0
    assert "Non-Farm Payrolls" in chosen.out
    assert "CPI" not in chosen.out


def test_a_wrong_option_is_refused(assay, gold) -> None:
    assert assay("data", "calendar", "--at", "yesterday").status == 2
    assert assay("data", "calendar", "--impact", "loud").status == 2
    assert "assay data import" in assay("data", "calendar").out


@pytest.mark.parametrize(
    "words",
    [
        ("--at", "9999-12-31"),
        ("--at", "0001-01-01"),
        ("--to", "9999-12-31"),
        ("--from", "2024-02-01", "--to", "2024-01-01"),
    ],
)
def test_times_that_cannot_be_shown_are_refused(assay, gold, words) -> None:
    answer = assay("data", "calendar", *words)
    assert (answer.status, "must be" in answer.err) == (2, True)
