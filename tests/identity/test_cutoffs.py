"""Access tokens that end early: on every worker, whichever ends them, and no token slips through."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

from desk import Desk
from grounds import Clock, open_client
from khoso import db
from khoso.bounds import Bounds
from khoso.config import Config
from khoso.identity.cutoffs import Cutoffs, time_of_token
from khoso.wiring import Services, open_services
from waiting import until_somebody_waits

ME = "/api/v1/me"
IDENTIFYING = Bounds(duty="identify")
PATIENCE_SECONDS = 20


async def test_every_worker_refuses_what_one_has_ended(desk: Desk, config: Config, clock: Clock) -> None:
    """And only the tokens from before."""
    token, stranger = (desk.token("vault:read", subject=subject) for subject in ("person:1", "person:2"))
    async with AsyncExitStack() as stack:
        workers = [desk.client, *[await stack.enter_async_context(open_client(config, clock)) for _ in range(2)]]
        assert [(await worker.get(ME, headers=token)).status_code for worker in workers] == [200] * 3
        services = await stack.enter_async_context(open_services(config, clock, verifying=False))
        async with db.transaction(services.pool, IDENTIFYING) as conn:
            await services.identity.cutoffs.end(conn, "person:1", clock())
        clock.forward(timedelta(seconds=2))
        async with asyncio.timeout(PATIENCE_SECONDS):
            for worker in workers:
                while (await worker.get(ME, headers=token)).status_code != 401:
                    pass
        newer = desk.token("vault:read", subject="person:1")
        for worker in workers:
            for good in (newer, stranger):
                assert (await worker.get(ME, headers=good)).status_code == 200


async def test_what_is_rolled_back_has_ended_nothing(services: Services, clock: Clock) -> None:
    cutoffs = services.identity.cutoffs
    try:
        async with db.transaction(services.pool, IDENTIFYING) as conn:
            await cutoffs.end(conn, "person:1", clock())
            raise LookupError
    except LookupError:
        pass
    await cutoffs.refresh()
    assert cutoffs.known == {}


async def test_a_token_made_meanwhile_waits_for_the_rights_to_change(
    services: Services, config: Config, clock: Clock
) -> None:
    cutoffs = services.identity.cutoffs
    begun, made = asyncio.Event(), []

    async def make() -> None:
        async with db.transaction(services.pool, IDENTIFYING) as conn:
            begun.set()
            made.append(await time_of_token(conn, "person:1", None, clock()))

    async with db.transaction(services.pool, IDENTIFYING) as conn:
        await cutoffs.end(conn, "person:1", clock())
        task = asyncio.create_task(make())
        await begun.wait()
        await until_somebody_waits(config.database_owner_url)
        assert made == []
    await task
    assert made == [clock().replace(microsecond=0) + timedelta(seconds=1)], "dated after what ended"


async def test_many_ends_at_once_in_any_order(services: Services, clock: Clock) -> None:
    """Two transactions that end the same people in opposite orders wait for one another, and both are done."""
    cutoffs = services.identity.cutoffs
    people = [f"person:{number}" for number in range(10)]

    async def end(order: list[str]) -> None:
        async with db.transaction(services.pool, IDENTIFYING) as conn:
            for person in order:
                await cutoffs.end(conn, person, clock())
                await asyncio.sleep(0)

    await asyncio.gather(end(people), end(people[::-1]), end(people), end(people[::-1]))
    await cutoffs.refresh()
    assert cutoffs.known.keys() == set(people)


async def test_what_is_older_than_any_token_is_forgotten(services: Services, clock: Clock) -> None:
    other = Cutoffs(services.pool, clock)
    async with db.transaction(services.pool, IDENTIFYING) as conn:
        await other.end(conn, "person:1", clock())
    await other.refresh()
    assert other.known.keys() == {"person:1"}
    clock.forward(timedelta(days=32))
    async with db.transaction(services.pool, IDENTIFYING) as conn:
        await other.end(conn, "person:2", clock())
    await other.refresh()
    assert other.known.keys() == {"person:2"}
