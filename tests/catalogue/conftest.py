import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from catalogue.keys import ORIGIN
from khoso import db
from khoso.catalogue.service import Catalogue
from khoso.db import Pool
from khoso.embedded import APP, DATABASE, OWNER, WITHOUT_DURABILITY, EmbeddedPostgres, provision
from khoso.migrating import migrate


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, by: timedelta) -> None:
        self.time += by


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """PostgreSQL with a migrated database to copy."""
    room = Path(tempfile.mkdtemp(prefix="khoso-test-", dir="/tmp"))
    room.chmod(0o711)
    with EmbeddedPostgres(room / "base", settings=WITHOUT_DURABILITY) as server:
        asyncio.run(_prepare(server))
        yield server
    shutil.rmtree(room)


async def _prepare(server: EmbeddedPostgres) -> None:
    await provision(server)
    await migrate(server.dsn(DATABASE, OWNER))


@pytest.fixture
async def pool(server: EmbeddedPostgres) -> AsyncIterator[Pool]:
    """The application's connections to a database of its own."""
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE} OWNER {OWNER}")
    pool = await db.create_pool(server.dsn(name, APP), 4)
    yield pool
    await pool.close()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def catalogue(pool: Pool, clock: Clock) -> Catalogue:
    return Catalogue(pool, origin=ORIGIN, now=clock)
