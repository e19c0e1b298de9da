"""What tests stand on: a clock, databases to copy, workers that answer on them. The fixtures are in `conftest`.

Nothing imports `conftest`: pytest knows it under another name, so whoever did would have a second copy of everything.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import asyncpg
import httpx

from khoso.app import configure, create_app
from khoso.catalogue import danang
from khoso.config import Config
from khoso.demo.build import ensure_keys
from khoso.embedded import APP, DATABASE, OWNER, EmbeddedPostgres, provision
from khoso.front import Application, Front
from khoso.migrating import migrate
from khoso.wiring import open_services

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of servers on this machine: to read whom the system trusts takes longer than to ask them."""

ORIGIN = "https://kho.danang.gov.vn"
CITY = "khoso_city"


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, by: timedelta) -> None:
        self.time += by


@dataclass(frozen=True)
class Database:
    """One test's own database."""

    app_dsn: str
    owner_dsn: str
    admin_dsn: str


async def prepare(server: EmbeddedPostgres) -> None:
    """Roles and schema."""
    await provision(server)
    await migrate(server.dsn(DATABASE, OWNER))


async def build_city(server: EmbeddedPostgres, key_dir: Path) -> None:
    """The catalogue of Da Nang and its agencies' keys, in the database CITY of a prepared server."""
    await copy_database(server, DATABASE, CITY)
    clock = Clock()
    config = Config(database_url=server.dsn(CITY, APP), public_url=ORIGIN, keys_dir=key_dir)
    async with open_services(config, clock, verifying=False) as services:
        await services.catalogue.load(danang.load(), "test")
        await ensure_keys(services, clock())


async def copy_database(server: EmbeddedPostgres, template: str, name: str) -> Database:
    """A new database like the template."""
    admin = await asyncpg.connect(server.dsn())
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER} STRATEGY file_copy")
    finally:
        await admin.close()
    return Database(server.dsn(name, APP), server.dsn(name, OWNER), server.dsn(name))


async def drop_database(server: EmbeddedPostgres, name: str) -> None:
    """And whoever is still connected."""
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@contextmanager
def copied_city(server: EmbeddedPostgres, template: str, key_dir: Path, name: str) -> Iterator[Config]:
    """A city of that name, for a test that has an event loop of its own."""
    copied = asyncio.run(copy_database(server, template, name))
    try:
        yield Config(
            database_url=copied.app_dsn, database_owner_url=copied.owner_dsn, public_url=ORIGIN, keys_dir=key_dir
        )
    finally:
        asyncio.run(drop_database(server, name))


@asynccontextmanager
async def running(app: Application) -> AsyncIterator[None]:
    """The application's lifespan in a task of its own: fixtures begin and end in different ones."""
    started, ending = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await ending.wait()

    life = asyncio.create_task(live())
    await asyncio.wait([life, asyncio.create_task(started.wait())], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        ending.set()
        await life


_IDLE: list[Application] = []
"""Applications that have ended: to put one together takes longer than most tests."""


class Worker(httpx.AsyncClient):
    """HTTP on an application of its own: several on one database are like several workers."""

    def __init__(self, app: Application) -> None:
        super().__init__(
            transport=httpx.ASGITransport(cast(Any, Front(app)), raise_app_exceptions=False), base_url=ORIGIN
        )
        self.app = app

    async def learn(self) -> None:
        """Hear now of every status that has changed."""
        await self.app.state.services.statuses.refresh()


@asynccontextmanager
async def open_client(config: Config, clock: Clock) -> AsyncIterator[Worker]:
    """One worker for a while."""
    app = _IDLE.pop() if _IDLE else create_app(config, clock)
    configure(app, config, clock)
    async with running(app), Worker(app) as client:
        yield client
    _IDLE.append(app)
