"""What is kept only for a while, and for how long."""

from datetime import datetime, timedelta

import msgspec

from desk import AGENCY
from grounds import Clock
from khoso import db
from khoso.bounds import Bounds
from khoso.issuance import store as issuance
from khoso.issuance.model import IssueRequest
from khoso.verification import store as verification
from khoso.wiring import Services
from samples import house_permit


async def test_keys_are_forgotten_when_their_time_is_over_and_not_before(services: Services, clock: Clock) -> None:
    request = msgspec.convert(house_permit(1), IssueRequest)
    first = await services.issuer.issue(request, AGENCY, "clerk", "one")
    await forget_keys(services.pool, clock())
    assert await services.issuer.issue(request, AGENCY, "clerk", "one") == first
    await forget_keys(services.pool, clock() + timedelta(microseconds=1))
    assert (await services.issuer.issue(request, AGENCY, "clerk", "one")).result_code == first.result_code[:-1] + "2"


async def test_wrong_look_ups_are_forgotten_by_the_hour(services: Services, clock: Clock) -> None:
    async def may_try(hour: datetime) -> bool:
        async with db.transaction(services.pool, Bounds(duty="lookup")) as conn:
            return await verification.count_attempt(conn, "H17-261120-0001-KQ1", hour, 1)

    async def forget(before: datetime) -> None:
        async with db.transaction(services.pool, Bounds(duty="forget")) as conn:
            await verification.forget_attempts(conn, before, 10)

    hour = clock()
    assert [await may_try(hour), await may_try(hour)] == [True, False]
    await forget(hour)
    assert not await may_try(hour)
    await forget(hour + timedelta(seconds=1))
    assert await may_try(hour)


async def forget_keys(pool: db.Pool, before: datetime) -> None:
    async with db.transaction(pool, Bounds(duty="forget")) as conn:
        await issuance.forget_keys(conn, before, 10)
