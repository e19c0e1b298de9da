"""How a transaction ends: kept, or not and said so."""

from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest

from grounds import Database
from khoso import db
from khoso.db import Pool
from khoso.errors import ConfigurationError, NotFound, Unavailable


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    async with await db.create_pool(database.app_dsn, 1) as pool:
        yield pool


async def ask(pool: Pool) -> int:
    async with db.transaction(pool) as conn:
        answer: int = await conn.fetchval("SELECT 1")
        return answer


async def test_why_it_ended_is_told_even_if_the_server_is_gone(pool: Pool, database: Database) -> None:
    async def look() -> None:
        admin = await asyncpg.connect(database.admin_dsn)
        async with db.transaction(pool) as conn:
            await admin.execute(
                "SELECT pg_terminate_backend($1, 10000)", await conn.fetchval("SELECT pg_backend_pid()")
            )
            await admin.close()
            raise NotFound("what was looked for")

    with pytest.raises(NotFound):
        await look()
    assert await ask(pool) == 1, "by a new connection"


async def test_what_an_error_has_ended_is_never_said_to_be_kept(pool: Pool) -> None:
    async def go_on() -> None:
        async with db.transaction(pool) as conn:
            with suppress(asyncpg.DivisionByZeroError):
                await conn.execute("SELECT 1 / 0")

    with pytest.raises(RuntimeError, match="nothing was committed"):
        await go_on()
    assert await ask(pool) == 1


async def test_the_library_s_own_transactions_are_refused_within(pool: Pool) -> None:
    with pytest.raises(Unavailable, match="InterfaceError"):
        async with db.transaction(pool) as conn, conn.transaction():
            pytest.fail("it got in")


@pytest.mark.parametrize("longest", ["0", "5min"])
async def test_a_role_that_may_keep_the_server_busy_is_none_to_serve_by(database: Database, longest: str) -> None:
    url = f"{database.app_dsn}&statement_timeout={longest}"
    with pytest.raises(ConfigurationError, match=r"roles\.sql"):
        await db.create_pool(url, 1)
