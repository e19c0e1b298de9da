"""An order as the API tells it."""

from datetime import datetime
from uuid import UUID

import msgspec

from khoso.act_reasons import in_words
from khoso.orders.model import Act, Order, State
from khoso.text import Words


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order, and how far it has come."""

    order_id: UUID
    act: Act
    reason_code: str
    reason: Words
    decision_number: str
    effective_at: datetime | None
    """From when; null: as soon as it may be carried out."""
    results: int
    state: State
    """`awaiting_approval`: for another officer · `scheduled`: for its time, or for the worker · `carried_out`: all of
    it · `failed`: none of it, see its faults · `cancelled`"""
    needs_approval: bool
    order_hash: str
    """SHA-256 over everything that is ordered; an approval names it."""
    author: str
    ordered_at: datetime
    approver: str | None
    approved_at: datetime | None
    cancelled_by: str | None
    cancel_reason: str | None
    ended_at: datetime | None
    """When it was carried out, failed, or was cancelled."""
    faults: int
    """Lines left out of a file, and results that were in the way."""


class OrderList(msgspec.Struct, frozen=True):
    """A page of orders; `next_cursor` asks for the following one."""

    items: list[OrderView]
    next_cursor: str | None


def view(order: Order) -> OrderView:
    """Everything but what is kept for ourselves."""
    return OrderView(
        order_id=order.order_id,
        act=order.act,
        reason_code=order.reason_code,
        reason=in_words(order.reason_code),
        decision_number=order.decision_number,
        effective_at=order.effective_at,
        results=order.results,
        state=order.state,
        needs_approval=order.needs_approval,
        order_hash=order.order_hash.hex(),
        author=order.author,
        ordered_at=order.ordered_at,
        approver=order.approver,
        approved_at=order.approved_at,
        cancelled_by=order.cancelled_by,
        cancel_reason=order.cancel_reason,
        ended_at=order.ended_at,
        faults=order.faults,
    )
