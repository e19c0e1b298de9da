"""Writing into the audit: side by side, all or nothing, and never a fork."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from auditing.conftest import ROWS, Auditor, write
from grounds import Clock, Database
from khoso import db
from khoso.auditing import store
from khoso.auditing.service import AUDITING
from khoso.auditing.store import Entry
from khoso.db import Pool
from khoso.errors import Unavailable
from waiting import until_somebody_waits

CHAINS = 8
ENTRY = Entry("clerk", "issue", "H17-1-KQ1")


async def test_rows_hold_what_was_done(auditor: Auditor, pool: Pool, clock: Clock) -> None:
    async with db.transaction(pool, AUDITING) as conn:
        row = await conn.fetchrow("SELECT at, actor, act, subject FROM audit WHERE chain = 0 AND sequence = 13")
    assert row is not None
    assert tuple(row) == (clock(), "cán bộ 7", "issue", "H17-13-KQ1")
    assert (await auditor.check()).sound
    assert auditor.read == [2 * ROWS, ROWS, ROWS]


async def test_nothing_to_write_takes_no_chain(pool: Pool, clock: Clock) -> None:
    async with db.transaction(pool) as holder:
        await holder.execute("SELECT FROM audit_head FOR UPDATE")
        async with db.transaction(pool) as conn, asyncio.timeout(30):
            await store.append(conn, [], clock())


async def test_many_at_once_write_sound_chains(auditor: Auditor, pool: Pool, clock: Clock) -> None:
    """More than there are chains, so that some wait."""
    await asyncio.gather(*(write(pool, clock, 1_000 * n, 1 + n % 5) for n in range(1, 100)))
    report = await auditor.check()
    assert report.sound
    assert report.rows == 2 * ROWS + sum(1 + n % 5 for n in range(1, 100))


async def test_transactions_take_chains_of_their_own_and_the_last_one_waits(
    auditor: Auditor, pool: Pool, clock: Clock, database: Database
) -> None:
    holders = [await pool.acquire() for _ in range(CHAINS)]
    transactions = [holder.transaction() for holder in holders]
    for holder, transaction in zip(holders, transactions, strict=True):
        await transaction.start()
        async with asyncio.timeout(30):
            await store.append(holder, [ENTRY], clock())
    waiting = asyncio.create_task(write(pool, clock, 1, 3))
    await until_somebody_waits(database.owner_dsn)
    assert not waiting.done()
    for transaction in transactions:
        await transaction.commit()
    await waiting
    for holder in holders:
        await pool.release(holder)
    rows = await pool.fetch("SELECT chain, length FROM audit_head ORDER BY chain")
    assert [row["length"] for row in rows] == [ROWS + 1 + 3, ROWS + 1, *[1] * (CHAINS - 2)]
    assert (await auditor.check()).sound


async def test_one_transaction_may_append_again_while_all_chains_are_held(
    auditor: Auditor, pool: Pool, clock: Clock
) -> None:
    async with db.transaction(pool) as conn, db.transaction(pool) as others, asyncio.timeout(30):
        await store.append(conn, [ENTRY], clock())
        await others.execute("SELECT FROM audit_head WHERE chain > 0 FOR UPDATE")
        await store.append(conn, [ENTRY, ENTRY], clock())
    assert (await auditor.check()).sound


async def test_what_is_rolled_back_leaves_neither_row_nor_head(auditor: Auditor, pool: Pool, clock: Clock) -> None:
    before = await pool.fetch("SELECT * FROM audit_head ORDER BY chain")
    async with pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await store.append(conn, [ENTRY], clock())
        await transaction.rollback()
    assert await pool.fetch("SELECT * FROM audit_head ORDER BY chain") == before
    await write(pool, clock, 1, 1)
    assert (await auditor.check()).sound


@pytest.mark.parametrize("right", ["INSERT ON audit", "UPDATE (length, hash) ON audit_head"])
async def test_without_the_right_to_write_it_is_unavailable(
    pool: Pool, owner: asyncpg.Connection, clock: Clock, right: str
) -> None:
    await owner.execute(f"REVOKE {right} FROM khoso_app")
    with pytest.raises(Unavailable):
        await write(pool, clock, 1, 1)


async def test_the_newest_rows_come_first_whatever_their_chain(auditor: Auditor, pool: Pool, clock: Clock) -> None:
    clock.forward(timedelta(seconds=1))
    await write(pool, clock, 7, 1)

    async def listed(limit: int, *wanted: str | None) -> list[tuple[int, int]]:
        async with db.transaction(pool, AUDITING) as conn:
            return [(row.chain, row.sequence) for row in await store.list_newest(conn, limit, *wanted)]

    assert await listed(4, None, None, None) == [(0, 21), (0, 20), (0, 19), (0, 18)]
    assert await listed(9, None, None, "H17-7-KQ1") == [(0, 21), (0, 7)]
    assert len(await listed(99, "cán bộ 7", "issue", None)) == 2 * ROWS + 1
    assert await listed(9, None, "revoke", None) == []
