"""Orders carried out by real workers: in time, and whole, however often one is killed on the way."""

import asyncio
import random
from datetime import timedelta

import msgspec

from desk import AGENCY
from invariants import check_everything
from khoso import db
from khoso.bounds import Bounds
from khoso.caller import everything_of
from khoso.config import Config
from khoso.issuance.model import IssueRequest
from khoso.issuance.service import issuing
from khoso.orders.model import Order, Orderer, OrderRequest, Query
from khoso.orders.service import Orders
from khoso.wiring import Services, open_services, utc_now
from samples import house_permit
from servers import worker

RESULTS = 600
KILLS = 8
_PATIENCE_SECONDS = 60


async def order(services: Services, seconds: int) -> Order:
    """Everything is to be revoked then; the worker has it."""
    requests = [msgspec.convert(house_permit(serial), IssueRequest) for serial in range(1, RESULTS + 1)]
    prepared = [services.issuer.prepare(request, AGENCY) for request in requests]
    async with db.transaction(services.pool, issuing([AGENCY])) as conn:
        await services.issuer.issue_in(conn, prepared, "clerk")
    request = OrderRequest(
        act="revoke",
        reason_code="R1",
        decision_number="1/QĐ",
        query=Query(issued_by="clerk"),
        expected_count=RESULTS,
        effective_at=utc_now() + timedelta(seconds=seconds),
    )
    orders = Orders(services.pool, lambda _: False, utc_now, lambda: None)
    return await orders.place(request, Orderer.of(AGENCY, "chief"), "one")


async def changed(services: Services) -> int:
    """How many results are revoked; they agree with the acts."""
    async with db.transaction(services.pool, Bounds(agencies=(AGENCY,))) as conn:
        row = await conn.fetchrow(
            """
            SELECT (SELECT count(*) FROM credential WHERE status = 1) AS credentials,
                   (SELECT count(*) FROM status_act) AS acts
            """
        )
    assert row is not None
    assert row["credentials"] == row["acts"]
    found: int = row["acts"]
    return found


async def until_done(services: Services, placed: Order) -> Order:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            found = await services.order_book.get_order(placed.order_id, everything_of(AGENCY))
            if found.state != "scheduled":
                return found
            await asyncio.sleep(0.1)


async def test_two_workers_carry_out_an_order_at_its_time_once(config: Config) -> None:
    async with open_services(config, verifying=False) as services:
        placed = await order(services, 3)
        with worker(config), worker(config):
            done = await until_done(services, placed)
        assert done.state == "carried_out"
        assert done.ended_at is not None
        assert done.ended_at >= done.due_at
        assert await changed(services) == RESULTS
    await check_everything(config.database_owner_url)


async def test_a_worker_that_is_killed_has_done_everything_or_nothing(config: Config) -> None:
    async with open_services(config, verifying=False) as services:
        placed = await order(services, 1)
        for _ in range(KILLS):
            with worker(config):
                await asyncio.sleep(random.uniform(0.5, 3.0))
            assert await changed(services) in (0, RESULTS)
        with worker(config):
            assert (await until_done(services, placed)).state == "carried_out"
        assert await changed(services) == RESULTS
    await check_everything(config.database_owner_url)
