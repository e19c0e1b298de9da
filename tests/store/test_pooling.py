"""The door to PostgreSQL through PgBouncer in transaction mode: who shares a connection shares nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import asyncpg
import msgspec
import pytest

from desk import AGENCY
from grounds import Clock
from khoso import db
from khoso.bounds import NOTHING, Bounds, of_agencies
from khoso.config import Config
from khoso.embedded import EmbeddedPostgres
from khoso.errors import Unavailable
from khoso.issue_request import IssueRequest
from khoso.wiring import Services, open_services
from pooling import CONNECTIONS, PGBOUNCER, Pooler, make_pooler
from samples import house_permit

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed (apt-get install pgbouncer)")


@pytest.fixture
async def pooler(server: EmbeddedPostgres) -> Pooler:
    return await make_pooler(server)


@pytest.fixture
async def services(config: Config, clock: Clock, pooler: Pooler) -> AsyncIterator[Services]:
    with pooler.running():
        async with open_services(pooler.before(config), clock) as services:
            yield services


@pytest.fixture
async def vaults(services: Services) -> list[UUID]:
    """Of citizens with a paper each, issued at once."""
    requests = [
        msgspec.convert(house_permit(n, holder={"kind": "person", "id": f"048078{n:06}", "name": "An"}), IssueRequest)
        for n in range(12)
    ]
    issued = await asyncio.gather(*(services.issuer.issue(one, AGENCY, "officer", f"{one}") for one in requests))
    assert len({one.result_code for one in issued}) == len(requests)
    async with db.transaction(services.pool, of_agencies([AGENCY])) as conn:
        return [row["vault_id"] for row in await conn.fetch("SELECT vault_id FROM credential")]


async def find_vaults(services: Services, bounds: Bounds) -> set[UUID]:
    async with db.transaction(services.pool, bounds) as conn:
        return {row["vault_id"] for row in await conn.fetch("SELECT vault_id FROM credential")}


async def test_many_on_few_connections_see_each_his_own(services: Services, vaults: list[UUID]) -> None:
    """Among them some whose transactions fail, or end because nobody waits any longer."""

    async def fail(vault_id: UUID) -> None:
        async with db.transaction(services.pool, Bounds(vault_id=vault_id)) as conn:
            await conn.execute("SELECT 1 / 0")

    async def leave(vault_id: UUID) -> None:
        async with db.transaction(services.pool, Bounds(vault_id=vault_id)) as conn, asyncio.timeout(0.05):
            await conn.execute("SELECT pg_sleep(30)")

    async def ask(vault_id: UUID, turn: int) -> None:
        if turn % 4 == 1:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await fail(vault_id)
        elif turn == 2:
            with pytest.raises(Unavailable):
                await leave(vault_id)
        assert await find_vaults(services, NOTHING) == set()
        assert await find_vaults(services, Bounds(vault_id=vault_id)) == {vault_id}

    assert len(vaults) == 12
    await asyncio.gather(*(ask(vault_id, turn) for turn in range(8) for vault_id in vaults))
    assert await find_vaults(services, of_agencies([AGENCY])) == set(vaults)
    processes = set()
    for _ in range(20):
        async with db.transaction(services.pool) as conn:
            processes.add(await conn.fetchval("SELECT pg_backend_pid()"))
    assert len(processes) <= CONNECTIONS


async def test_what_holds_on_every_session_holds_behind_it(services: Services) -> None:
    async with db.transaction(services.pool) as conn:
        settings = await conn.fetch(
            "SELECT name, setting FROM pg_settings WHERE name IN ('jit', 'statement_timeout', 'TimeZone') ORDER BY name"
        )
    assert [tuple(row) for row in settings] == [("TimeZone", "UTC"), ("jit", "off"), ("statement_timeout", "30000")]


async def test_a_pooler_that_is_away_is_a_database_that_is_away(config: Config, clock: Clock, pooler: Pooler) -> None:
    with pooler.running():
        stack = AsyncExitStack()
        services = await stack.enter_async_context(open_services(pooler.before(config), clock))
    async with stack:
        with pytest.raises(Unavailable):
            await services.check_ready()
        with pooler.running():
            await services.check_ready()
