"""Numbers and indexes taken by several transactions at once, and given back by those that fail."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import msgspec
import pytest

from desk import AGENCY
from invariants import check_everything
from khoso import db
from khoso.config import Config
from khoso.db import Connection
from khoso.formats.status_list import SIZE
from khoso.issuance import store
from khoso.issuance.model import Credential, IssueRequest
from khoso.issuance.service import issuing
from khoso.wiring import Services
from samples import house_permit
from waiting import until_somebody_waits

SEED = bytes(range(32))
ISSUING = issuing([AGENCY])


class ChangeOfMind(Exception):
    """Why a transaction ends without a commit."""


def positions(ranges: Sequence[store.IndexRange]) -> list[tuple[int, int, int]]:
    return [(taken.list_id, taken.first, taken.count) for taken in ranges]


async def open_lists(pool: db.Pool) -> None:
    """Each is opened while those before it are held."""
    async with db.transaction(pool, ISSUING) as conn:
        for list_id in range(store.OPEN_LISTS):
            await conn.execute("INSERT INTO status_list VALUES ($1, $2, 0, 0)", list_id, SEED)


async def test_transactions_side_by_side_have_a_list_each_and_the_next_waits(config: Config) -> None:
    pool = await db.create_pool(config.database_url, store.OPEN_LISTS + 1)
    await open_lists(pool)
    async with AsyncExitStack() as held:
        transactions = [await held.enter_async_context(db.transaction(pool, ISSUING)) for _ in range(store.OPEN_LISTS)]
        for number, conn in enumerate(transactions):
            assert positions(await store.take_indexes(conn, 2, SEED, [])) == [(number, 0, 2)]
        waiting = asyncio.create_task(take_one(pool))
        await until_somebody_waits(config.database_owner_url)
        assert not waiting.done()
    assert positions(await waiting) == [(0, 2, 1)]
    await pool.close()


async def take_one(pool: db.Pool) -> list[store.IndexRange]:
    async with db.transaction(pool, ISSUING) as conn:
        return await store.take_indexes(conn, 1, SEED, [])


async def issue_and_think_better_of_it(services: Services) -> None:
    async with db.transaction(services.pool, ISSUING) as conn:
        await issue_three(services, conn)
        raise ChangeOfMind


async def issue_three(services: Services, conn: Connection) -> list[Credential]:
    """Two in one dossier, and one in another."""
    requests = [msgspec.convert(house_permit(serial), IssueRequest) for serial in (1, 2, 1)]
    prepared = [services.issuer.prepare(request, AGENCY) for request in requests]
    return await services.issuer.issue_in(conn, prepared, "import")


async def test_issuing_in_anothers_transaction_is_his_to_commit(services: Services, config: Config) -> None:
    with pytest.raises(ChangeOfMind):
        await issue_and_think_better_of_it(services)
    await check_everything(config.database_owner_url)
    async with db.transaction(services.pool, ISSUING) as conn:
        issued = await issue_three(services, conn)
        assert await services.issuer.issue_in(conn, [], "import") == []
    assert [one.result_code[-10:] for one in issued] == ["000001-KQ1", "000002-KQ1", "000001-KQ2"]
    await check_everything(config.database_owner_url)


async def test_whoever_holds_a_list_waits_only_for_one_above_it(config: Config) -> None:
    """An order locks its lists in rising order: waiting below what one holds could be waiting in a circle."""
    pool = await db.create_pool(config.database_url, 6)
    await open_lists(pool)
    async with db.transaction(pool, ISSUING) as conn:
        last = store.OPEN_LISTS - 1
        await conn.execute("UPDATE status_list SET taken = $1 WHERE list_id = $2", SIZE - 1, last)
        await conn.execute("INSERT INTO status_list VALUES ($1, $2, 0, 0)", last + 1, SEED)
    async with AsyncExitStack() as below, AsyncExitStack() as above:
        for list_id in range(last):
            await lock_list(await below.enter_async_context(db.transaction(pool, ISSUING)), list_id)
        await lock_list(await above.enter_async_context(db.transaction(pool, ISSUING)), last + 1)
        waiting = asyncio.create_task(take_two(pool))
        await until_somebody_waits(config.database_owner_url)
        assert not waiting.done()
        await above.aclose()
        assert positions(await waiting) == [(last, SIZE - 1, 1), (last + 1, 0, 1)]
    await pool.close()


async def lock_list(conn: Connection, list_id: int) -> None:
    await conn.execute("SELECT 1 FROM status_list WHERE list_id = $1 FOR UPDATE", list_id)


async def take_two(pool: db.Pool) -> list[store.IndexRange]:
    async with db.transaction(pool, ISSUING) as conn:
        return await store.take_indexes(conn, 2, SEED, [])
