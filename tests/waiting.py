"""Wait until a database has come to a point, instead of for a time that may be too short."""

import asyncio

import asyncpg

_PATIENCE_SECONDS = 60
_PAUSE_SECONDS = 0.01


async def until_somebody_waits(dsn: str, transactions: int = 1) -> None:
    """Until so many transactions wait for a lock in this database; `dsn` is its owner's."""
    await until_rows(
        dsn,
        """
        SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE NOT granted AND datname = current_database() HAVING count(DISTINCT pid) >= $1
        """,
        transactions,
    )


async def until_rows(dsn: str, sql: str, *args: object) -> None:
    """Until this query finds something; `dsn` is the owner's."""
    conn = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await conn.fetch(sql, *args):  # noqa: ASYNC110 - PostgreSQL rings no bell for it
                await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        await conn.close()
