"""Numbers and indexes taken by several transactions at once, and given back by those that fail."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import msgspec

from desk import AGENCY
from invariants import check_everything
from khoso import db
from khoso.config import Config
from khoso.db import Connection
from khoso.issuance import store
from khoso.issuance.model import Issued, IssueRequest
from khoso.wiring import Services
from samples import house_permit

SEED = bytes(range(32))


def positions(ranges: Sequence[store.IndexRange]) -> list[tuple[int, int, int]]:
    return [(taken.list_id, taken.first, taken.count) for taken in ranges]


async def open_lists(pool: db.Pool) -> None:
    """Each is opened while those before it are held."""
    async with db.connection(pool) as conn:
        for list_id in range(store.OPEN_LISTS):
            await conn.execute("INSERT INTO status_list VALUES ($1, $2, 0, 0)", list_id, SEED)


async def test_transactions_side_by_side_have_a_list_each_and_the_next_waits(config: Config) -> None:
    pool = await db.create_pool(config.database_url, store.OPEN_LISTS + 1)
    await open_lists(pool)
    async with AsyncExitStack() as held:
        transactions = [await held.enter_async_context(db.transaction(pool)) for _ in range(store.OPEN_LISTS)]
        for number, conn in enumerate(transactions):
            assert positions(await store.take_indexes(conn, 2, SEED, [])) == [(number, 0, 2)]
        waiting = asyncio.create_task(take_one(pool))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    assert positions(await waiting) == [(0, 2, 1)]
    await pool.close()


async def take_one(pool: db.Pool) -> list[store.IndexRange]:
    async with db.transaction(pool) as conn:
        return await store.take_indexes(conn, 1, SEED, [])


async def issue_three(services: Services, conn: Connection) -> list[Issued]:
    """Two in one dossier, and one in another."""
    requests = [msgspec.convert(house_permit(serial), IssueRequest) for serial in (1, 2, 1)]
    prepared = [services.issuer.prepare(request, AGENCY) for request in requests]
    return await services.issuer.issue_in(conn, prepared, "import")


async def test_issuing_in_anothers_transaction_is_his_to_commit(services: Services, config: Config) -> None:
    async with db.connection(services.pool) as conn:
        transaction = conn.transaction()
        await transaction.start()
        await issue_three(services, conn)
        await transaction.rollback()
    await check_everything(config.database_owner_url)
    async with db.transaction(services.pool) as conn:
        issued = await issue_three(services, conn)
        assert await services.issuer.issue_in(conn, [], "import") == []
    assert [one.result_code[-10:] for one in issued] == ["000001-KQ1", "000002-KQ1", "000001-KQ2"]
    await check_everything(config.database_owner_url)
