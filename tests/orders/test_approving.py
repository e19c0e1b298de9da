"""Two persons: what is approved is exactly what was ordered, and never by who ordered it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from desk import AGENCY, Json, problem, read
from grounds import Clock, Database
from khoso.caller import everything_of
from khoso.errors import SecondPersonNeeded
from khoso.issuance.model import IssueRequest
from khoso.orders.model import Orderer, StatusAct
from khoso.wiring import Services
from orders.conftest import APPROVER, AUTHOR, Board
from samples import house_permit

VALID, REVOKED = 0, 1
ORDER_SQL = "SELECT state, approver, faults FROM status_order WHERE order_id = $1"


async def ask_to_annul(board: Board, codes: list[str], **more: Any) -> Json:
    await board.place(results=codes)
    board.desk.clock.forward(timedelta(minutes=1))
    return await board.order("restore", reason_code="decision_annulled", results=codes, **more)


async def test_a_revocation_is_annulled_by_two_officers(board: Board) -> None:
    issued = await board.desk.issue()
    code = issued["result_code"]
    order = await ask_to_annul(board, [code])
    assert (order["state"], order["needs_approval"], order["approver"]) == ("awaiting_approval", True, None)
    await board.worker.carry_out_due()
    assert await board.statuses([code]) == [REVOKED], "it waits"
    problem(await board.try_approve(order, AUTHOR), 403, "second_person_needed")
    approved = await board.approve(order)
    assert (approved["state"], approved["approver"]) == ("carried_out", APPROVER)
    assert (await board.desk.verify(code=issued["code"]))["outcome"] == "in_force"
    agency = board.desk.token("credentials:read", agency=AGENCY)
    answer = await board.desk.client.get(f"/api/v1/credentials/{code}/acts", headers=agency)
    last = read(answer, 200)["items"][-1]
    assert (last["act"], last["author"], last["approver"]) == ("restore", AUTHOR, APPROVER)


async def test_approving_again_changes_nothing_and_nobody_else_approves_it_twice(board: Board) -> None:
    order = await ask_to_annul(board, await board.issue())
    assert await board.approve(order) == await board.approve(order)
    problem(await board.try_approve(order, "officer-9"), 409, "order_ended")


async def test_only_what_was_seen_is_approved(board: Board) -> None:
    order = await ask_to_annul(board, await board.issue())
    other = order | {"order_hash": "0" * 64}
    assert problem(await board.try_approve(other), 409, "not_as_expected") == [("order_hash", "differs")]
    problem(await board.try_approve(order | {"order_hash": "0"}), 422, "invalid_input")
    assert (await board.show(order))["state"] == "awaiting_approval"


async def test_what_needs_no_second_person_is_not_approved(board: Board) -> None:
    order = await board.order(results=await board.issue(), effective_at=board.in_minutes(5))
    problem(await board.try_approve(order), 409, "order_ended")


async def test_a_type_that_asks_for_two_persons_gets_them(services: Services, clock: Clock) -> None:
    request = msgspec.convert(house_permit(), IssueRequest)
    issued = await services.issuer.issue(request, AGENCY, "clerk", "one")
    permit = services.catalogue.snapshot.latest["KQ.H17.000001"]
    await services.catalogue.publish_type(replace(permit, version=permit.version + 1, four_eyes=True), "test")
    await services.catalogue.refresh()
    act = StatusAct(act="revoke", reason_code="R1", decision_number="1/QĐ")
    order = await services.orders.act(issued.result_code, act, Orderer.of(AGENCY, "clerk"))
    assert order.state == "awaiting_approval"
    with pytest.raises(SecondPersonNeeded):
        await services.orders.approve(order.order_id, order.order_hash, everything_of(AGENCY), "clerk")
    approved = await services.orders.approve(order.order_id, order.order_hash, everything_of(AGENCY), "chief")
    assert approved.state == "carried_out"


async def test_an_approved_order_waits_for_its_time(board: Board) -> None:
    codes = await board.issue()
    order = await ask_to_annul(board, codes, effective_at=board.in_minutes(10))
    assert (await board.approve(order))["state"] == "scheduled"
    board.desk.clock.forward(timedelta(minutes=11))
    await board.worker.carry_out_due()
    assert await board.statuses(codes) == [VALID]


async def test_an_approval_after_its_time_is_carried_out_at_once_and_says_when(board: Board) -> None:
    codes = await board.issue()
    order = await ask_to_annul(board, codes, effective_at=board.in_minutes(10))
    board.desk.clock.forward(timedelta(hours=1))
    assert (await board.approve(order))["state"] == "carried_out"
    [act] = await board.desk.rows("SELECT acted_at - effective_at AS late FROM status_act WHERE act = 'restore'")
    assert act["late"] == timedelta(minutes=51)


async def test_an_approved_order_that_cannot_be_carried_out_ends_and_says_why(board: Board) -> None:
    codes = await board.issue(2)
    order = await ask_to_annul(board, codes)
    newer = await board.issue()
    await board.approve(await board.order("restore", results=codes[:1]))
    await board.place("supersede", replacements={codes[0]: newer[0]})
    failed = await board.approve(order)
    assert (failed["state"], failed["faults"]) == ("failed", 1)
    assert (await board.get(f"/{order['order_id']}/faults"))["items"] == [
        {"position": 0, "line_number": None, "result_code": codes[0], "code": "is_superseded"}
    ]
    assert await board.statuses(codes) == [3, REVOKED], "nothing is half done"


async def test_author_and_approver_may_cancel_and_nobody_else(board: Board) -> None:
    codes = await board.issue(2)
    order, other = [await board.order(results=[code], effective_at=board.in_minutes(5)) for code in codes]
    problem(await board.try_cancel(order, subject="officer-9"), 403, "not_permitted")
    assert problem(await board.try_cancel(order, " "), 422, "invalid_input") == [("reason", "empty_or_padded")]
    for one, who in ((order, {}), (other, {"subject": APPROVER, "scope": "credentials:approve"})):
        cancelled = read(await board.try_cancel(one, **who), 200)
        assert (cancelled["state"], cancelled["cancel_reason"]) == ("cancelled", "nhầm số")
        assert cancelled["cancelled_by"] == who.get("subject", AUTHOR)
        assert read(await board.try_cancel(one, **who), 200) == cancelled, "asked again"
        problem(await board.try_cancel(one, "khác", **who), 409, "order_ended")
    board.desk.clock.forward(timedelta(minutes=6))
    await board.worker.carry_out_due()
    assert await board.statuses(codes) == [VALID, VALID]


async def test_what_is_cancelled_is_not_approved_and_what_is_done_is_not_cancelled(board: Board) -> None:
    codes = await board.issue()
    order = await ask_to_annul(board, codes)
    read(await board.try_cancel(order), 200)
    problem(await board.try_approve(order), 409, "order_ended")
    done = await board.approve(await board.order("restore", results=codes))
    problem(await board.try_cancel(done), 409, "order_ended")


async def test_the_database_itself_wants_two_persons(board: Board, city: Database) -> None:
    """Whatever the code would try, and even as the owner."""
    order = await ask_to_annul(board, await board.issue())
    owner = await asyncpg.connect(city.owner_dsn)
    approve = "UPDATE status_order SET state = 'scheduled', approver = {}, approved_at = ordered_at WHERE order_id = $1"
    for statement, constraint in (
        (approve.format("author"), "status_order_second_person"),
        (approve.format("NULL"), "status_order_approval_dated"),
        ("UPDATE status_order SET state = 'scheduled' WHERE order_id = $1", "status_order_approved_first"),
        (
            "UPDATE status_order SET state = 'cancelled', ended_at = due_at WHERE order_id = $1",
            "status_order_cancellation_explained",
        ),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await owner.execute(statement, order["order_id"])
        assert refused.value.constraint_name == constraint
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await owner.execute("UPDATE status_act SET approver = actor")
    assert refused.value.constraint_name == "status_act_second_person"
    await owner.close()


async def test_an_order_to_which_something_was_added_is_void(services: Services, clock: Clock, city: Database) -> None:
    """The application's role can change nothing of an order; what it can add, the hash tells."""
    codes = []
    for serial in (1, 2):
        request = msgspec.convert(house_permit(serial), IssueRequest)
        codes.append((await services.issuer.issue(request, AGENCY, "clerk", f"{serial}")).result_code)
    later = clock() + timedelta(minutes=5)
    act = StatusAct(act="revoke", reason_code="R1", decision_number="1/QĐ", effective_at=later)
    order = await services.orders.act(codes[0], act, Orderer.of(AGENCY, "clerk"))
    app = await asyncpg.connect(city.app_dsn)
    await app.execute(f"SET khoso.agencies = '{AGENCY}'; SET khoso.duty = 'order'")
    for column in ("act", "reason_code", "decision_number", "effective_at", "order_hash", "author", "needs_approval"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(f"UPDATE status_order SET {column} = {column}")
    for statement in ("UPDATE status_order_result SET position = 1", "DELETE FROM status_order_result"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    await app.execute(
        """
        INSERT INTO status_order_result (order_id, position, result_code, vault_id, credential_id)
        SELECT $1, 1, result_code, vault_id, credential_id FROM result_code WHERE result_code = $2
        """,
        order.order_id,
        codes[1],
    )
    clock.forward(timedelta(minutes=6))
    await services.orders.carry_out_due()
    assert tuple(await app.fetchrow(ORDER_SQL, order.order_id) or ()) == ("failed", None, 1)
    assert await app.fetchval("SELECT code FROM status_order_fault") == "altered"
    assert await app.fetchval("SELECT count(*) FROM status_act") == 0
    await app.close()
