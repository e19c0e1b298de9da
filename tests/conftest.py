"""A real PostgreSQL for all tests; a fresh database, or a whole city, for each.

server      one PostgreSQL for the session
database    an empty, migrated database
city        a database with the catalogue of Da Nang and a key for every issuing agency, and the keys' directory
clock       goes when it is told to
services    the rooms of a process on the city
khoso       the command line
client      HTTP on the city; when the test is over, everything in the database must still be true
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import structlog

import invariants
from command_line import Khoso, make_khoso
from economy import (
    making_room,
    pytest_runtest_protocol,
    pytest_xdist_make_scheduler,
)
from grounds import CITY, ORIGIN, Clock, Database, build_city, copy_database, drop_database, open_client, prepare
from khoso.config import Config
from khoso.embedded import DATABASE, WITHOUT_DURABILITY, EmbeddedPostgres
from khoso.signing.files import KeyFiles
from khoso.wiring import Services, open_services

__all__ = ["pytest_runtest_protocol", "pytest_xdist_make_scheduler"]


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """A command says where logs go; the tests after it have not."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def khoso(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Khoso:
    return make_khoso(monkeypatch, capfd)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """PostgreSQL with a migrated database to copy."""
    settings = {**WITHOUT_DURABILITY, "max_connections": "200"}
    with making_room() as room, EmbeddedPostgres(room / "base", settings=settings) as server:
        asyncio.run(prepare(server))
        yield server


@pytest.fixture(scope="session")
def key_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    KeyFiles(directory).prepare(development=True)
    return directory


@pytest.fixture(scope="session")
def city_template(server: EmbeddedPostgres, key_dir: Path) -> str:
    """A database with the whole catalogue, to copy."""
    asyncio.run(build_city(server, key_dir))
    return CITY


@pytest.fixture
async def database(server: EmbeddedPostgres) -> AsyncIterator[Database]:
    name = f"test_{uuid4().hex}"
    yield await copy_database(server, DATABASE, name)
    await drop_database(server, name)


@pytest.fixture
async def city(server: EmbeddedPostgres, city_template: str) -> AsyncIterator[Database]:
    name = f"test_{uuid4().hex}"
    yield await copy_database(server, city_template, name)
    await drop_database(server, name)


@pytest.fixture
def config(city: Database, key_dir: Path, tmp_path: Path) -> Config:
    return Config(
        database_url=city.app_dsn,
        database_owner_url=city.owner_dsn,
        public_url=ORIGIN,
        keys_dir=key_dir,
        data_dir=tmp_path,
        log_level="warning",
    )


@pytest.fixture
async def services(config: Config, clock: Clock) -> AsyncIterator[Services]:
    async with open_services(config, clock) as services:
        yield services


@pytest.fixture
async def client(config: Config, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(config, clock) as client:
        yield client
    await invariants.check_everything(config.database_owner_url)
