"""The report says at which terms a run traded, version by version."""

from dataclasses import replace
from decimal import Decimal as D

import numpy as np
import pytest

from assay.config.instruments import load_instrument
from assay.config.settings import Settings
from assay.data.bars import Bars
from assay.domain.facts_history import DatedFacts, FactsHistory
from assay.domain.instrument import MarginBasis, MarginTier, SwapMode
from assay.domain.timeframe import Timeframe
from assay.research.assumptions import assumptions_of
from assay.research.history import History
from assay.research.identity import facts_hash

GOLD = load_instrument("XAUUSD")
DAY = 86_400 * 10**9


def told(facts) -> str:
    return "\n".join(assumptions_of(Settings(), {"XAUUSD": facts}, {}, has_finer=False))


def dated(*items) -> FactsHistory:
    versions = [
        DatedFacts(valid_from_ns=(100 + 10 * k) * DAY, instrument=item)
        for k, item in enumerate(items)
    ]
    return FactsHistory(symbol="XAUUSD", versions=tuple(versions), notes=("XAUUSD: from a file.",))


@pytest.mark.parametrize(
    ("mode", "unit"),
    [
        (SwapMode.POINTS, "points a night"),
        (SwapMode.PERCENT, "% a year a night"),
        (SwapMode.PERCENT_OPEN, "% a year of the open price a night"),
        (SwapMode.BASE, "XAU per lot a night"),
        (SwapMode.QUOTE, "USD per lot a night"),
        (SwapMode.ACCOUNT, "EUR per lot a night"),
    ],
)
def test_the_unit_of_each_swap_mode_is_named(mode: SwapMode, unit: str) -> None:
    assert unit in told(replace(GOLD, swap_mode=mode, account_currency="EUR"))


def test_tiers_and_nights_are_spelled_out() -> None:
    tiers = (
        MarginTier(up_to=D(50), fraction=D("0.002")),
        MarginTier(up_to=D("Infinity"), fraction=D("0.01")),
    )
    text = told(replace(GOLD, margin_tiers=tiers))
    assert "margin 0.2% up to 50 lots, 1% of all beyond" in text
    money = replace(GOLD, margin_tiers=tiers, margin_basis=MarginBasis.NOTIONAL)
    assert "up to 50 of notional" in told(money)
    assert "three nights on Wednesday" in told(GOLD)
    own = replace(GOLD, swap_nights=tuple(map(D, ("1", "1", "1.5", "0", "0", "0", "2"))))
    assert "1 on Monday, 1 on Tuesday, 1.5 on Wednesday, 2 on Sunday" in told(own)
    assert "counts no night" in told(replace(GOLD, swap_nights=(D(0),) * 7))


def test_every_version_is_listed_and_one_set_is_said_to_be_one() -> None:
    text = told(dated(GOLD, replace(GOLD, swap_long=D("-9.25"))))
    assert "XAUUSD from 1970-04-11 00:00 UTC: one lot is 100 XAU" in text
    assert "XAUUSD from 1970-04-21 00:00 UTC" in text
    assert "swap -9.25 (long)" in text
    assert "XAUUSD: from a file." in text
    assert "One set of contract facts" not in text
    assert "One set of contract facts stands for the whole history of XAUUSD" in told(GOLD)


def bars(*days: int) -> Bars:
    price = np.full(len(days), 2_000.0)
    return Bars(
        symbol="XAUUSD", timeframe=Timeframe.D1, time_ns=np.array(days, dtype=np.int64) * DAY,
        open=price, high=price, low=price, close=price,
        volume=np.ones(len(days)), spread=np.ones(len(days)),
    )  # fmt: skip


def test_only_the_versions_that_bars_meet_count() -> None:
    facts = dated(GOLD, replace(GOLD, swap_long=D(-9)), replace(GOLD, swap_long=D(-8)))

    def met(*days: int) -> FactsHistory:
        history = History(bars={"XAUUSD": bars(*days)}, instruments={"XAUUSD": facts})
        return history.facts_met()["XAUUSD"]

    assert [item.swap_long for item in met(105, 112).instruments] == [D("-5.25"), D(-9)]
    assert met().instruments == (GOLD,)
    assert any("used before that date" in note for note in met(90, 105).notes)
    same, other = facts_hash({"XAUUSD": met(105)}), facts_hash({"XAUUSD": met(112)})
    assert same == facts_hash({"XAUUSD": met(101)}) != other
