"""What every broker promises, one check a promise; run them over each implementation."""

import asyncio
from collections.abc import Callable
from decimal import Decimal as D

from assay.domain.errors import OutcomeUnknownError, RejectedError
from assay.domain.order import ApprovedOrder, OrderIntent
from assay.domain.side import Side
from assay.domain.timeframe import Timeframe
from assay.execution.orders import OrderStatus
from assay.execution.port import Broker

Make = Callable[[str], Broker]
"""Return a broker in a mood: ``well``, ``refusing``, or ``silent``."""


def example_order(name: str = "a1", lots: str = "0.10") -> ApprovedOrder:
    intent = OrderIntent(
        client_order_id=name, symbol="XAUUSD", side=Side.BUY, price=D(2000), unit=D(5),
        confidence=1.0, p_win=0.6, payoff=1.5, loss=D(10), volatility_bar=0.001,
        timeframe=Timeframe.H1,
    )  # fmt: skip
    return ApprovedOrder(
        intent=intent, size_lots=D(lots), stop_price=D(1990), stop_distance=D(10), risk=D(100)
    )


async def check_submitting_twice_is_submitting_once(make: Make) -> None:
    broker = make("well")
    first = await broker.submit(example_order(), timeout_s=1.0)
    second = await broker.submit(example_order(), timeout_s=1.0)
    assert first == second
    assert len(await broker.reconcile(["a1"], timeout_s=1.0)) == 1


async def check_silence_is_reported_as_unknown(make: Make) -> None:
    broker = make("silent")
    try:
        await asyncio.wait_for(broker.submit(example_order(), timeout_s=0.01), 5.0)
    except OutcomeUnknownError:
        return
    raise AssertionError("submit must raise OutcomeUnknownError when the venue does not answer")


async def check_a_refused_order_does_not_exist(make: Make) -> None:
    broker = make("refusing")
    try:
        await broker.submit(example_order(), timeout_s=1.0)
    except RejectedError:
        assert not await broker.reconcile(["a1"], timeout_s=1.0)
        return
    raise AssertionError("submit must raise RejectedError when the venue refuses")


async def check_reconciliation_tells_of_what_exists_and_of_nothing_else(make: Make) -> None:
    broker = make("well")
    await broker.submit(example_order("a1"), timeout_s=1.0)
    found = await broker.reconcile(["a1", "never"], timeout_s=1.0)
    assert [receipt.client_order_id for receipt in found] == ["a1"]
    receipt = await broker.cancel("a1", timeout_s=1.0)
    assert receipt.status in (OrderStatus.CANCELLED, OrderStatus.FILLED)


CHECKS = (
    check_submitting_twice_is_submitting_once,
    check_silence_is_reported_as_unknown,
    check_a_refused_order_does_not_exist,
    check_reconciliation_tells_of_what_exists_and_of_nothing_else,
)
