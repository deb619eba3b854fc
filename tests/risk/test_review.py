"""The gate before a broker: every approved order stays inside every limit, exactly."""

import math
from dataclasses import replace
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from risk_worlds import ACCOUNT, GOLD, INTENT, limits

from assay.domain.order import ApprovedOrder, RefusedOrder
from assay.domain.refusal import RefusalReason
from assay.domain.side import Side
from assay.risk.review import review


def reason(intent=INTENT, account=ACCOUNT, **risk) -> RefusalReason:
    verdict = review(intent, account, limits(**risk), GOLD)
    assert isinstance(verdict, RefusedOrder)
    return verdict.reason


def test_an_order_by_hand() -> None:
    order = review(INTENT, ACCOUNT, limits(volatility_target=1.0), GOLD)
    assert isinstance(order, ApprovedOrder)
    # 1 % of 100,000 over 10.00 at 100 a lot; Kelly: a quarter of 0.6 - 0.4 / 1.5 is more
    assert order.size_lots == D("1.00")
    assert (order.stop_price, order.stop_distance) == (D("1990.00"), D("10.00"))
    assert order.risk == D("1000.00")

    short = review(replace(INTENT, side=Side.SELL), ACCOUNT, limits(volatility_target=1.0), GOLD)
    assert isinstance(short, ApprovedOrder)
    assert short.stop_price == D("2010.00")


def test_the_same_arguments_give_the_same_verdict() -> None:
    assert review(INTENT, ACCOUNT, limits(), GOLD) == review(INTENT, ACCOUNT, limits(), GOLD)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"p_win": math.nan}, RefusalReason.WARM_UP),
        ({"payoff": 0.0}, RefusalReason.WARM_UP),
        ({"unit": D(0)}, RefusalReason.WARM_UP),
        ({"loss": D(-1)}, RefusalReason.WARM_UP),
        ({"p_win": 0.3}, RefusalReason.NO_EDGE),
        ({"confidence": 0.0}, RefusalReason.BELOW_MINIMUM_SIZE),
    ],
)
def test_an_intent_without_ground_is_refused(change, expected) -> None:
    assert reason(replace(INTENT, **change)) is expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"positions_others": 10}, RefusalReason.POSITIONS_LIMIT),
        ({"equity": D(0)}, RefusalReason.MARGIN_CALL),
        ({"margin_used_others": D(100_000)}, RefusalReason.MARGIN_CALL),
        ({"notional_others": D(500_000)}, RefusalReason.EXPOSURE_LIMIT),
        ({"margin_others": D(50_000)}, RefusalReason.MARGIN_LIMIT),
    ],
)
def test_an_account_without_room_refuses(change, expected) -> None:
    assert reason(account=replace(ACCOUNT, **change)) is expected


def test_a_size_by_hand_that_risks_too_much_is_refused_not_cut() -> None:
    assert reason(sizing="fixed", fixed_lots=1.01) is RefusalReason.RISK_LIMIT
    order = review(INTENT, ACCOUNT, limits(sizing="fixed", fixed_lots=1.0), GOLD)
    assert isinstance(order, ApprovedOrder)
    assert order.size_lots == 1


def test_a_price_between_ticks_widens_the_stop_and_shrinks_the_size() -> None:
    order = review(
        replace(INTENT, price=D("2000.005")), ACCOUNT, limits(volatility_target=1.0), GOLD
    )
    assert isinstance(order, ApprovedOrder)
    assert order.stop_price == D("1990.00")
    assert order.size_lots == D("0.99")
    short = review(
        replace(INTENT, side=Side.SELL, price=D("2000.005")),
        ACCOUNT,
        limits(volatility_target=1.0),
        GOLD,
    )
    assert isinstance(short, ApprovedOrder)
    assert short.stop_price == D("2010.01")
    tiny = replace(GOLD, lot_min=D("1.00"))
    verdict = review(
        replace(INTENT, price=D("2000.005")), ACCOUNT, limits(volatility_target=1.0), tiny
    )
    assert isinstance(verdict, RefusedOrder)
    assert verdict.reason is RefusalReason.BELOW_MINIMUM_SIZE


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    side=st.sampled_from(Side),
    price=st.decimals("1", "5000", places=3),
    unit=st.decimals("0.001", "100", places=3),
    p_win=st.floats(0.0, 1.0),
    confidence=st.floats(0.0, 1.0),
    equity=st.decimals("1", "10000000", places=2),
    conversion=st.decimals("0.01", "10", places=4),
    others=st.decimals("0", "1000000", places=2),
    margin=st.decimals("0", "10000", places=2),
    step=st.sampled_from([D("0.01"), D("0.1"), D("0.001")]),
    sizing=st.sampled_from(["kelly", "fixed"]),
)
def test_no_approved_order_can_lose_more_than_the_limit(
    side, price, unit, p_win, confidence, equity, conversion, others, margin, step, sizing
) -> None:
    gold = replace(GOLD, lot_step=step, lot_min=step)
    rules = limits(sizing=sizing, fixed_lots=1.0)
    intent = replace(INTENT, side=side, price=price, unit=unit, p_win=p_win, confidence=confidence)
    account = replace(
        ACCOUNT, equity=equity, conversion=conversion, notional_others=others,
        margin_others=margin, margin_used_others=margin,
    )  # fmt: skip
    verdict = review(intent, account, rules, gold)

    if isinstance(verdict, ApprovedOrder):
        value = verdict.size_lots * gold.contract_size * conversion
        loss = value * abs(price - verdict.stop_price)
        share = D(str(rules.risk.risk_fraction_max))
        assert loss == verdict.risk
        assert loss <= equity * share * (D(str(confidence)) if sizing == "kelly" else 1)
        assert value * price <= equity * D(str(rules.risk.symbol_exposure_max))
        assert value * price + others <= equity * D(str(rules.risk.exposure_max))
        used = value * price * gold.margin_fraction + margin
        assert used <= equity * D(str(rules.risk.margin_fraction_max))
        assert verdict.size_lots % step == 0
        assert verdict.stop_price % gold.tick_size == 0
        assert (verdict.stop_price < price) == (side is Side.BUY)
        assert gold.lot_min <= verdict.size_lots <= gold.lot_max
