"""Placing, approving, cancelling and carrying out orders. Every step is one transaction, with its audit row."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from khoso import db
from khoso.auditing import store as auditing
from khoso.bounds import Bounds, Duty, of_agencies
from khoso.caller import Purview
from khoso.db import Connection, Pool
from khoso.errors import (
    IdempotencyKeyReused,
    InputProblem,
    InvalidInput,
    NotAsExpected,
    NotFound,
    NotPermitted,
    OrderEnded,
    SecondPersonNeeded,
    StatusChangeRefused,
)
from khoso.inputs import check_text
from khoso.orders import standing_store, store
from khoso.orders.asking import Asked, ask, ask_by_file, ask_for_one, make_order
from khoso.orders.book import get_order
from khoso.orders.carrying_out import carry_out
from khoso.orders.model import (
    Chosen,
    Decision,
    Fault,
    FileRequest,
    Order,
    Orderer,
    OrderRequest,
    Place,
    Preview,
    PreviewRequest,
    State,
    StatusAct,
)
from khoso.orders.resolving import FourEyes, Resolved, resolve_query, resolve_wanted, wanted_of
from khoso.orders.rules import check, explain, is_about_status

MAX_AT_ONCE = 1_000
"""Results of an order that is carried out while its author waits; a larger one is the worker's."""

MAX_TOLD = 100
"""Faults in a refusal."""

_DUE_AT_A_TIME = 100


class Orders:
    """Everything that is done with orders."""

    def __init__(
        self,
        pool: Pool,
        four_eyes: FourEyes,
        now: Callable[[], datetime],
        check_record: Callable[[], None],
        at_once: int = MAX_AT_ONCE,
    ) -> None:
        """`check_record` raises RecordBehind if the record is older than what is published: nothing is ordered then."""
        self._check_record = check_record
        self._pool = pool
        self._four_eyes = four_eyes
        self._now = now
        self._at_once = at_once

    async def act(self, result_code: str, act: StatusAct, by: Orderer) -> Order:
        """Order one act on one result. Raises as `place`, and NotFound if there is no such result in his purview."""
        asked = ask_for_one(result_code, act, by)
        async with db.transaction(self._pool, of_agencies(by.purview.agencies)) as conn:
            places = await standing_store.find_places(conn, by.purview, [result_code])
        if not places:
            raise NotFound(result_code)
        return await self._place(asked)

    async def place(self, request: OrderRequest, by: Orderer, idempotency_key: str) -> Order:
        """Order what is asked, once for all requests of `author` with this key; do it now if it is due and small.

        Raises InvalidInput, NotAsExpected if a query finds another number of results than was expected,
        StatusChangeRefused if it is due and the present status of a result does not allow it, and IdempotencyKeyReused
        if the key was used for another order. Then nothing is ordered.
        """
        return await self._place(ask(request, by, idempotency_key))

    async def place_file(self, request: FileRequest, content: bytes, by: Orderer, idempotency_key: str) -> Order:
        """Order an act on the results that a file names. Raises as `place`; a wrong line is told by its number."""
        asked = await asyncio.to_thread(ask_by_file, request, content, by, idempotency_key)
        return await self._place(asked)

    async def preview(self, request: PreviewRequest, purview: Purview) -> Preview:
        """What an order would do now; nothing is changed. Raises InvalidInput and StatusChangeRefused as `place`."""
        wanted = wanted_of(request)
        async with db.transaction(self._pool, of_agencies(purview.agencies)) as conn:
            if request.query is not None:
                found = await resolve_query(conn, purview, request.act, request.query, self._four_eyes)
            else:
                found = await resolve_wanted(conn, purview, request.act, wanted or (), self._four_eyes, now=True)
        _refuse_faults(found.faults)
        return Preview(count=len(found.chosen), needs_approval=found.needs_approval, sample=found.sample)

    async def approve(self, order_id: UUID, order_hash: bytes, purview: Purview, approver: str) -> Order:
        """Approve exactly what was seen, and carry it out if it is due and small. Doing so again changes nothing.

        Raises NotFound, SecondPersonNeeded for the author, NotAsExpected for another hash, and OrderEnded if the order
        does not wait for an approval.
        """
        self._check_record()
        async with db.transaction(self._pool, of_agencies(purview.agencies, "order")) as conn:
            order = await get_order(conn, order_id, purview)
            if order.author == approver:
                raise SecondPersonNeeded(order_id)
            if order.order_hash != order_hash:
                raise NotAsExpected(
                    InputProblem(
                        "order_hash", "differs", "quyết định đã thay đổi: hãy xem lại | look at the order again"
                    )
                )
            if order.approver == approver:
                return order
            now = self._now()
            if not await store.approve_order(conn, order_id, order_hash, approver, now):
                raise OrderEnded(order_id)
            order = msgspec.structs.replace(order, state="scheduled", approver=approver, approved_at=now)
            if self._is_for_now(order):
                order = await self._end(conn, order)
            await _audit(conn, order, now, ("approve", approver), *_last_step(order))
            return order

    async def cancel(self, order_id: UUID, reason: str, purview: Purview, actor: str, approving: Purview) -> Order:
        """Cancel an order that was not carried out yet: its author may, and whoever may approve. Again changes nothing.

        `approving` is what he may approve. Raises NotFound, NotPermitted, InvalidInput without a reason, OrderEnded.
        """
        check_text("reason", reason)
        async with db.transaction(self._pool, of_agencies(purview.agencies, "order")) as conn:
            order = await get_order(conn, order_id, purview)
            if order.author != actor and not approving.has(order.agency_code, *order.type_codes):
                raise NotPermitted("neither the author nor one who may approve")
            if (order.cancelled_by, order.cancel_reason) == (actor, reason):
                return order
            now = self._now()
            if not await store.cancel_order(conn, order_id, actor, reason, now):
                raise OrderEnded(order_id)
            await _audit(conn, order, now, ("cancel", actor))
            return msgspec.structs.replace(
                order, state="cancelled", cancelled_by=actor, cancel_reason=reason, ended_at=now
            )

    async def carry_out_due(self) -> None:
        """Bring every order to its end whose time has come, in the order of their times; one worker does so at a time.

        An order that cannot be, by a fault of ours, keeps no other waiting; its error is raised last.
        Raises RecordBehind.
        """
        self._check_record()
        async with db.transaction(self._pool, Bounds(duty="due")) as conn:
            due = await store.list_due(conn, self._now(), _DUE_AT_A_TIME)
        errors: list[Exception] = []
        for order_id in due:
            try:
                if not await self.carry_out_order(order_id):
                    break
            except Exception as error:  # noqa: BLE001 - raised below
                errors.append(error)
        if errors:
            raise errors[0]

    async def carry_out_order(self, order_id: UUID) -> bool:
        """Bring an order to its end if it is due. False, with nothing done, while another worker is at work.

        Raises RecordBehind.
        """
        self._check_record()
        async with db.transaction(self._pool, Bounds(duty="due")) as conn:
            agencies = await store.list_agencies(conn, order_id)
        async with db.transaction(self._pool, of_agencies(agencies, "order")) as conn:
            if not await store.take_turn(conn):
                return False
            order = await store.claim_due(conn, order_id, self._now())
            if order is not None:
                order = await self._end(conn, order)
                await _audit(conn, order, self._now(), *_last_step(order))
            return True

    async def recover(
        self, conn: Connection, decision: Decision, agency_code: str, places: Sequence[Place], actor: str
    ) -> Order:
        """Do again what was lost with a part of the record: an order like any other, by one person, in the caller's
        transaction. Raises StatusChangeRefused.
        """
        chosen = [Chosen(place.result_code, place.vault_id, place.credential_id) for place in sorted(places)]
        types = sorted({place.type_code for place in places})
        asked, now = Asked(decision=decision, by=Orderer.of(agency_code, actor)), self._now()
        order = make_order(asked, Resolved(chosen, [], needs_approval=False, sample=[], type_codes=types), now)
        await store.insert_order(conn, order)
        await store.insert_results(conn, order.order_id, chosen)
        _refuse_faults(await carry_out(conn, order, chosen, now))
        order = await self._close(conn, order, "carried_out")
        await _audit(conn, order, now, ("order", actor), *_last_step(order))
        return order

    async def _place(self, asked: Asked) -> Order:
        by, key = asked.by, asked.idempotency_key
        async with db.transaction(self._pool, _bounds_of(by, "order")) as conn:
            if key is not None:
                await store.lock_key(conn, by.author, key)
                answered = await store.find_order_by_key(conn, by.author, key)
                if answered is not None:  # whose time may have passed, and whose results have changed since
                    return _same(answered, asked)
            self._check_record()
            now = self._now()
            problems = check(asked.decision, now)
            if problems:
                raise InvalidInput(*problems)
            resolved = await self._resolve(conn, asked)
            order = make_order(asked, resolved, now)
            if not await store.insert_order(conn, order):  # what is in the way is his order for another agency
                raise IdempotencyKeyReused(key)
            await store.insert_results(conn, order.order_id, resolved.chosen)
            await store.insert_faults(conn, order.order_id, resolved.faults, 0)
            if self._is_for_now(order):
                _refuse_faults(await carry_out(conn, order, resolved.chosen, self._now()))
                order = await self._close(conn, order, "carried_out")
            await _audit(conn, order, now, ("order", order.author), *_last_step(order))
            return order

    async def _resolve(self, conn: Connection, asked: Asked) -> Resolved:
        act = asked.decision.act
        if asked.query is not None:
            resolved = await resolve_query(conn, asked.by.purview, act, asked.query, self._four_eyes)
            if len(resolved.chosen) != asked.expected_count:
                message = (
                    f"nay có {len(resolved.chosen)} kết quả: hãy xem lại bản xem trước"
                    f" | there are {len(resolved.chosen)} now: look at the preview again"
                )
                raise NotAsExpected(InputProblem("expected_count", "differs", message))
        else:
            at_once = asked.decision.effective_at is None
            resolved = await resolve_wanted(conn, asked.by.purview, act, asked.wanted, self._four_eyes, now=at_once)
        if not asked.only_valid:
            _refuse_faults(resolved.faults)
        if not resolved.chosen:
            raise InvalidInput(
                InputProblem("results", "none", "không còn kết quả nào để thay đổi | no result is left to change")
            )
        return resolved

    def _is_for_now(self, order: Order) -> bool:
        """Whether whoever asks waits for its end."""
        return order.state == "scheduled" and order.due_at <= self._now() and order.results <= self._at_once

    async def _end(self, conn: Connection, order: Order) -> Order:
        """Carry out, or write down why it cannot be."""
        faults = await carry_out(conn, order, await store.list_chosen(conn, order.order_id), self._now())
        if not faults:
            return await self._close(conn, order, "carried_out")
        await store.insert_faults(conn, order.order_id, faults, order.faults)
        return await self._close(conn, order, "failed", len(faults))

    async def _close(self, conn: Connection, order: Order, state: State, faults: int = 0) -> Order:
        now = self._now()
        await store.end_order(conn, order.order_id, state, faults, now)
        return msgspec.structs.replace(order, state=state, faults=order.faults + faults, ended_at=now)


def _bounds_of(by: Orderer, duty: Duty | None = None) -> Bounds:
    """The results that he may change, and the orders of the agency in whose name he acts."""
    return of_agencies({by.agency_code, *by.purview.agencies}, duty)


def _same(order: Order, asked: Asked) -> Order:
    if order.request_hash != asked.request_hash:
        raise IdempotencyKeyReused(asked.idempotency_key)
    return order


def _refuse_faults(faults: Sequence[Fault]) -> None:
    """Raise what the faults amount to: the request is wrong, or only the moment is."""
    if not faults:
        return
    problems = [explain(fault) for fault in faults[:MAX_TOLD]]
    if all(map(is_about_status, faults)):
        raise StatusChangeRefused(*problems)
    raise InvalidInput(*problems)


def _last_step(order: Order) -> list[tuple[str, str]]:
    """What is audited of the end of an order, if it has come to it."""
    steps = {"carried_out": "carry_out", "failed": "fail"}
    return [(steps[order.state], order.author)] if order.state in steps else []


async def _audit(conn: Connection, order: Order, now: datetime, *steps: tuple[str, str]) -> None:
    """Acts with their actors, last in every transaction: whatever locks the audit takes are held for a moment.

    The subject is the order with its hash: so the audit vouches for every result of it.
    """
    subject = f"{order.order_id} {order.order_hash.hex()}"
    await auditing.append(conn, [auditing.Entry(actor, act, subject) for act, actor in steps], now)
