"""An audit of two chains, and somebody who owns the database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from grounds import Clock, Database
from khoso import db
from khoso.auditing import service, store
from khoso.auditing.model import Report
from khoso.auditing.store import Entry
from khoso.db import Pool

ROWS = 20
"""Rows in each of the chains 0 and 1."""


@dataclass
class Auditor:
    """Signs and checks, and remembers what was signed."""

    pool: Pool
    clock: Clock
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    log: list[str] = field(default_factory=list)
    read: list[int] = field(default_factory=list)

    async def sign(self) -> str:
        self.log.append(await service.make_checkpoint(self.pool, self.key, self.clock()))
        return self.log[-1]

    async def check(self, outside: list[str] | None = None) -> Report:
        keys = [self.key.public_key()]
        return await service.check(self.pool, keys, outside or [], begin=self.read.append, advance=self.read.append)

    async def found(self, outside: list[str] | None = None) -> list[tuple[str, int | None, int | None]]:
        """Kind, chain and row of each fault."""
        return [(fault.kind, fault.chain, fault.sequence) for fault in (await self.check(outside)).faults]


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    async with await db.create_pool(database.app_dsn, 16) as pool:
        yield pool


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(database.owner_dsn)
    yield conn
    await conn.close()


async def write(pool: Pool, clock: Clock, first: int, count: int) -> None:
    async with db.transaction(pool) as conn:
        entries = [Entry("cán bộ 7", "issue", f"H17-{number}-KQ1") for number in range(first, first + count)]
        await store.append(conn, entries, clock())


@pytest.fixture
async def auditor(pool: Pool, clock: Clock) -> Auditor:
    """Over an audit with a batch, a few rows and single ones in chain 0, and a batch in chain 1."""
    first = 1
    for count in (12, 5, 1, 1, 1):
        await write(pool, clock, first, count)
        first += count
    async with db.transaction(pool) as holder:
        await holder.execute("SELECT FROM audit_head WHERE chain = 0 FOR UPDATE")
        await write(pool, clock, 101, ROWS)
    return Auditor(pool, clock)
