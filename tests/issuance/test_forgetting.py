"""What is kept only for a while, and for how long."""

from datetime import datetime, timedelta

import msgspec

from conftest import Clock
from desk import AGENCY
from khoso import db
from khoso.issuance import store as issuance
from khoso.issuance.model import IssueRequest
from khoso.verification import store as verification
from khoso.wiring import Services
from samples import house_permit


async def test_keys_are_forgotten_when_their_time_is_over_and_not_before(services: Services, clock: Clock) -> None:
    request = msgspec.convert(house_permit(1), IssueRequest)
    first = await services.issuer.issue(request, AGENCY, "clerk", "one")
    async with db.connection(services.pool) as conn:
        await issuance.forget_keys(conn, clock())
        assert await services.issuer.issue(request, AGENCY, "clerk", "one") == first
        await issuance.forget_keys(conn, clock() + timedelta(microseconds=1))
    assert (await services.issuer.issue(request, AGENCY, "clerk", "one")).result_code == first.result_code[:-1] + "2"


async def test_wrong_look_ups_are_forgotten_by_the_hour(services: Services, clock: Clock) -> None:
    async def may_try(conn: db.Connection, hour: datetime) -> bool:
        return await verification.count_attempt(conn, "H17-261120-0001-KQ1", hour, 1)

    hour = clock()
    async with db.connection(services.pool) as conn:
        assert [await may_try(conn, hour), await may_try(conn, hour)] == [True, False]
        await verification.forget_attempts(conn, hour)
        assert not await may_try(conn, hour)
        await verification.forget_attempts(conn, hour + timedelta(seconds=1))
        assert await may_try(conn, hour)
