"""Margin in tiers: each part of a position at its own fraction, and the lots that a margin buys."""

from dataclasses import replace
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st
from risk_worlds import ACCOUNT, GOLD, INTENT, limits

from assay.domain.instrument import MarginBasis, MarginTier
from assay.domain.order import ApprovedOrder
from assay.domain.timeframe import Timeframe
from assay.risk.exposure import lots_for_margin, margin_of
from assay.risk.facts import contract_facts
from assay.risk.review import _lots_for_margin, review


def tier(up_to: str, fraction: str) -> MarginTier:
    return MarginTier(up_to=D(up_to), fraction=D(fraction))


IN_LOTS = replace(
    GOLD,
    margin_fraction=D("0.002"),
    margin_tiers=(tier("50", "0.002"), tier("100", "0.005"), tier("Infinity", "0.01")),
)
IN_MONEY = replace(
    GOLD,
    margin_fraction=D("0.005"),
    margin_basis=MarginBasis.NOTIONAL,
    margin_tiers=(tier("1000000", "0.005"), tier("Infinity", "0.02")),
)


def facts(item):
    return contract_facts([item], Timeframe.H1)[0]


@pytest.mark.parametrize(
    ("item", "lots", "margin"),
    [
        # one lot at 2,000 is worth 200,000
        (GOLD, 3.0, 6_000.0),
        (IN_LOTS, 10.0, 10 * 400.0),
        (IN_LOTS, 50.0, 50 * 400.0),
        (IN_LOTS, 70.0, 50 * 400.0 + 20 * 1_000.0),
        (IN_LOTS, 130.0, 50 * 400.0 + 50 * 1_000.0 + 30 * 2_000.0),
        (IN_MONEY, 5.0, 5_000.0),
        (IN_MONEY, 7.0, 5_000.0 + 400_000 * 0.02),
    ],
)
def test_margin_by_hand_and_back(item, lots: float, margin: float) -> None:
    assert _lots_for_margin(D(margin), D(200_000), item) == D(str(lots))
    assert margin_of(lots, 100.0, 2_000.0, facts(item)) == pytest.approx(margin)
    assert lots_for_margin(margin, 200_000.0, facts(item)) == pytest.approx(lots)


@given(
    room=st.floats(1.0, 1e7),
    price=st.floats(1.0, 1e4),
    item=st.sampled_from([GOLD, IN_LOTS, IN_MONEY]),
)
def test_the_lots_of_a_margin_have_that_margin(room: float, price: float, item) -> None:
    lots = lots_for_margin(room, 100.0 * price, facts(item))

    assert margin_of(lots, 100.0, price, facts(item)) == pytest.approx(room, rel=1e-9)


@given(lots=st.floats(0.01, 500.0), more=st.floats(0.0, 100.0))
def test_more_lots_never_need_less_margin_and_tiers_never_less_than_their_least(
    lots: float, more: float
) -> None:
    record = facts(IN_LOTS)
    margin = margin_of(lots, 100.0, 2_000.0, record)

    assert margin_of(lots + more, 100.0, 2_000.0, record) >= margin
    assert 0.002 * lots * 2e5 <= margin * (1 + 1e-12)
    assert margin <= record.margin_fraction_max * lots * 2e5 * (1 + 1e-12)


@pytest.mark.parametrize(
    ("item", "share", "size"),
    [
        # equity 1,000,000; the margin may be 30,000: 50 lots at 400, then 10 at 1,000
        (IN_LOTS, 0.03, "60.00"),
        (IN_LOTS, 0.02, "50.00"),
        # 5 lots for 5,000, then 25,000 at 2 per cent buy 1,250,000: 6.25 lots
        (IN_MONEY, 0.03, "11.25"),
        (GOLD, 0.03, "15.00"),
    ],
)
def test_an_order_that_only_margin_bounds(item, share: float, size: str) -> None:
    wide = {
        "sizing": "fixed",
        "fixed_lots": 100.0,
        "risk_fraction_max": 0.05,
        "exposure_max": 100.0,
        "symbol_exposure_max": 100.0,
        "margin_fraction_max": share,
    }
    tight = replace(INTENT, unit=D("0.005"), loss=D("0.01"))
    rich = replace(ACCOUNT, equity=D(1_000_000))
    order = review(tight, rich, limits(**wide), replace(item, lot_max=D(1000)))

    assert isinstance(order, ApprovedOrder)
    assert order.size_lots == D(size)
