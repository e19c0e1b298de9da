"""What an ended draft asked for is kept for as long as people may complain of it, and then nobody has it any more."""

from datetime import timedelta

import asyncpg
import pytest

from desk import Json, problem, read
from drafts.conftest import APPROVER, DRAFTS, Office
from grounds import Clock
from khoso import db
from khoso.bounds import Bounds
from khoso.drafts.forgetting import FORGOTTEN_AFTER, KINDS
from khoso.drafts.service import LAPSES_AFTER
from khoso.forgetting import forget as forget_all
from samples import house_permit

FORGETTING = Bounds(duty="forget")
EMPTY = "request = NULL, request_hash = NULL, end_reason = NULL"


async def forget(office: Office) -> None:
    """What the worker does, and in several pieces."""
    await forget_all(office.services.pool, KINDS, office.desk.clock(), at_a_time=2)


async def end_in_every_way(office: Office, clock: Clock) -> list[Json]:
    drafts = [await office.file() for _ in range(4)]
    await office.approve(drafts[0])
    read(await office.try_reject(drafts[1], "ông Thịnh chưa ký"), 200)
    read(await office.try_withdraw(drafts[2]), 200)
    clock.forward(LAPSES_AFTER)
    await office.services.drafts.lapse()
    return [await office.show(draft) for draft in drafts]


async def test_what_ended_is_forgotten_in_its_time_and_not_before(office: Office, clock: Clock) -> None:
    ended = await end_in_every_way(office, clock)
    assert [draft["state"] for draft in ended] == ["issued", "rejected", "withdrawn", "lapsed"]
    assert all(draft["request"]["holder"]["id"] == house_permit()["holder"]["id"] for draft in ended)
    waiting = await office.file()
    clock.forward(FORGOTTEN_AFTER - LAPSES_AFTER)
    await forget(office)
    assert [await office.show(draft) for draft in ended] == ended
    clock.forward(LAPSES_AFTER + timedelta(microseconds=1))
    await forget(office)
    left = [draft | {"request": None, "end_reason": None} for draft in ended]
    assert [await office.show(draft) for draft in ended] == left
    assert await office.show(waiting) == waiting, "however long it waits for a worker that ends it"
    rows = await office.desk.rows("SELECT draft::text AS said FROM draft WHERE state <> 'awaiting_approval'")
    known = (house_permit()["holder"]["id"], "Thịnh", house_permit()["fields"]["address"])
    assert [word for row in rows for word in known if word in row["said"]] == []


async def test_of_what_is_forgotten_the_rest_is_told_as_before(office: Office, clock: Clock) -> None:
    issued, rejected, withdrawn, _ = await end_in_every_way(office, clock)
    clock.forward(FORGOTTEN_AFTER + timedelta(seconds=1))
    await forget(office)
    assert (await office.approve(issued))["result_code"] == issued["result_code"]
    assert read(await office.try_withdraw(withdrawn), 200)["request"] is None
    problem(await office.try_reject(rejected, "ông Thịnh chưa ký"), 409, "draft_ended")
    problem(await office.try_approve(rejected), 409, "draft_ended")
    problem(await office.ask("GET", f"{DRAFTS}/{issued['draft_id']}/preview", APPROVER), 409, "draft_ended")
    listed = read(await office.ask("GET", DRAFTS, APPROVER), 200)["items"]
    assert [one["request"] for one in listed] == [None] * 4
    again = await office.try_file(house_permit(1), "draft-1")
    problem(again, 422, "idempotency_key_reused")  # nobody knows any more whether it asks for the same


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("request = '{}'", asyncpg.InsufficientPrivilegeError),
        ("end_reason = 'another'", asyncpg.InsufficientPrivilegeError),
        (f"{EMPTY}, state = 'awaiting_approval'", asyncpg.InsufficientPrivilegeError),
        (f"{EMPTY}, ended_at = NULL", asyncpg.InsufficientPrivilegeError),
        (f"{EMPTY}, author = 'another'", asyncpg.InsufficientPrivilegeError),
        (f"{EMPTY}, ended_by = 'another'", asyncpg.InsufficientPrivilegeError),
        (f"{EMPTY}, draft_hash = ''", asyncpg.InsufficientPrivilegeError),
        (f"{EMPTY}, revision = revision + 1", asyncpg.InsufficientPrivilegeError),
        ("request = NULL, end_reason = NULL", asyncpg.CheckViolationError),
    ],
)
async def test_whoever_forgets_can_do_nothing_else(
    office: Office, change: str, refused: type[asyncpg.PostgresError]
) -> None:
    ended, waiting = await office.file(), await office.file()
    read(await office.try_reject(ended), 200)
    with pytest.raises(refused):
        async with db.transaction(office.services.pool, FORGETTING) as conn:
            await conn.execute(f"UPDATE draft SET {change}")
    async with db.transaction(office.services.pool, FORGETTING) as conn:
        assert [str(row["draft_id"]) for row in await conn.fetch("SELECT draft_id FROM draft")] == [ended["draft_id"]]
        assert await conn.execute(f"UPDATE draft SET {EMPTY}") == "UPDATE 1"
    assert await office.show(waiting) == waiting
