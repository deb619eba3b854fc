"""Dated versions of contract facts: in order, of one contract, found by time."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from assay.config.instruments import load_instrument
from assay.domain.errors import DataError
from assay.domain.facts_history import DatedFacts, FactsHistory

GOLD = load_instrument("XAUUSD")
DAY = 86_400_000_000_000


def history(*versions) -> FactsHistory:
    return FactsHistory(
        symbol="XAUUSD",
        versions=tuple(DatedFacts(valid_from_ns=day * DAY, instrument=i) for day, i in versions),
    )


DEARER = replace(GOLD, swap_long=D(-9))
CHEAPER = replace(GOLD, swap_long=D(-1))
DATED = history((100, GOLD), (200, DEARER), (300, CHEAPER))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (0, GOLD),
        (100, GOLD),
        (199, GOLD),
        (200, DEARER),
        (299, DEARER),
        (300, CHEAPER),
        (900, CHEAPER),
    ],
)
def test_the_version_that_holds_at_a_time(day: int, expected) -> None:
    assert DATED.at(day * DAY) == expected
    assert DATED.at(200 * DAY - 1) == GOLD


def test_an_instrument_is_a_history_of_one_version() -> None:
    only = FactsHistory.of(GOLD)

    assert only.instruments == (GOLD,)
    assert only.starts_ns == ()
    assert FactsHistory.of(DATED) is DATED
    assert (DATED.base, DATED.quote, DATED.latest) == ("XAU", "USD", CHEAPER)


def test_the_versions_that_a_stretch_meets() -> None:
    met = DATED.between(150 * DAY, 250 * DAY)

    assert met.instruments == (GOLD, DEARER)
    assert met.notes == ()
    assert DATED.between(200 * DAY, 200 * DAY).instruments == (DEARER,)


def test_facts_that_serve_times_before_their_date_are_said_to() -> None:
    met = DATED.between(0, 120 * DAY)

    assert met.instruments == (GOLD,)
    assert "facts of 1970-04-11 are used before that date" in met.notes[0]


@pytest.mark.parametrize(
    ("versions", "says"),
    [
        ((), "at least one version"),
        (((2, GOLD), (1, DEARER)), "rising order"),
        (((1, GOLD), (1, DEARER)), "rising order"),
        (((1, GOLD), (2, replace(GOLD, quote="EUR"))), "XAUUSD XAU EUR, XAUUSD XAU USD"),
        (((1, replace(GOLD, symbol="GOLD")),), "one symbol"),
    ],
)
def test_versions_that_do_not_fit_together_are_refused(versions, says: str) -> None:
    with pytest.raises(DataError, match=says):
        history(*versions)


def test_nights_are_three_on_the_triple_day_unless_each_day_has_its_own() -> None:
    assert GOLD.nights == (1, 1, 3, 1, 1, 0, 0)
    own = replace(GOLD, swap_nights=tuple(map(D, (1, 1, 1, 1, 1, "0.5", 0))))
    assert own.nights == (1, 1, 1, 1, 1, D("0.5"), 0)
