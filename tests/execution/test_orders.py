"""The life of an order: what may follow what, and that silence is neither yes nor no."""

from decimal import Decimal as D

import pytest
from broker_checks import example_order
from hypothesis import given
from hypothesis import strategies as st

from assay.execution.orders import Order, OrderEvent, OrderStatus

E, S = OrderEvent, OrderStatus


def order(*events: OrderEvent) -> Order:
    found = Order(approved=example_order())
    for event in events:
        found = found.after(event)
    return found


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((E.SENT,), S.SENT),
        ((E.SENT, E.ACCEPTED), S.WORKING),
        ((E.SENT, E.REJECTED), S.REJECTED),
        ((E.SENT, E.SILENCE), S.UNKNOWN),
        ((E.SENT, E.SILENCE, E.SILENCE), S.UNKNOWN),
        ((E.SENT, E.SILENCE, E.ACCEPTED), S.WORKING),
        ((E.SENT, E.SILENCE, E.NOT_FOUND), S.REJECTED),
        ((E.SENT, E.SILENCE, E.CANCELLED), S.CANCELLED),
        ((E.SENT, E.ACCEPTED, E.CANCELLED), S.CANCELLED),
        ((E.SENT, E.ACCEPTED, E.EXPIRED), S.EXPIRED),
        ((E.SENT, E.ACCEPTED, E.SILENCE), S.UNKNOWN),
    ],
)
def test_events_lead_where_the_picture_says(events, status) -> None:
    assert order(*events).status is status


def test_fills_add_up_to_the_approved_size() -> None:
    working = order(E.SENT, E.ACCEPTED)
    part = working.filled(D("0.04"))
    assert (part.status, part.open_lots) == (S.PARTLY_FILLED, D("0.06"))
    assert part.filled(D("0.06")).status is S.FILLED
    for lots in (D(0), D("0.07"), D("-0.01")):
        with pytest.raises(ValueError, match="A fill must be"):
            part.filled(lots)


def test_a_fill_settles_an_unknown_outcome_and_acceptance_keeps_it() -> None:
    unknown = order(E.SENT, E.SILENCE)
    assert unknown.filled(D("0.10")).status is S.FILLED
    part = unknown.filled(D("0.04")).after(E.SILENCE)
    assert part.after(E.ACCEPTED).status is S.PARTLY_FILLED


@given(st.lists(st.sampled_from(OrderEvent), max_size=8))
def test_a_final_order_stays_final_and_only_a_live_one_fills(events) -> None:
    found = order()
    for event in events:
        try:
            found = found.after(event)
        except ValueError as error:
            assert "cannot meet" in str(error)
            continue
        assert found.status.is_final + found.status.may_exist <= 1
    if found.status.is_final:
        for event in OrderEvent:
            with pytest.raises(ValueError, match="cannot meet"):
                found.after(event)
    if not found.status.may_exist:
        with pytest.raises(ValueError, match="cannot be filled"):
            found.filled(D("0.01"))
