"""What was ordered for later, and what is too much for a request: carried out by a worker, once, in order, whole."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from desk import AGENCY
from grounds import Clock
from khoso.config import Config
from khoso.db import Connection
from khoso.orders import store
from khoso.orders.model import Orderer, OrderRequest
from khoso.orders.service import Orders
from khoso.wiring import Services, open_services
from orders.conftest import Board

VALID, REVOKED, SUSPENDED, SUPERSEDED = range(4)


async def test_an_order_takes_effect_at_its_time_and_not_before(board: Board) -> None:
    codes = await board.issue(2)
    order = await board.order(results=codes, effective_at="2026-11-23T15:30:00+07:00")
    assert (order["state"], order["effective_at"]) == ("scheduled", "2026-11-23T08:30:00Z")
    board.desk.clock.forward(timedelta(minutes=29, seconds=59))
    await board.worker.carry_out_due()
    assert await board.statuses(codes) == [VALID, VALID]
    board.desk.clock.forward(timedelta(seconds=2))
    await board.worker.carry_out_due()
    assert await board.statuses(codes) == [REVOKED, REVOKED]
    done = await board.show(order)
    assert (done["state"], done["ended_at"]) == ("carried_out", "2026-11-23T08:30:01Z")
    acts = await board.desk.rows("SELECT acted_at - effective_at AS late FROM status_act")
    assert [act["late"] for act in acts] == [timedelta(seconds=1)] * 2


async def test_what_was_due_while_no_worker_ran_is_done_in_the_order_of_its_times(board: Board) -> None:
    codes = await board.issue()
    later = await board.order("restore", reason_code="remedied", results=codes, effective_at=board.in_minutes(20))
    sooner = await board.order("suspend", results=codes, effective_at=board.in_minutes(10))
    board.desk.clock.forward(timedelta(days=3))
    await board.worker.carry_out_due()
    assert [(await board.show(order))["state"] for order in (sooner, later)] == ["carried_out"] * 2
    assert await board.statuses(codes) == [VALID]
    history = await board.desk.rows("SELECT act FROM status_act ORDER BY acted_at")
    assert [act["act"] for act in history] == ["suspend", "restore"]


async def test_several_workers_do_it_once(board: Board, config: Config, clock: Clock) -> None:
    codes = await board.issue(4)
    for number, code in enumerate(codes):
        await board.order(results=[code], effective_at=board.in_minutes(5 + number))
    clock.forward(timedelta(hours=1))
    async with open_services(config, clock, verifying=False) as other:
        await asyncio.gather(*(worker.carry_out_due() for worker in (board.worker, other.orders) * 3))
    await board.worker.carry_out_due()
    assert await board.statuses(codes) == [REVOKED] * 4
    assert len(await board.desk.rows("SELECT 1 FROM status_act")) == 4


async def test_while_one_worker_is_at_work_another_passes_over(
    board: Board, config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only the order in hand: the next one could be about the same results."""
    codes = await board.issue(2)
    for number, code in enumerate(codes):
        await board.order(results=[code], effective_at=board.in_minutes(5 + number))
    clock.forward(timedelta(hours=1))
    at_work, go_on = asyncio.Event(), asyncio.Event()
    list_chosen = store.list_chosen

    async def slowly(conn: Connection, order_id: Any) -> Any:
        at_work.set()
        await go_on.wait()
        return await list_chosen(conn, order_id)

    monkeypatch.setattr(store, "list_chosen", slowly)
    slow = asyncio.create_task(board.worker.carry_out_due())
    await at_work.wait()
    async with open_services(config, clock, verifying=False) as other:
        await other.orders.carry_out_due()
    assert await board.statuses(codes) == [VALID, VALID]
    go_on.set()
    await slow
    assert await board.statuses(codes) == [REVOKED, REVOKED]


async def test_an_order_that_became_impossible_fails_whole_and_says_why(board: Board) -> None:
    codes = await board.issue(4)
    order = await board.order("suspend", results=codes[:3], effective_at=board.in_minutes(5))
    await board.place(results=[codes[1]])
    await board.place("supersede", replacements={codes[2]: codes[3]})
    board.desk.clock.forward(timedelta(minutes=6))
    await board.worker.carry_out_due()
    failed = await board.show(order)
    assert (failed["state"], failed["faults"]) == ("failed", 2)
    page = await board.get(f"/{order['order_id']}/faults", limit=1)
    rest = await board.get(f"/{order['order_id']}/faults", cursor=page["next_cursor"])
    assert [(one["result_code"], one["code"]) for one in page["items"] + rest["items"]] == [
        (codes[1], "is_revoked"),
        (codes[2], "is_superseded"),
    ]
    assert await board.statuses(codes) == [VALID, REVOKED, SUPERSEDED, VALID]


async def test_what_has_become_an_annulment_is_not_done_by_one(board: Board) -> None:
    codes = await board.issue()
    await board.place("suspend", results=codes)
    order = await board.order("restore", results=codes, effective_at=board.in_minutes(5))
    assert order["needs_approval"] is False
    await board.place(results=codes)
    board.desk.clock.forward(timedelta(minutes=6))
    await board.worker.carry_out_due()
    assert (await board.get(f"/{order['order_id']}/faults"))["items"][0]["code"] == "needs_approval"


async def test_a_newer_result_that_was_withdrawn_takes_no_place(board: Board) -> None:
    old, newer = await board.issue(2)
    order = await board.order("supersede", replacements={old: newer}, effective_at=board.in_minutes(5))
    await board.place(results=[newer])
    board.desk.clock.forward(timedelta(minutes=6))
    await board.worker.carry_out_due()
    [fault] = (await board.get(f"/{order['order_id']}/faults"))["items"]
    assert (fault["result_code"], fault["code"]) == (old, "successor_is_revoked")


async def test_an_order_that_cannot_be_brought_to_its_end_keeps_no_other_waiting(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = await board.issue(2)
    bad, _ = [await board.order(results=[code], effective_at=board.in_minutes(5 + n)) for n, code in enumerate(codes)]
    board.desk.clock.forward(timedelta(hours=1))
    claim_due = store.claim_due

    async def stumble(conn: Connection, order_id: Any, now: Any) -> Any:
        if str(order_id) == bad["order_id"]:
            raise RuntimeError("a fault of ours")
        return await claim_due(conn, order_id, now)

    with monkeypatch.context() as patch:
        patch.setattr(store, "claim_due", stumble)
        with pytest.raises(RuntimeError):
            await board.worker.carry_out_due()
    assert await board.statuses(codes) == [VALID, REVOKED]
    await board.worker.carry_out_due()
    assert await board.statuses(codes) == [REVOKED, REVOKED]


async def test_an_order_cancelled_between_two_looks_is_not_carried_out(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = await board.issue()
    order = await board.order(results=codes, effective_at=board.in_minutes(5))
    board.desk.clock.forward(timedelta(hours=1))
    take_turn = store.take_turn

    async def cancel_first(conn: Connection) -> bool:
        assert (await board.try_cancel(order)).status_code == 200
        return await take_turn(conn)

    monkeypatch.setattr(store, "take_turn", cancel_first)
    await board.worker.carry_out_due()
    assert await board.statuses(codes) == [VALID]


async def test_a_large_order_is_the_workers(board: Board, services: Services) -> None:
    codes = await board.issue(3)
    patient = Orders(services.pool, lambda _: False, board.desk.clock, lambda: None, at_once=2)
    request = OrderRequest(act="revoke", reason_code="R1", decision_number="1/QĐ", results=codes)
    order = await patient.place(request, Orderer.of(AGENCY, "clerk"), "one")
    assert order.state == "scheduled"
    assert await board.statuses(codes) == [VALID] * 3
    await board.worker.carry_out_due()
    assert await board.statuses(codes) == [REVOKED] * 3


async def test_acts_are_dated_in_their_order_though_the_clocks_of_two_machines_differ(board: Board) -> None:
    codes = await board.issue()
    await board.place("suspend", results=codes)
    board.desk.clock.forward(timedelta(seconds=-30))
    await board.place("restore", results=codes)
    history = await board.desk.rows("SELECT act FROM status_act ORDER BY acted_at")
    assert [act["act"] for act in history] == ["suspend", "restore"]
