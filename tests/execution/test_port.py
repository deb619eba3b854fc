"""A broker in memory keeps every promise of the port."""

import asyncio
from dataclasses import replace
from decimal import Decimal as D

import pytest
from broker_checks import CHECKS

from assay.domain.errors import OutcomeUnknownError, RejectedError
from assay.execution.orders import OrderStatus
from assay.execution.port import Receipt


class MemoryBroker:
    """A venue that is well, refuses, or never answers."""

    def __init__(self, mood: str) -> None:
        self.mood = mood
        self.receipts: dict[str, Receipt] = {}

    async def submit(self, order, *, timeout_s):
        name = order.intent.client_order_id
        if self.mood == "refusing":
            raise RejectedError("The venue refused.", remedy="Do not retry.")
        if self.mood == "silent":
            await asyncio.sleep(0)
            raise OutcomeUnknownError(
                f"The venue must answer within {timeout_s} s; was silent.", remedy="Reconcile."
            )
        receipt = Receipt(
            client_order_id=name, venue_order_id=f"v{len(self.receipts)}",
            status=OrderStatus.WORKING, filled_lots=D(0),
        )  # fmt: skip
        return self.receipts.setdefault(name, receipt)

    async def cancel(self, client_order_id, *, timeout_s):
        receipt = replace(self.receipts[client_order_id], status=OrderStatus.CANCELLED)
        self.receipts[client_order_id] = receipt
        return receipt

    async def reconcile(self, client_order_ids, *, timeout_s):
        return [self.receipts[name] for name in client_order_ids if name in self.receipts]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_broker_keeps_its_promise(check) -> None:
    asyncio.run(check(MemoryBroker))
